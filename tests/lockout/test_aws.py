"""Lockout on AWS, judged by moto's account: after every step its own state says who is still allowed everything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from perimeter.engine.model import Event
from perimeter.testing.moto import MotoServer
from perimeter.testing.workspace import Outcome
from tests.providers.aws.conftest import ACCOUNT, ADMINISTRATOR, READ_ONLY, Account, trust

EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"
GLASS = f"arn:aws:iam::{ACCOUNT}:user/glass"
BLOCK = f'break_glass "aws" {{\n  users = ["{GLASS}"]\n}}\n'
HOME = f"arn:aws:iam::{ACCOUNT}:root"


class World:
    """An account in which perimeter is the user ci, with a break-glass user, another administrator and a plain one."""

    def __init__(self, account: Account, directory: Path) -> None:
        self.account, self.iam = account, account.iam
        for name in ("ci", "glass", "second", "plain"):
            self.iam.create_user(UserName=name)
        for name in ("ci", "glass", "second"):
            self.iam.attach_user_policy(UserName=name, PolicyArn=ADMINISTRATOR)
        self.iam.attach_user_policy(UserName="glass", PolicyArn=READ_ONLY)
        self.keys = {}
        for name in ("ci", "glass", "second", "plain"):
            self.keys[name] = self.iam.create_access_key(UserName=name)["AccessKey"]
        account.environment["AWS_ACCESS_KEY_ID"] = self.key("ci")
        account.environment["AWS_SECRET_ACCESS_KEY"] = self.keys["ci"]["SecretAccessKey"]
        self.own = self.iam.create_policy(PolicyName="all", PolicyDocument=EVERYTHING)["Policy"][
            "Arn"
        ]
        self.workspace = account.workspace(directory)
        self.breaches: list[str] = []

    def key(self, user: str) -> str:
        """The id of a user's key."""
        return str(self.keys[user]["AccessKeyId"])

    def rights(self, user: str) -> bool:
        """Whether a user is allowed everything and denied nothing, by what IAM holds."""
        attached = self.iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
        arns = {item["PolicyArn"] for item in attached}
        for group in self.iam.list_groups_for_user(UserName=user)["Groups"]:
            found = self.iam.list_attached_group_policies(GroupName=group["GroupName"])
            arns |= {item["PolicyArn"] for item in found["AttachedPolicies"]}
        documents = [
            self.iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]
            for name in self.iam.list_user_policies(UserName=user)["PolicyNames"]
        ]
        inline = any(document["Statement"][0]["Action"] == "*" for document in documents)
        boundary = self.iam.get_user(UserName=user)["User"].get("PermissionsBoundary")
        bounded = boundary is not None and boundary["PermissionsBoundaryArn"] != self.own
        return bool(
            (inline or arns & {ADMINISTRATOR, self.own}) and DENY_ALL not in arns and not bounded
        )

    def enters(self, user: str) -> bool:
        """Whether a user has an active key or a password."""
        keys = self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        try:
            self.iam.get_login_profile(UserName=user)
            password = True
        except ClientError:
            password = False
        return password or any(item["Status"] == "Active" for item in keys)

    def able(self, user: str) -> bool:
        """Both."""
        try:
            return self.rights(user) and self.enters(user)
        except ClientError:
            return False

    @property
    def works(self) -> bool:
        """Whether perimeter's own key is active, and moto lets it write under enforcement."""
        keys = self.iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]
        active = any(k["AccessKeyId"] == self.key("ci") and k["Status"] == "Active" for k in keys)
        if not active:
            return False
        client = boto3.client(
            "iam",
            endpoint_url=self.account.moto.environment["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id=self.key("ci"),
            aws_secret_access_key=self.keys["ci"]["SecretAccessKey"],
        )
        try:
            with self.account.enforcing():
                client.tag_user(UserName="plain", Tags=[{"Key": "probe", "Value": "1"}])
        except ClientError:
            return False
        finally:
            client.close()
        return True

    def kept(self) -> bool:
        """Whether perimeter and the break-glass user are able."""
        return self.able("ci") and self.able("glass")

    def run(self, text: str) -> Outcome:
        """Plan and apply; after every stage the account is asked."""
        assert self.kept()

        def watch(event: Event) -> None:
            if event.kind in {"stage_done", "stage_failed"} and not self.kept():
                self.breaches.append(event.subject)

        self.workspace.write(text + BLOCK)
        self.workspace.on_event = watch
        return self.workspace.apply()

    def adopt(self, text: str) -> None:
        """Take over what is there."""
        self.workspace.on_event = lambda _: None
        self.workspace.write(text + BLOCK)
        outcome = self.workspace.apply()
        assert not outcome.errors, outcome.errors


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    """AWS's stand-in."""
    with MotoServer() as server:
        yield server


@pytest.fixture
def world(moto: MotoServer, tmp_path: Path) -> Iterator[World]:
    """A fresh account."""
    moto.reset()
    account = Account(moto)
    yield World(account, tmp_path)
    account.close()


def block(kind: str, label: str, identifier: str = "", /, **body: Any) -> str:
    """A resource, taken over where an id is given."""
    lines = "".join(f"  {key} = {json.dumps(value)}\n" for key, value in body.items())
    found = f'resource "{kind}" "{label}" {{\n{lines}}}\n'
    if identifier:
        found += f'import {{\n  to = {kind}.{label}\n  id = "{identifier}"\n}}\n'
    return found


def key(world: World, user: str, status: str = "Active") -> str:
    """A user's key."""
    return block("aws_iam_access_key", user, world.key(user), user=user, status=status)


def edge(user: str, arn: str, *, there: bool = True) -> str:
    """An attachment."""
    name = f"{user}_{arn.rpartition('/')[2]}"
    identifier = f"{user}/{arn}" if there else ""
    return block("aws_iam_user_policy_attachment", name, identifier, user=user, policy_arn=arn)


def user(name: str, **body: Any) -> str:
    """A user."""
    return block("aws_iam_user", name, name, name=name, **body)


Text = Callable[[World], str]
NOTHING: Text = lambda _: ""  # noqa: E731

DANGEROUS: dict[str, tuple[Text, Text]] = {
    "own key deactivated": (NOTHING, lambda w: key(w, "ci", "Inactive")),
    "own key deleted": (lambda w: key(w, "ci"), NOTHING),
    "own policy detached": (lambda _: edge("ci", ADMINISTRATOR), NOTHING),
    "own user denied": (NOTHING, lambda _: edge("ci", DENY_ALL, there=False)),
    "own user bounded": (NOTHING, lambda _: user("ci", permissions_boundary=READ_ONLY)),
    "break-glass loses its policy": (lambda _: edge("glass", ADMINISTRATOR), NOTHING),
    "break-glass denied": (NOTHING, lambda _: edge("glass", DENY_ALL, there=False)),
    "break-glass bounded": (NOTHING, lambda _: user("glass", permissions_boundary=READ_ONLY)),
    "break-glass's only key deactivated": (NOTHING, lambda w: key(w, "glass", "Inactive")),
    "break-glass's only key deleted": (lambda w: key(w, "glass"), NOTHING),
}

FINE: dict[str, tuple[Text, Text]] = {
    "somebody else's key deactivated": (NOTHING, lambda w: key(w, "plain", "Inactive")),
    "another administrator's key deleted": (lambda w: key(w, "second"), NOTHING),
    "a policy that gave nothing more detached": (lambda _: edge("glass", READ_ONLY), NOTHING),
    "somebody else denied": (NOTHING, lambda _: edge("plain", DENY_ALL, there=False)),
    "another administrator denied": (NOTHING, lambda _: edge("second", DENY_ALL, there=False)),
    "own policy replaced by an equal one": (
        lambda _: edge("ci", ADMINISTRATOR),
        lambda w: edge("ci", w.own, there=False),
    ),
    "break-glass's policy replaced by an equal one": (
        lambda _: edge("glass", ADMINISTRATOR),
        lambda w: edge("glass", w.own, there=False),
    ),
    "read-only attached to break-glass": (
        lambda _: edge("glass", READ_ONLY),
        lambda _: edge("glass", READ_ONLY) + edge("plain", READ_ONLY, there=False),
    ),
    "longer passwords": (
        NOTHING,
        lambda _: block(
            "aws_iam_account_password_policy", "p", ACCOUNT, minimum_password_length=16
        ),
    ),
    "hard expiry while nobody has a password": (
        NOTHING,
        lambda _: block(
            "aws_iam_account_password_policy", "p", ACCOUNT, max_password_age=90, hard_expiry=True
        ),
    ),
    "own user tagged": (NOTHING, lambda _: user("ci", tags={"team": "sec"})),
}


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_dangerous_plan_is_refused(world: World, name: str) -> None:
    """Nothing is changed."""
    adopt, then = (text(world) for text in DANGEROUS[name])
    if adopt:
        world.adopt(adopt)
    outcome = world.run(then)
    assert outcome.applied is None
    assert any("-allow-lockout=aws_iam_" in error for error in outcome.errors), outcome.errors
    assert world.kept()
    assert world.works


@pytest.mark.parametrize("name", FINE)
def test_a_look_alike_is_not_refused(world: World, name: str) -> None:
    """It runs to its end, and nobody who is kept loses anything in between."""
    adopt, then = (text(world) for text in FINE[name])
    if adopt:
        world.adopt(adopt)
    outcome = world.run(then)
    assert outcome.errors == []
    assert outcome.applied is not None
    assert [item.text for item in outcome.applied.results if item.status != "done"] == []
    assert world.breaches == []
    assert world.works


def test_a_group_is_a_route_of_its_own(world: World) -> None:
    """Whoever is in a group that allows everything may lose the policy of one's own."""
    world.iam.create_group(GroupName="admins")
    world.iam.attach_group_policy(GroupName="admins", PolicyArn=ADMINISTRATOR)
    world.iam.add_user_to_group(GroupName="admins", UserName="glass")
    world.adopt(edge("glass", ADMINISTRATOR))
    outcome = world.run("")
    assert outcome.errors == []
    assert world.breaches == []
    assert world.kept()


def test_a_second_key_is_a_way_in_of_its_own(world: World) -> None:
    """One of two keys may go, not both in one plan."""
    second = world.iam.create_access_key(UserName="glass")["AccessKey"]["AccessKeyId"]
    both = key(world, "glass") + block(
        "aws_iam_access_key", "second_of_glass", second, user="glass", status="Active"
    )
    world.adopt(both)
    refused = world.run("")
    assert refused.applied is None
    assert world.kept()
    outcome = world.run(key(world, "glass"))
    assert outcome.errors == []
    assert world.kept()


def test_the_attachment_that_replaces_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The removal that hangs on it is not made."""
    from perimeter.sdk import Forbidden
    from perimeter_aws.policy_attachment import UserPolicyAttachment

    def refused(*_: Any) -> Any:
        raise Forbidden("Not you.", needs="iam:AttachUserPolicy")

    world.adopt(edge("ci", ADMINISTRATOR))
    monkeypatch.setattr(UserPolicyAttachment, "create", refused)
    outcome = world.run(edge("ci", world.own, there=False))
    assert outcome.applied is not None
    assert {item.status for item in outcome.applied.results} == {"failed", "skipped"}
    assert world.breaches == []
    assert world.works


def test_the_own_roles_trust(world: World, tmp_path: Path) -> None:
    """Acting through a role: whoever may assume it must not be changed away; one more may be let in."""
    iam, account = world.iam, world.account
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust(HOME))
    iam.attach_role_policy(RoleName="deploy", PolicyArn=ADMINISTRATOR)
    workspace = account.workspace(tmp_path / "role")
    head = (
        'provider "aws" {\n  assume_role {\n'
        f'    role_arn = "arn:aws:iam::{ACCOUNT}:role/deploy"\n  }}\n}}\n'
    )
    workspace.write(head, "provider.hcl")

    def role(document: str) -> str:
        return block("aws_iam_role", "r", "deploy", name="deploy", assume_role_policy=document)

    workspace.write(role(trust("arn:aws:iam::999999999999:root")))
    assert "-allow-lockout=aws_iam_role.r" in str(workspace.apply().errors)
    workspace.write(role(trust(HOME, "arn:aws:iam::999999999999:root")))
    assert workspace.apply().errors == []
    workspace.write("")
    assert "-allow-lockout=aws_iam_role.r" in str(workspace.apply().errors)
