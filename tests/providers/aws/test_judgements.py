"""What each type says of itself without any client: direction, lockout, facets, imports, validation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import perimeter_aws
from perimeter.sdk import (
    UNKNOWN,
    Access,
    Administrator,
    Attributes,
    Credential,
    Direction,
    Mode,
    Reason,
    Tenant,
    Transition,
    Unseen,
    Verdict,
)
from perimeter_aws.password_policy import DEFAULTS
from perimeter_aws.provider import Aws
from tests.providers.aws.conftest import ACCOUNT, ADMINISTRATOR, READ_ONLY

TYPES = Aws().resources
TENANT = Tenant(id=ACCOUNT, name="acme")
N, W, NONE, Q = Direction.NARROWS, Direction.WIDENS, Direction.NEUTRAL, Direction.UNKNOWN
OWN = f"arn:aws:iam::{ACCOUNT}:policy/own"
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"
POLICY = "aws_iam_account_password_policy"
EDGE = "aws_iam_user_policy_attachment"
OIDC = "aws_iam_openid_connect_provider"
GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"


def direction(type_name: str, before: Any, after: Any, *siblings: Attributes) -> Direction:
    return TYPES[type_name].direction(
        Transition(before=before, after=after, siblings=siblings, tenant=TENANT)
    )


@pytest.mark.parametrize(
    ("type_name", "before", "after", "expected"),
    [
        ("aws_iam_user", None, {"name": "a"}, NONE),
        ("aws_iam_user", {"name": "a"}, None, N),
        ("aws_iam_user", {"permissions_boundary": ""}, {"permissions_boundary": OWN}, N),
        ("aws_iam_user", {"permissions_boundary": OWN}, {"permissions_boundary": ""}, W),
        ("aws_iam_user", {"permissions_boundary": OWN}, {"permissions_boundary": READ_ONLY}, Q),
        ("aws_iam_user", {"permissions_boundary": ""}, {"permissions_boundary": UNKNOWN}, Q),
        ("aws_iam_user", {"tags": {}}, {"tags": {"team": "a"}}, Q),
        ("aws_iam_user", {"path": "/"}, {"path": "/a/"}, Q),
        ("aws_iam_access_key", None, {"status": "Active"}, W),
        ("aws_iam_access_key", {"status": "Active"}, {"status": "Inactive"}, N),
        ("aws_iam_access_key", {"status": "Inactive"}, {"status": "Active"}, W),
        ("aws_iam_access_key", {"status": "Inactive"}, {"status": UNKNOWN}, Q),
        ("aws_iam_access_key", {"status": "Active"}, None, N),
        (EDGE, None, {"policy_arn": READ_ONLY}, W),
        (EDGE, {"policy_arn": READ_ONLY, "effect": "allow"}, None, N),
        (EDGE, None, {"policy_arn": DENY_ALL}, N),
        (EDGE, {"policy_arn": DENY_ALL, "effect": "deny"}, None, W),
        (EDGE, {"policy_arn": OWN, "effect": "deny"}, None, W),
        (EDGE, {"policy_arn": OWN, "effect": "allow"}, None, N),
        (EDGE, {"policy_arn": OWN, "effect": "mixed"}, None, Q),
        (EDGE, None, {"policy_arn": OWN, "effect": UNKNOWN}, Q),
        (EDGE, None, {"policy_arn": UNKNOWN}, Q),
        ("aws_iam_role", {"max_session_duration": 3600}, {"max_session_duration": 7200}, Q),
        (OIDC, None, {"url": "https://example.com", "client_id_list": ["a"]}, W),
        (OIDC, {"client_id_list": ["a"]}, None, N),
        (OIDC, {"client_id_list": ["a"]}, {"client_id_list": ["a", "b"]}, W),
        (OIDC, {"client_id_list": ["a", "b"]}, {"client_id_list": ["b"]}, N),
        (OIDC, {"client_id_list": ["a"]}, {"client_id_list": ["b"]}, Q),
        (OIDC, {"client_id_list": ["a"]}, {"client_id_list": UNKNOWN}, Q),
        (OIDC, {"thumbprint_list": ["a"]}, {"thumbprint_list": ["b"]}, Q),
        ("aws_secretsmanager_secret", None, {"name": "s"}, NONE),
        ("aws_secretsmanager_secret", {"name": "s"}, None, N),
        ("aws_secretsmanager_secret", {"kms_key_id": "a"}, {"kms_key_id": "b"}, Q),
        ("aws_secretsmanager_secret", {"description": "a"}, {"description": "b"}, NONE),
        ("aws_ssm_parameter", None, {"name": "s"}, NONE),
        ("aws_ssm_parameter", {"name": "s"}, None, N),
        ("aws_ssm_parameter", {"key_id": "a"}, {"key_id": "b"}, Q),
        ("aws_ssm_parameter", {"tags": {}}, {"tags": {"a": "b"}}, Q),
    ],
)
def test_direction(type_name: str, before: Any, after: Any, expected: Direction) -> None:
    assert direction(type_name, before, after) is expected


def test_a_longer_session_widens_and_a_shorter_one_narrows() -> None:
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"1"},"Action":"a"}]}'
    role = {"assume_role_policy": trust, "max_session_duration": 3600}
    longer = {**role, "max_session_duration": 7200}
    assert direction("aws_iam_role", role, longer) is W
    assert direction("aws_iam_role", longer, role) is N
    assert direction("aws_iam_role", role, {**role, "description": "other"}) is NONE


def test_the_effect_of_a_policy_is_known_where_it_is_attached_already() -> None:
    new = {"policy_arn": OWN, "effect": UNKNOWN}
    assert direction(EDGE, None, new, {"policy_arn": OWN, "effect": "deny"}) is N
    assert direction(EDGE, None, new, {"policy_arn": READ_ONLY, "effect": "deny"}) is Q


@pytest.mark.parametrize(
    ("name", "loose", "strict"),
    [
        ("minimum_password_length", 8, 16),
        ("require_symbols", False, True),
        ("require_numbers", False, True),
        ("require_uppercase_characters", False, True),
        ("require_lowercase_characters", False, True),
        ("allow_users_to_change_password", True, False),
        ("max_password_age", 365, 90),
        ("max_password_age", 0, 90),
        ("password_reuse_prevention", 0, 24),
        ("hard_expiry", False, True),
    ],
)
def test_a_stricter_password_policy_narrows_and_a_looser_one_widens(
    name: str, loose: Any, strict: Any
) -> None:
    one, other = {**DEFAULTS, name: loose}, {**DEFAULTS, name: strict}
    assert direction(POLICY, one, other) is N
    assert direction(POLICY, other, one) is W
    assert direction(POLICY, one, {**one, name: UNKNOWN}) is Q
    assert direction(POLICY, one, dict(one)) is NONE


def test_stricter_here_and_looser_there_widens() -> None:
    mixed = {**DEFAULTS, "require_symbols": True, "minimum_password_length": 6}
    assert direction(POLICY, dict(DEFAULTS), mixed) is W


def principal(name: str, entity: str = "User", **more: Any) -> dict[str, Any]:
    """Facts of an administrator who has nothing but AWS's own policy."""
    return {
        "entity": entity,
        "name": name,
        "attached": [ADMINISTRATOR],
        "always": False,
        "admin": True,
        "boundary": "",
        "password": False,
        "keys": 1,
    } | more


