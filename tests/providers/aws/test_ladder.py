"""The desired-state ladder for every AWS type, against moto's server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perimeter.state.model import StateObject
from perimeter.testing import ladder as steps
from perimeter.testing.ladder import Ladder
from perimeter_aws.provider import Aws
from tests.providers.aws.conftest import ADMINISTRATOR, READ_ONLY, Account, trust

TYPES = Aws().resources
OUTSIDE = "arn:aws:iam::999999999999:root"
Tamper = Callable[[StateObject], None]


def block(kind: str, arguments: str, name: str = "this") -> str:
    return f'resource "{kind}" "{name}" {{\n{arguments}\n}}\n'


def user(account: Account) -> Ladder:
    iam = account.iam
    tamper: dict[str, Tamper] = {
        "name": lambda o: iam.update_user(UserName=o.attributes["name"], NewUserName="renamed"),
        "path": lambda o: iam.update_user(UserName=o.attributes["name"], NewPath="/else/"),
        "tags": lambda o: iam.tag_user(
            UserName=o.attributes["name"], Tags=[{"Key": "team", "Value": "other"}]
        ),
    }
    return Ladder(
        kind=TYPES["aws_iam_user"],
        address="aws_iam_user.this",
        steps=(
            block("aws_iam_user", 'name = "billing"'),
            block(
                "aws_iam_user",
                'name = "billing"\npath = "/service/"\ntags = { team = "a", old = "1" }',
            ),
            block(
                "aws_iam_user", 'name = "billing"\npath = "/service/"\ntags = { team = "billing" }'
            ),
        ),
        tamper=tamper,
        untampered={
            "permissions_boundary": "moto has no boundaries of users; see test_client.py",
        },
        import_id=lambda o: str(o.attributes["name"]),
        remove=lambda o: iam.delete_user(UserName=o.attributes["name"]),
    )


def access_key(account: Account) -> Ladder:
    iam = account.iam
    iam.create_user(UserName="billing")
    return Ladder(
        kind=TYPES["aws_iam_access_key"],
        address="aws_iam_access_key.this",
        steps=(
            block("aws_iam_access_key", 'user = "billing"'),
            block("aws_iam_access_key", 'user = "billing"\nstatus = "Inactive"'),
            block("aws_iam_access_key", 'user = "billing"\nstatus = "Active"'),
        ),
        tamper={
            "status": lambda o: iam.update_access_key(
                UserName="billing", AccessKeyId=o.id, Status="Inactive"
            )
        },
        untampered={"user": "AWS moves no key to another user"},
        import_id=lambda o: f"billing/{o.id}",
        remove=lambda o: iam.delete_access_key(UserName="billing", AccessKeyId=o.id),
    )


def user_attachment(account: Account) -> Ladder:
    iam = account.iam
    iam.create_user(UserName="billing")
    kind = "aws_iam_user_policy_attachment"
    return Ladder(
        kind=TYPES[kind],
        address=f"{kind}.this",
        steps=(
            block(kind, f'user = "billing"\npolicy_arn = "{READ_ONLY}"'),
            block(kind, f'user = "billing"\npolicy_arn = "{ADMINISTRATOR}"'),
        ),
        untampered={"user": "it is one end of the edge", "policy_arn": "it is one end of the edge"},
        import_id=lambda o: f"billing/{o.attributes['policy_arn']}",
        remove=lambda o: iam.detach_user_policy(
            UserName="billing", PolicyArn=o.attributes["policy_arn"]
        ),
    )


def role_attachment(account: Account) -> Ladder:
    iam = account.iam
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust(OUTSIDE))
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}],
    }
    own = iam.create_policy(PolicyName="no-s3", PolicyDocument=json.dumps(document))["Policy"][
        "Arn"
    ]
    kind = "aws_iam_role_policy_attachment"
    return Ladder(
        kind=TYPES[kind],
        address=f"{kind}.this",
        steps=(
            block(kind, f'role = "deploy"\npolicy_arn = "{READ_ONLY}"'),
            block(kind, f'role = "deploy"\npolicy_arn = "{own}"'),
        ),
        untampered={"role": "it is one end of the edge", "policy_arn": "it is one end of the edge"},
        import_id=lambda o: f"deploy/{o.attributes['policy_arn']}",
        remove=lambda o: iam.detach_role_policy(
            RoleName="deploy", PolicyArn=o.attributes["policy_arn"]
        ),
    )


def role(account: Account) -> Ladder:
    iam = account.iam

    def again(o: StateObject, **changed: Any) -> None:
        iam.delete_role(RoleName=o.attributes["name"])
        iam.create_role(RoleName=o.attributes["name"], **changed)

    kind = "aws_iam_role"
    one, other = trust(OUTSIDE), trust("arn:aws:iam::888888888888:root", OUTSIDE)
    base = f'name = "deploy"\npath = "/ci/"\nassume_role_policy = {json.dumps(one)}\n'
    return Ladder(
        kind=TYPES[kind],
        address="aws_iam_role.this",
        steps=(
            block(
                kind, f'name = "deploy"\npath = "/ci/"\nassume_role_policy = {json.dumps(other)}'
            ),
            block(
                kind,
                base + 'description = "Deploys"\nmax_session_duration = 7200\n'
                f'permissions_boundary = "{READ_ONLY}"\ntags = {{ team = "ci" }}',
            ),
            block(
                kind,
                base + 'description = ""\nmax_session_duration = 3600\n'
                'permissions_boundary = ""\ntags = { team = "platform" }',
            ),
        ),
        tamper={
            "description": lambda o: iam.update_role(RoleName="deploy", Description="other"),
            "max_session_duration": lambda o: iam.update_role(
                RoleName="deploy", MaxSessionDuration=43200
            ),
            "assume_role_policy": lambda o: iam.update_assume_role_policy(
                RoleName="deploy", PolicyDocument=trust("*")
            ),
            "permissions_boundary": lambda o: iam.put_role_permissions_boundary(
                RoleName="deploy", PermissionsBoundary=ADMINISTRATOR
            ),
            "tags": lambda o: iam.untag_role(RoleName="deploy", TagKeys=["team"]),
        },
        untampered={
            "name": "AWS renames no role",
            "path": "AWS moves no role; a new one is a foreign replacement",
        },
        import_id=lambda o: "deploy",
        remove=lambda o: iam.delete_role(RoleName="deploy"),
    )


def password_policy(account: Account) -> Ladder:
    iam = account.iam
    kind = "aws_iam_account_password_policy"
    shown = {
        "MinimumPasswordLength": 16,
        "RequireSymbols": True,
        "RequireNumbers": True,
        "RequireUppercaseCharacters": True,
        "RequireLowercaseCharacters": True,
        "AllowUsersToChangePassword": True,
        "MaxPasswordAge": 90,
        "PasswordReusePrevention": 24,
        "HardExpiry": False,
    }

    def now(**changed: Any) -> Tamper:
        return lambda o: iam.update_account_password_policy(**{**shown, **changed})

    return Ladder(
        kind=TYPES[kind],
        address=f"{kind}.this",
        steps=(
            block(kind, "minimum_password_length = 12"),
            block(kind, "minimum_password_length = 14\nmax_password_age = 60\nhard_expiry = true"),
            block(
                kind,
                "minimum_password_length = 16\nrequire_symbols = true\nrequire_numbers = true\n"
                "require_uppercase_characters = true\nrequire_lowercase_characters = true\n"
                "allow_users_to_change_password = true\nmax_password_age = 90\n"
                "password_reuse_prevention = 24\nhard_expiry = false",
            ),
        ),
        tamper={
            "minimum_password_length": now(MinimumPasswordLength=8),
            "require_symbols": now(RequireSymbols=False),
            "require_numbers": now(RequireNumbers=False),
            "require_uppercase_characters": now(RequireUppercaseCharacters=False),
            "require_lowercase_characters": now(RequireLowercaseCharacters=False),
            "allow_users_to_change_password": now(AllowUsersToChangePassword=False),
            "max_password_age": now(MaxPasswordAge=365),
            "password_reuse_prevention": now(PasswordReusePrevention=1),
            "hard_expiry": now(HardExpiry=True),
        },
    )


def oidc_provider(account: Account) -> Ladder:
    iam = account.iam
    kind = "aws_iam_openid_connect_provider"
    base = (
        'url = "https://token.actions.githubusercontent.com"\n'
        'client_id_list = ["sts.amazonaws.com"]\n'
    )
    prints = [
        "1c58a3a8518e8759bf075b76b750d4f2df264fcd",
        "6938fd4d98bab03faadb97b34396831e3780aea1",
    ]

    def arn(o: StateObject) -> dict[str, Any]:
        return {"OpenIDConnectProviderArn": o.id}

    return Ladder(
        kind=TYPES[kind],
        address=f"{kind}.this",
        steps=(
            block(kind, base),
            block(
                kind,
                base
                + f'thumbprint_list = ["{prints[0].upper()}"]\ntags = {{ team = "ci", old = "1" }}',
            ),
            block(
                kind,
                base + f'thumbprint_list = ["{prints[1]}"]\ntags = {{ team = "platform" }}',
            ),
        ),
        tamper={
            "thumbprint_list": lambda o: iam.update_open_id_connect_provider_thumbprint(
                **arn(o), ThumbprintList=[prints[0]]
            ),
            "tags": lambda o: iam.untag_open_id_connect_provider(**arn(o), TagKeys=["team"]),
        },
        untampered={
            "url": "AWS moves no provider to another issuer",
            "client_id_list": "moto cannot change audiences; see test_client.py",
        },
        import_id=lambda o: "https://token.actions.githubusercontent.com/",
        remove=lambda o: iam.delete_open_id_connect_provider(**arn(o)),
    )


def secret(account: Account) -> Ladder:
    manager = account.client("secretsmanager")
    kind = "aws_secretsmanager_secret"
    base = 'name = "billing-export/aws"\n'
    return Ladder(
        kind=TYPES[kind],
        address=f"{kind}.this",
        steps=(
            block(kind, base),
            block(
                kind,
                base + 'description = "Key"\nkms_key_id = "alias/one"\n'
                'tags = { team = "a", old = "1" }\nrecovery_window_in_days = 0',
            ),
            block(
                kind,
                base + 'description = "Key of the export"\nkms_key_id = "alias/two"\n'
                'tags = { team = "billing" }\nrecovery_window_in_days = 0',
            ),
        ),
        tamper={
            "description": lambda o: manager.update_secret(SecretId=o.id, Description="other"),
            "kms_key_id": lambda o: manager.update_secret(SecretId=o.id, KmsKeyId="alias/three"),
            "tags": lambda o: manager.untag_resource(SecretId=o.id, TagKeys=["team"]),
        },
        untampered={"name": "AWS renames no secret"},
        import_id=lambda o: "billing-export/aws",
        remove=lambda o: manager.delete_secret(SecretId=o.id, ForceDeleteWithoutRecovery=True),
    )


def parameter(account: Account) -> Ladder:
    ssm = account.client("ssm")
    kind = "aws_ssm_parameter"
    name = "/billing-export/aws"
    base = f'name = "{name}"\n'

    def again(**changed: Any) -> Tamper:
        return lambda o: ssm.put_parameter(Name=name, Value="theirs", Overwrite=True, **changed)

    tags = {"ResourceType": "Parameter", "ResourceId": name}
    return Ladder(
        kind=TYPES[kind],
        address=f"{kind}.this",
        steps=(
            block(kind, base),
            block(
                kind,
                base
                + 'description = "Key"\nkey_id = "alias/one"\ntags = { team = "a", old = "1" }',
            ),
            block(
                kind,
                base + 'description = "Key of the export"\nkey_id = "alias/two"\n'
                'tier = "Advanced"\ntags = { team = "billing" }',
            ),
        ),
        tamper={
            "description": again(Description="other"),
            "key_id": again(KeyId="alias/three"),
            "tier": again(Tier="Standard"),
            "tags": lambda o: ssm.remove_tags_from_resource(**tags, TagKeys=["team"]),
        },
        untampered={"name": "AWS renames no parameter"},
        import_id=lambda o: name,
        remove=lambda o: ssm.delete_parameter(Name=name),
    )


LADDERS = (
    user,
    access_key,
    user_attachment,
    role_attachment,
    role,
    password_policy,
    oidc_provider,
    secret,
    parameter,
)


@pytest.fixture(params=LADDERS, ids=lambda made: made.__name__)
def ladder(request: pytest.FixtureRequest, account: Account) -> Ladder:
    made: Ladder = request.param(account)
    return made


def test_every_type_climbs(account: Account, ladder: Ladder, tmp_path: Path) -> None:
    """Each step is applied and reads back; drift in every managed attribute is shown and repaired; import round-trips."""
    workspace = account.workspace(tmp_path / "work")
    steps.climb(workspace, ladder)
    steps.drift(workspace, ladder)
    if ladder.kind.singleton:
        steps.removed(workspace, ladder, "")
        return
    steps.listed(workspace, ladder)
    steps.imported(workspace, ladder, tmp_path / "other")
    steps.comes_back(workspace, ladder)
    steps.removed(workspace, ladder, "")
    assert not account.listed(ladder.kind.name)


def test_the_ladders_cover_every_type(account: Account) -> None:
    covered = set()
    for made in LADDERS:
        account.moto.reset()
        covered.add(made(account).kind.name)
    assert covered == set(TYPES)
