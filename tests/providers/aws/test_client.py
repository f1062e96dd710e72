"""The client: it reads only, pages, waits, tells lost answers from refusals, and keeps secrets."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
from botocore.session import Session

from perimeter.sdk import (
    SECRETS,
    ConnectRequest,
    CreateRequest,
    Fatal,
    Forbidden,
    Observed,
    RateLimited,
    Retryable,
    Tenant,
    Unauthenticated,
    UpdateRequest,
)
from perimeter.sdk.limiter import LIMITERS, Clock, Limiters
from perimeter_aws import client as module
from perimeter_aws.client import reads_only
from perimeter_aws.connect import endpoint
from perimeter_aws.provider import Aws
from tests.providers.aws.wire import CUT, DATE, SECRET, Wire, answer, refusal, wired

TENANT = Tenant(id="123456789012", name="acme")
NEW_SECRET = "Zx9+q/Sup3rS3cretKeyMaterial000000000000"


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """An endpoint, and limiters whose waits take no time."""
    sleepless = Limiters(clock=Clock(sleep=lambda seconds: time.sleep(min(seconds, 0.001))))
    monkeypatch.setattr(module, "LIMITERS", sleepless)
    monkeypatch.setattr(module, "_backoff", lambda attempt, longest: 0.001)
    with wired() as made:
        yield made


def test_a_reader_refuses_every_write_before_anything_is_sent(wire: Wire) -> None:
    """By botocore's own model: whatever is not on the allow-list, of both services."""
    reader = wire.reader()
    for action in ("iam:CreateUser", "iam:DeleteUser", "iam:UpdateAccountPasswordPolicy"):
        required = {"UserName": "bob"} if action.endswith("User") else {}
        with pytest.raises(Fatal, match="nothing was sent"):
            reader.call(action, **required)
    with pytest.raises(Fatal, match="nothing was sent"):
        reader.call("sts:GetSessionToken")
    assert wire.asked == []
    assert not hasattr(reader, "write")


def test_the_allow_list_lets_no_write_of_iam_through() -> None:
    """Every operation of IAM that changes something is refused, judged by its name in the service model."""
    model = Session().get_service_model("iam")
    allowed = {name for name in model.operation_names if reads_only(f"iam:{name}")}
    verbs = {"Get", "List", "Generate", "Simulate"}
    assert {next(v for v in verbs if name.startswith(v)) for name in allowed} == verbs
    writes = set(model.operation_names) - allowed
    assert {"CreateUser", "AttachUserPolicy", "TagRole", "SetDefaultPolicyVersion"} <= writes
    sts = {
        name
        for name in Session().get_service_model("sts").operation_names
        if reads_only(f"sts:{name}")
    }
    assert sts == {"GetCallerIdentity", "GetAccessKeyInfo"}


def test_a_list_follows_the_marker_to_its_end(wire: Wire) -> None:
    def page(name: str, marker: str = "") -> tuple[int, str]:
        more = (
            f"<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"
            if marker
            else "<IsTruncated>false</IsTruncated>"
        )
        user = f"<member><UserName>{name}</UserName><UserId>AIDA{name}</UserId><Arn>arn:{name}</Arn></member>"
        return answer("ListUsers", f"<Users>{user}</Users>{more}")

    wire.script["ListUsers"] = [page("a", "m1"), page("b", "m2"), page("c")]
    found = wire.reader().all("iam:ListUsers", "Users")
    assert [item["UserName"] for item in found] == ["a", "b", "c"]
    assert [call.get("Marker") for call in wire.asked] == [None, "m1", "m2"]
    assert {call["MaxItems"] for call in wire.asked} == {"1000"}


def test_pages_in_a_circle_are_an_error_and_no_part(wire: Wire) -> None:
    circle = answer("ListUsers", "<Users/><IsTruncated>true</IsTruncated><Marker>m</Marker>")
    wire.script["ListUsers"] = [circle]
    with pytest.raises(Retryable, match="circle"):
        wire.reader().all("iam:ListUsers", "Users")


def test_reads_are_repeated_after_lost_answers_and_failures(wire: Wire) -> None:
    good = answer("ListUsers", "<Users/><IsTruncated>false</IsTruncated>")
    wire.script["ListUsers"] = [
        CUT,
        refusal(503, "ServiceUnavailable"),
        (200, "<!doctype html><p>no"),
        good,
    ]
    assert wire.reader().all("iam:ListUsers", "Users") == []
    assert [status for _, status in wire.events] == [0, 503, 0, 200]


