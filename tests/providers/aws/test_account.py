"""The account as perimeter sees it at moto's server: tenant, lists, dark corners, administrators, lockout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perimeter.sdk import (
    AccessRequest,
    Conflict,
    Fatal,
    Forbidden,
    NotFound,
    Unauthenticated,
    Unseen,
)
from perimeter_aws.provider import Aws
from tests.providers.aws.conftest import ACCOUNT, ADMINISTRATOR, READ_ONLY, Account, trust

OUTSIDE = "arn:aws:iam::999999999999:root"
EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)


def test_the_tenant_is_the_account(account: Account) -> None:
    tenant = account.tenant()
    assert tenant.id == tenant.name == ACCOUNT
    assert tenant.caller_credential == account.moto.environment["AWS_ACCESS_KEY_ID"]
    account.iam.create_account_alias(AccountAlias="acme")
    assert account.tenant().name == "acme"


def test_another_account_than_the_allowed_ones_is_refused(account: Account) -> None:
    reader = account.reader(allowed_account_ids=["111111111111"])
    with pytest.raises(Fatal, match="Nothing was read"):
        account.provider.tenant(reader)
    allowed = account.reader(allowed_account_ids=[ACCOUNT])
    assert account.provider.tenant(allowed).id == ACCOUNT


def test_an_assumed_role_is_the_caller(account: Account) -> None:
    role = account.iam.create_role(RoleName="perimeter", AssumeRolePolicyDocument=trust(OUTSIDE))
    reader = account.reader(assume_role={"role_arn": role["Role"]["Arn"], "session_name": "ci"})
    tenant = account.provider.tenant(reader)
    assert tenant.caller == f"arn:aws:sts::{ACCOUNT}:assumed-role/perimeter/ci"
    people = account.provider.access(reader, AccessRequest(tenant=tenant)).people
    assert [person.id for person in people if person.caller] == [role["Role"]["RoleId"]]


def test_without_a_permit_there_is_no_writer(account: Account) -> None:
    with pytest.raises(Fatal, match="permit"):
        account.provider.writer(account.connect(), None)  # type: ignore[arg-type]


def test_users_are_read_in_bulk(account: Account) -> None:
    """As many calls for 25 users as for one."""
    for number in range(25):
        account.iam.create_user(UserName=f"u{number}", Tags=[{"Key": "n", "Value": str(number)}])
    found = account.listed("aws_iam_user")
    assert {item.attributes["name"] for item in found.values()} == {f"u{n}" for n in range(25)}
    assert all(item.attributes["tags"] for item in found.values())
    assert account.calls("ListUsers") == account.calls("GetAccountAuthorizationDetails") == 1
    assert account.calls("GetUser") == 0


def test_a_renamed_user_is_found_by_its_id_and_a_namesake_is_not_taken_for_it(
    account: Account,
) -> None:
    made = account.iam.create_user(UserName="bob")["User"]
    account.iam.update_user(UserName="bob", NewUserName="robert")
    account.iam.create_user(UserName="bob")
    found = account.read("aws_iam_user", made["UserId"], {"name": "bob"})
    assert found is not None
    assert found.attributes["name"] == "robert"
    account.iam.delete_user(UserName="robert")
    assert account.read("aws_iam_user", made["UserId"], {"name": "bob"}) is None


def test_keys_of_all_users_are_listed_and_their_use_is_read_for_some(account: Account) -> None:
    keys = {}
    for name in ("a", "b", "c"):
        account.iam.create_user(UserName=name)
        keys[name] = account.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    account.requests.clear()
    found = account.listed("aws_iam_access_key")
    assert {item.attributes["user"]: key for key, item in found.items()} == keys
    assert account.calls("ListAccessKeys") == 3
    assert account.calls("GetAccessKeyLastUsed") == 0
    used = account.hydrated("aws_iam_access_key", found[keys["a"]])
    assert used == {keys["a"]: {"last_used_at": None, "last_used_service": None}}
    account.iam.delete_access_key(UserName="b", AccessKeyId=keys["b"])
    assert account.hydrated("aws_iam_access_key", found[keys["b"]]) == {}


def test_a_key_is_found_by_its_id_alone(account: Account) -> None:
    account.iam.create_user(UserName="a")
    made = account.create("aws_iam_access_key", user="a", status="Inactive")
    found = account.read("aws_iam_access_key", made.id, {})
    assert found is not None
    assert (found.attributes["user"], found.attributes["status"]) == ("a", "Inactive")
    assert "secret" not in json.dumps(dict(found.attributes)).lower()
    assert account.read("aws_iam_access_key", "AKIAIOSFODNN7EXAMPLF", {}) is None


def test_attaching_twice_is_no_error_and_detaching_twice_is_not_found(account: Account) -> None:
    account.iam.create_user(UserName="a")
    kind = "aws_iam_user_policy_attachment"
    for _ in range(2):
        made = account.create(kind, user="a", policy_arn=READ_ONLY)
    (item,) = account.listed(kind).values()
    assert item.id == made.id == f"a/{READ_ONLY}"
    account.delete(kind, item)
    with pytest.raises(NotFound):
        account.delete(kind, item)


def test_a_user_with_dependents_is_not_removed(account: Account) -> None:
    account.iam.create_user(UserName="a")
    account.iam.attach_user_policy(UserName="a", PolicyArn=READ_ONLY)
    (item,) = account.listed("aws_iam_user").values()
    with pytest.raises(Conflict, match="attached and inline policies"):
        account.delete("aws_iam_user", item)


def test_a_name_that_is_taken_is_a_conflict(account: Account) -> None:
    account.create("aws_iam_user", name="a")
    with pytest.raises(Conflict):
        account.create("aws_iam_user", name="a")


def test_without_a_policy_the_account_shows_awss_defaults(account: Account) -> None:
    (item,) = account.listed("aws_iam_account_password_policy").values()
    assert item.id == ACCOUNT
    assert item.attributes["custom"] is False
    assert item.attributes["minimum_password_length"] == 8
    account.update("aws_iam_account_password_policy", item, minimum_password_length=14)
    (item,) = account.listed("aws_iam_account_password_policy").values()
    assert item.attributes["custom"] is True
    assert item.attributes["minimum_password_length"] == 14


def test_a_wrong_key_is_told(account: Account) -> None:
    account.environment["AWS_ACCESS_KEY_ID"] = "AKIAIOSFODNN7WRONG00"
    with account.enforcing(), pytest.raises(Unauthenticated, match="credential was refused"):
        account.tenant()


def test_a_missing_right_darkens_what_it_would_show_and_no_more(account: Account) -> None:
    """Without the bulk read of details, users are listed and their tags are unseen; attachments are forbidden."""
    account.iam.create_user(UserName="a", Tags=[{"Key": "team", "Value": "x"}])
    account.act_as("ci", "iam:ListUsers", "iam:ListAccountAliases", "sts:GetCallerIdentity")
    with account.enforcing():
        found = {item.attributes["name"]: item for item in account.listed("aws_iam_user").values()}
        assert set(found) == {"a", "ci"}
        tags = found["a"].attributes["tags"]
        assert isinstance(tags, Unseen)
        assert tags.needs == "iam:GetAccountAuthorizationDetails"
        with pytest.raises(Forbidden) as caught:
            account.listed("aws_iam_user_policy_attachment")
        assert caught.value.needs == "iam:GetAccountAuthorizationDetails"


def test_administrators_are_found_by_policy_group_and_document(account: Account) -> None:
    iam = account.iam
    for name in ("direct", "grouped", "inline", "own", "reader"):
        iam.create_user(UserName=name)
        iam.create_access_key(UserName=name)
    iam.attach_user_policy(UserName="direct", PolicyArn=ADMINISTRATOR)
    iam.attach_user_policy(UserName="reader", PolicyArn=READ_ONLY)
    iam.create_group(GroupName="admins")
    iam.attach_group_policy(GroupName="admins", PolicyArn=ADMINISTRATOR)
    iam.add_user_to_group(GroupName="admins", UserName="grouped")
    iam.put_user_policy(UserName="inline", PolicyName="all", PolicyDocument=EVERYTHING)
    own = iam.create_policy(PolicyName="all", PolicyDocument=EVERYTHING)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="own", PolicyArn=own)
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=trust(OUTSIDE))
    iam.attach_role_policy(RoleName="admin", PolicyArn=ADMINISTRATOR)
    key = account.act_as("ci", "iam:*")
    people = account.provider.access(
        account.reader(), AccessRequest(tenant=account.tenant())
    ).people
    names = {person.login.rpartition("/")[2]: person for person in people}
    assert set(names) == {"direct", "grouped", "inline", "own", "admin", "ci"}
    assert names["ci"].caller
    assert names["ci"].credentials == {key}
    assert names["direct"].able
    assert names["direct"].factors is False


def test_a_user_without_any_credential_is_no_way_in(account: Account) -> None:
    account.iam.create_user(UserName="ghost")
    account.iam.attach_user_policy(UserName="ghost", PolicyArn=ADMINISTRATOR)
    people = account.provider.access(
        account.reader(), AccessRequest(tenant=account.tenant())
    ).people
    (ghost,) = [person for person in people if person.login.endswith("/ghost")]
    assert not ghost.able


def test_the_plan_refuses_to_switch_off_perimeters_own_key(
    account: Account, tmp_path: Path
) -> None:
    key = account.act_as("ci", "*")
    workspace = account.workspace(tmp_path)
    workspace.write(
        'resource "aws_iam_access_key" "own" {\n  user = "ci"\n  status = "Inactive"\n}\n'
        f'import {{\n  to = aws_iam_access_key.own\n  id = "{key}"\n}}\n'
    )
    outcome = workspace.plan()
    assert any("lock" in text and key in text for text in outcome.errors), outcome.errors


def test_a_missing_extra_names_the_command(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(Fatal, match=r"perimeter-as-code\[aws\]"):
        Aws().reader(account.connect())