def account_access(**more: dict[str, Any]) -> Access:
    """An account with a user, perimeter's own user (no administrator) and a role."""
    principals = {
        "AIDAANNE": principal("anne", attached=[ADMINISTRATOR, READ_ONLY]),
        "AIDACI": principal("ci", attached=[OWN], admin=False),
        "AROAADMIN": principal("admin", "Role", password=None, keys=None),
    } | more
    people = tuple(
        Administrator(id=key, login=f"arn:aws:iam::{ACCOUNT}:x/{key}", caller=key == "AIDACI")
        for key in principals
    )
    facts = {
        "principals": principals,
        "almighty": [ADMINISTRATOR],
        "denying": [DENY_ALL],
        "effects": {},
        "key": "AKIACALLER0000000000",
    }
    return Access(people=people, facts=facts)


def locked_out(start: Access, type_name: str, before: Any, after: Any) -> tuple[set[str], set[str]]:
    """Whom a change locks out, for sure or perhaps, in any of the states that it goes through."""
    transition = Transition(before=before, after=after, tenant=TENANT)
    kind, lost, unsure = TYPES[type_name], set(), set()
    if not kind.may_lock_out(transition):
        return lost, unsure
    old = Aws().standings(start)
    for state in kind.access_after(start, transition):
        for name, standing in Aws().standings(state).items():
            if standing.verdict.value < old[name].verdict.value:
                assert standing.because
                (lost if standing.verdict is Verdict.LOST else unsure).add(name)
    return lost, unsure