def test_a_read_that_keeps_failing_is_an_error(wire: Wire) -> None:
    wire.script["ListUsers"] = [refusal(500, "ServiceFailure")]
    with pytest.raises(Retryable) as caught:
        wire.reader().all("iam:ListUsers", "Users")
    assert caught.value.committed is False
    assert len(wire.asked) == module.ATTEMPTS


@pytest.mark.parametrize("lost", [CUT, refusal(500, "ServiceFailure"), (502, "<html>no")])
def test_a_write_without_an_answer_is_sent_once_and_its_fate_is_open(
    wire: Wire, lost: object
) -> None:
    wire.script["DeleteUser"] = [lost]
    with pytest.raises(Retryable) as caught:
        wire.writer().write("iam:DeleteUser", UserName="bob")
    assert caught.value.committed is None
    assert len(wire.asked) == 1


def test_a_throttled_write_waits_and_is_sent_again(wire: Wire) -> None:
    """AWS refuses throttled calls before it acts on them."""
    wire.script["DeleteUser"] = [refusal(400, "Throttling", "Rate exceeded"), answer("DeleteUser")]
    wire.writer().write("iam:DeleteUser", UserName="bob")
    assert wire.actions() == ["DeleteUser", "DeleteUser"]


def test_endless_throttling_ends(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITS", 3)
    wire.script["ListUsers"] = [refusal(400, "Throttling", "Rate exceeded")]
    with pytest.raises(RateLimited):
        wire.reader().all("iam:ListUsers", "Users")
    assert len(wire.asked) == 4


def test_every_exchange_is_reported_without_its_parameters(wire: Wire) -> None:
    wire.script["GetUser"] = [refusal(403, "AccessDenied")]
    with pytest.raises(Forbidden):
        wire.reader().call("iam:GetUser", UserName="bob")
    host = wire.url.partition("://")[2]
    assert wire.events == [(f"{host}/?Action=GetUser", 403)]


def test_the_accounts_clock_is_known_from_its_answers(wire: Wire) -> None:
    wire.script["ListUsers"] = [answer("ListUsers", "<Users/><IsTruncated>false</IsTruncated>")]
    reader = wire.reader()
    assert reader.date is None
    reader.all("iam:ListUsers", "Users")
    found = reader.date
    assert found is not None
    assert found.strftime("%a, %d %b %Y %H:%M:%S GMT") == DATE


def test_details_are_read_once_until_perimeter_writes(wire: Wire) -> None:
    """Four types share one bulk read; nothing read before a write counts after it."""
    inner = "<UserDetailList/><GroupDetailList/><RoleDetailList/><Policies/><IsTruncated>false</IsTruncated>"
    wire.script["GetAccountAuthorizationDetails"] = [
        answer("GetAccountAuthorizationDetails", inner)
    ]
    wire.script["DeleteUser"] = [answer("DeleteUser")]
    reader = wire.reader()
    assert reader.details() is reader.details()
    assert len(wire.asked) == 1
    wire.writer().write("iam:DeleteUser", UserName="bob")
    reader.details()
    assert wire.actions().count("GetAccountAuthorizationDetails") == 2


def test_details_of_all_pages_are_put_together(wire: Wire) -> None:
    """AWS spreads users, roles and policies over the pages as it likes."""
    arn = "arn:aws:iam::123456789012:policy/own"
    document = "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Deny%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D"
    version = (
        "<member><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion>"
        f"<Document>{document}</Document></member>"
    )
    first = (
        "<UserDetailList><member><UserId>AIDA1</UserId><UserName>bob</UserName></member></UserDetailList>"
        "<IsTruncated>true</IsTruncated><Marker>m</Marker>"
    )
    second = (
        "<RoleDetailList><member><RoleId>AROA1</RoleId><RoleName>deploy</RoleName></member></RoleDetailList>"
        f"<Policies><member><Arn>{arn}</Arn><PolicyVersionList>{version}</PolicyVersionList></member></Policies>"
        "<IsTruncated>false</IsTruncated>"
    )
    name = "GetAccountAuthorizationDetails"
    wire.script[name] = [answer(name, first), answer(name, second)]
    found = wire.reader().details()
    assert set(found.users) == {"AIDA1"}
    assert set(found.roles) == {"AROA1"}
    assert found.effects == {arn: "deny"}
    assert len(wire.asked) == 2


def test_a_new_keys_secret_appears_nowhere(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in what create returns nor in any log record, at the highest level."""
    caplog.set_level(logging.DEBUG)
    inner = (
        "<AccessKey><UserName>bob</UserName><AccessKeyId>AKIANEW0000000000000</AccessKeyId><Status>Active</Status>"
        f"<SecretAccessKey>{NEW_SECRET}</SecretAccessKey></AccessKey>"
    )
    wire.script["CreateAccessKey"] = [answer("CreateAccessKey", inner)]
    kind = Aws().resources["aws_iam_access_key"]
    request = CreateRequest(tenant=TENANT, attributes={"user": "bob"}, token="t")
    written = kind.create(wire.writer(), request)
    assert written.id == "AKIANEW0000000000000"
    assert written.request_id == "r-CreateAccessKey"
    assert written.attributes == {}
    assert any(record.name == "perimeter.aws" for record in caplog.records)
    for record in caplog.records:
        assert NEW_SECRET not in record.getMessage()
        assert SECRET not in record.getMessage()
    assert "(redacted)" in SECRETS.redact(f"x {NEW_SECRET} y")
    assert "(redacted)" in SECRETS.redact(f"x {SECRET} y")


def test_a_key_that_was_made_and_not_switched_off_is_not_taken_for_never_made(wire: Wire) -> None:
    inner = (
        "<AccessKey><UserName>bob</UserName><AccessKeyId>AKIANEW0000000000000</AccessKeyId><Status>Active</Status>"
        f"<SecretAccessKey>{NEW_SECRET}</SecretAccessKey></AccessKey>"
    )
    wire.script["CreateAccessKey"] = [answer("CreateAccessKey", inner)]
    wire.script["UpdateAccessKey"] = [refusal(403, "AccessDenied")]
    request = CreateRequest(
        tenant=TENANT, attributes={"user": "bob", "status": "Inactive"}, token="t"
    )
    with pytest.raises(Forbidden) as caught:
        Aws().resources["aws_iam_access_key"].create(wire.writer(), request)
    assert caught.value.committed is None


def test_a_users_boundary_is_set_and_taken_away(wire: Wire) -> None:
    """Requests are validated by botocore against AWS's own model before they are sent."""
    for action in ("PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary"):
        wire.script[action] = [answer(action)]
    kind = Aws().resources["aws_iam_user"]
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    before = Observed(id="AIDA1", attributes={"name": "bob", "permissions_boundary": ""})
    for value in (arn, ""):
        request = UpdateRequest(
            tenant=TENANT,
            id="AIDA1",
            before=before.attributes,
            after={**before.attributes, "permissions_boundary": value},
            changed=frozenset({"permissions_boundary"}),
        )
        assert kind.update(wire.writer(), request).id == "AIDA1"
    assert wire.actions() == ["PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary"]
    assert wire.asked[0]["PermissionsBoundary"] == arn


def test_new_audiences_come_before_old_ones_go(wire: Wire) -> None:
    for verb in ("AddClientIDTo", "RemoveClientIDFrom"):
        wire.script[f"{verb}OpenIDConnectProvider"] = [answer(f"{verb}OpenIDConnectProvider")]
    kind = Aws().resources["aws_iam_openid_connect_provider"]
    before = {"client_id_list": ["a", "b"]}
    request = UpdateRequest(
        tenant=TENANT,
        id="arn:aws:iam::123456789012:oidc-provider/example.com",
        before=before,
        after={"client_id_list": ["b", "c"]},
        changed=frozenset({"client_id_list"}),
    )
    kind.update(wire.writer(), request)
    assert [(call["Action"], call["ClientID"]) for call in wire.asked] == [
        ("AddClientIDToOpenIDConnectProvider", "c"),
        ("RemoveClientIDFromOpenIDConnectProvider", "a"),
    ]


def test_plain_http_is_for_loopback_only() -> None:
    with pytest.raises(Fatal, match="endpoint_url"):
        endpoint("iam", {"endpoint_url": "http://iam.example.com"}, {})
    assert (
        endpoint("iam", {}, {"AWS_ENDPOINT_URL_IAM": "http://127.0.0.1:1"}) == "http://127.0.0.1:1"
    )
    assert endpoint("iam", {}, {}) is None


def test_a_nameless_profile_says_what_to_do() -> None:
    request = ConnectRequest(config={"profile": "no-such-profile"}, environment={})
    with pytest.raises(Unauthenticated, match="AWS_PROFILE"):
        Aws().reader(request)


def test_half_a_key_says_so() -> None:
    request = ConnectRequest(config={}, environment={"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"})
    with pytest.raises(Unauthenticated, match="AWS_SECRET_ACCESS_KEY"):
        Aws().reader(request)


def test_a_stopped_process_makes_no_further_call(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Limiters()
    stopped.stop()
    monkeypatch.setattr(module, "LIMITERS", stopped)
    with pytest.raises(Fatal, match="Stopped"):
        wire.reader().call("iam:ListUsers")
    assert wire.asked == []
    assert LIMITERS is not stopped