@pytest.mark.parametrize(
    ("type_name", "before", "after", "lost", "uncertain"),
    [
        ("aws_iam_user", {"id": "AIDAANNE", "name": "anne"}, None, {"AIDAANNE"}, set()),
        ("aws_iam_user", {"id": "AIDABOB", "name": "bob"}, None, set(), set()),
        (
            "aws_iam_user",
            {"id": "AIDAANNE", "permissions_boundary": ""},
            {"id": "AIDAANNE", "permissions_boundary": OWN},
            set(),
            {"AIDAANNE"},
        ),
        ("aws_iam_access_key", {"id": "AKIACALLER0000000000"}, None, {"AIDACI"}, set()),
        (
            "aws_iam_access_key",
            {"id": "AKIACALLER0000000000", "status": "Active"},
            {"id": "AKIACALLER0000000000", "status": "Inactive"},
            {"AIDACI"},
            set(),
        ),
        (
            "aws_iam_access_key",
            {"id": "AKIACALLER0000000000", "status": "Active"},
            {"id": "AKIACALLER0000000000", "status": UNKNOWN},
            set(),
            {"AIDACI"},
        ),
        ("aws_iam_access_key", {"id": "AKIAOTHER00000000000"}, None, set(), set()),
        (EDGE, {"user": "anne", "policy_arn": ADMINISTRATOR}, None, {"AIDAANNE"}, set()),
        (EDGE, {"user": "anne", "policy_arn": READ_ONLY}, None, set(), set()),
        (EDGE, {"user": "ci", "policy_arn": OWN}, None, set(), {"AIDACI"}),
        (EDGE, None, {"user": "anne", "policy_arn": DENY_ALL}, {"AIDAANNE"}, set()),
        (EDGE, None, {"user": UNKNOWN, "policy_arn": DENY_ALL}, set(), set()),
        (
            "aws_iam_role_policy_attachment",
            {"role": "admin", "policy_arn": ADMINISTRATOR},
            None,
            {"AROAADMIN"},
            set(),
        ),
        (
            "aws_iam_role_policy_attachment",
            {"role": "anne", "policy_arn": ADMINISTRATOR},
            None,
            set(),
            set(),
        ),
        ("aws_iam_role", {"id": "AROAADMIN", "name": "admin"}, None, {"AROAADMIN"}, set()),
        (
            "aws_iam_role",
            {"id": "AROAADMIN", "assume_role_policy": '{"Statement":[]}'},
            {"id": "AROAADMIN", "assume_role_policy": UNKNOWN},
            set(),
            {"AROAADMIN"},
        ),
        (POLICY, dict(DEFAULTS), {**DEFAULTS, "minimum_password_length": 20}, set(), set()),
        (
            POLICY,
            {**DEFAULTS, "max_password_age": 0},
            {**DEFAULTS, "max_password_age": 90},
            set(),
            set(),
        ),
    ],
)
def test_who_would_be_locked_out(
    type_name: str, before: Any, after: Any, lost: set[str], uncertain: set[str]
) -> None:
    found = locked_out(account_access(), type_name, before, after)
    assert found == (lost, uncertain)
    assert TYPES[type_name].affects_sign_in


def test_one_of_two_routes_is_enough() -> None:
    """An inline policy or a group that allows everything leaves an administrator who loses a managed policy one."""
    edge = {"user": "anne", "policy_arn": ADMINISTRATOR}
    both = account_access(AIDAANNE=principal("anne", always=True))
    assert locked_out(both, EDGE, edge, None) == (set(), set())
    two = account_access(AIDAANNE=principal("anne", attached=[ADMINISTRATOR, OWN]))
    two = replace(two, facts={**two.facts, "almighty": [ADMINISTRATOR, OWN]})
    assert locked_out(two, EDGE, edge, None) == (set(), set())


def test_the_last_way_in_counts() -> None:
    key = {"id": "AKIAANNE000000000000", "user": "anne", "status": "Active"}
    kind = "aws_iam_access_key"
    assert locked_out(account_access(), kind, key, None) == ({"AIDAANNE"}, set())
    two = account_access(AIDAANNE=principal("anne", keys=2))
    assert locked_out(two, kind, key, None) == (set(), set())
    console = account_access(AIDAANNE=principal("anne", password=True))
    off = {**key, "status": "Inactive"}
    assert locked_out(console, kind, key, off) == (set(), set())
    assert locked_out(account_access(), kind, off, None) == (set(), set())


def test_a_wider_trust_policy_locks_nobody_out() -> None:
    def trust(*accounts: str) -> str:
        arns = [f"arn:aws:iam::{account}:root" for account in accounts]
        allow = {"Effect": "Allow", "Principal": {"AWS": arns}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": [allow]})

    one, two, other = trust(ACCOUNT), trust(ACCOUNT, "2" * 12), trust("2" * 12)

    def moved(before: str, after: str) -> tuple[set[str], set[str]]:
        role = {"id": "AROAADMIN", "name": "admin"}
        return locked_out(
            account_access(),
            "aws_iam_role",
            {**role, "assume_role_policy": before},
            {**role, "assume_role_policy": after},
        )

    assert moved(one, two) == (set(), set())
    assert moved(two, one) == (set(), {"AROAADMIN"})
    assert moved(one, other) == (set(), {"AROAADMIN"})


def test_an_identity_provider_lets_in_who_is_trusted_by_its_tokens() -> None:
    """Roles that trust it, and no others."""
    start = account_access(AROACI=principal("deploy", "Role", federated=(GITHUB,), keys=None))
    before = {"id": GITHUB, "arn": GITHUB, "client_id_list": ["sts.amazonaws.com", "b"]}
    assert locked_out(start, OIDC, before, None) == (set(), {"AROACI"})
    fewer = {**before, "client_id_list": ["b"]}
    assert locked_out(start, OIDC, before, fewer) == (set(), {"AROACI"})
    more = {**before, "client_id_list": ["sts.amazonaws.com", "b", "c"]}
    assert locked_out(start, OIDC, before, more) == (set(), set())
    other = {**before, "arn": f"{GITHUB}/acme"}
    assert locked_out(start, OIDC, other, None) == (set(), set())


def test_hard_expiry_concerns_passwords_only() -> None:
    before = {**DEFAULTS, "max_password_age": 90}
    after = {**before, "hard_expiry": True}
    assert locked_out(account_access(), POLICY, before, after) == (set(), set())


@pytest.mark.parametrize(
    ("type_name", "text", "expected"),
    [
        ("aws_iam_user", "bob", {"name": "bob"}),
        ("aws_iam_user", "a/b", None),
        ("aws_iam_access_key", "AKIAIOSFODNN7EXAMPLE", {"id": "AKIAIOSFODNN7EXAMPLE"}),
        (
            "aws_iam_access_key",
            "bob/AKIAIOSFODNN7EXAMPLE",
            {"id": "AKIAIOSFODNN7EXAMPLE", "user": "bob"},
        ),
        ("aws_iam_access_key", "bob", None),
        (EDGE, f"bob/{OWN}", {"user": "bob", "policy_arn": OWN}),
        (EDGE, OWN, None),
        ("aws_iam_role", "deploy", {"name": "deploy"}),
        (POLICY, ACCOUNT, {"id": ACCOUNT}),
        (OIDC, GITHUB, {"id": GITHUB}),
        (OIDC, "https://Example.com/x/", {"url": "https://example.com/x"}),
        (OIDC, "example", None),
        ("aws_secretsmanager_secret", "billing/aws", {"name": "billing/aws"}),
        ("aws_secretsmanager_secret", "a b", None),
        ("aws_ssm_parameter", "/billing/aws", {"name": "/billing/aws"}),
        ("aws_ssm_parameter", "billing/aws", None),
        (POLICY, "1", None),
    ],
)
def test_import_ids(type_name: str, text: str, expected: Any) -> None:
    kind = TYPES[type_name]
    if expected is None:
        with pytest.raises(ValueError, match=r"is no|names no|is not"):
            kind.import_key(text, TENANT)
    else:
        assert kind.import_key(text, TENANT) == expected


@pytest.mark.parametrize(
    ("type_name", "config", "path"),
    [
        ("aws_iam_user", {"name": "a b"}, ("name",)),
        ("aws_iam_user", {"name": "ab", "path": "service"}, ("path",)),
        ("aws_iam_user", {"name": "ab", "permissions_boundary": "x"}, ("permissions_boundary",)),
        ("aws_iam_user", {"name": "ab", "permissions_boundary": ""}, None),
        ("aws_iam_user", {"name": UNKNOWN}, None),
        (EDGE, {"user": "ab", "policy_arn": "ReadOnlyAccess"}, ("policy_arn",)),
        (EDGE, {"user": "ab", "policy_arn": READ_ONLY}, None),
        (POLICY, {"minimum_password_length": 5}, ("minimum_password_length",)),
        (POLICY, {"max_password_age": 2000}, ("max_password_age",)),
        (POLICY, {"hard_expiry": True, "max_password_age": 0}, ("hard_expiry",)),
        (POLICY, {"password_reuse_prevention": 24}, None),
        ("aws_iam_role", {"name": "r", "max_session_duration": 60}, ("max_session_duration",)),
        (OIDC, {"url": "http://example.com", "client_id_list": ["a"]}, ("url",)),
        (OIDC, {"url": "https://example.com", "client_id_list": []}, ("client_id_list",)),
        (OIDC, {"client_id_list": ["a"], "thumbprint_list": ["x"]}, ("thumbprint_list",)),
        ("aws_secretsmanager_secret", {"name": "a b"}, ("name",)),
        ("aws_secretsmanager_secret", {"recovery_window_in_days": 3}, ("recovery_window_in_days",)),
        ("aws_secretsmanager_secret", {"recovery_window_in_days": 0}, None),
        ("aws_ssm_parameter", {"name": "a/b"}, ("name",)),
        ("aws_ssm_parameter", {"name": "/aws/service"}, ("name",)),
        ("aws_ssm_parameter", {"name": "/billing/aws"}, None),
    ],
)
def test_what_can_never_work_is_told_by_the_plan(
    type_name: str, config: Attributes, path: tuple[str, ...] | None
) -> None:
    assert [where for where, _ in TYPES[type_name].validate(config)] == ([path] if path else [])


def test_a_key_is_a_credential_with_its_age() -> None:
    shown = {"id": "AKIA1", "user": "bob", "status": "Active", "created_at": "2026-01-01T00:00:00Z"}
    key = TYPES["aws_iam_access_key"]
    (listed,) = key.facets(shown)
    assert isinstance(listed, Credential)
    assert (listed.owner, listed.active, listed.created_at) == ("bob", True, "2026-01-01T00:00:00Z")
    assert listed.risk == ()
    assert key.origin(shown) == "made 2026-01-01"
    (whole,) = key.facets({**shown, "last_used_at": None})
    assert whole.risk == ("never used",)
    dark = {**shown, "last_used_at": Unseen(reason=Reason.FORBIDDEN)}
    assert key.facets(dark)[0].risk == ()
    assert key.origin({**shown, "last_used_at": None}).endswith("last used never")
    assert key.describe(shown) == '"AKIA1" of bob'


def test_roles_of_aws_services_are_for_those_services() -> None:
    role = TYPES["aws_iam_role"]
    reserved = {"name": "AWSServiceRoleForECS", "path": "/aws-service-role/ecs.amazonaws.com/"}
    step = role.manual(Transition(before=reserved, after=None))
    assert step is not None
    assert "AWSServiceRoleForECS" in step.url
    assert role.manual(Transition(before={"name": "r", "path": "/"}, after=None)) is None


def test_a_parameters_value_is_the_only_secret_and_every_quirk_is_dated() -> None:
    for kind in TYPES.values():
        secrets = {"value"} if kind.name == "aws_ssm_parameter" else set()
        assert kind.schema.secret_names == secrets
        written = {path[0] for path, a in kind.schema.walk() if a.mode is Mode.WRITE_ONLY}
        assert written == secrets
        for quirk in kind.quirks:
            assert quirk.since.startswith("20")
            assert quirk.source.startswith("https://docs.aws.amazon.com/")


def test_a_lost_secret_is_announced() -> None:
    key = TYPES["aws_iam_access_key"]
    creating = Transition(before=None, after={"user": "bob"})
    said = [quirk.summary for quirk in key.quirks if quirk.applies(creating)]
    assert any("secret" in text for text in said)


def test_the_readme_names_every_read_right() -> None:
    """What it tells people to grant is what the types say they need."""
    text = Path(perimeter_aws.__file__).with_name("README.md").read_text(encoding="utf-8")
    named = set(json.loads(text.partition("```json")[2].partition("```")[0]))
    needed = {right for kind in TYPES.values() for right in kind.permissions.read}
    for kind in TYPES.values():
        needed |= {right for rights in kind.permissions.attributes.values() for right in rights}
    beside = {"iam:ListAccountAliases", "iam:GenerateCredentialReport", "iam:GetCredentialReport"}
    assert named == needed | beside
    assert all(name in text for name in TYPES)
