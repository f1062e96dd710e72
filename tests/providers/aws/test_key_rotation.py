"""An access key as a credential: issued, tried, switched off and on, against moto and at a scripted endpoint."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from perimeter.hcl import parse_file
from perimeter.sdk import (
    SECRETS,
    Attributes,
    Invalid,
    Issued,
    IssueRequest,
    Probed,
    ProbeRequest,
    Retryable,
    SwitchRequest,
    Tenant,
    Unsupported,
)
from perimeter.sdk.limiter import Clock, Limiters
from perimeter_aws import client as module
from perimeter_aws.key_rotation import TRIALS, AccessKeyCredential
from perimeter_aws.provider import Aws
from tests.providers.aws.conftest import Account
from tests.providers.aws.wire import CUT, SECRET, Wire, answer, refusal, wired

KIND = Aws().resources["aws_iam_access_key"]
KEY = "AKIAIOSFODNN7EXAMPLE"
TENANT = Tenant(id="123456789012", name="acme")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """An endpoint, and limiters whose waits take no time."""
    sleepless = Limiters(clock=Clock(sleep=lambda seconds: time.sleep(min(seconds, 0.001))))
    monkeypatch.setattr(module, "LIMITERS", sleepless)
    monkeypatch.setattr(module, "_backoff", lambda attempt, longest: 0.001)
    with wired() as made:
        yield made


def issue(account: Account, user: str = "billing", **more: Any) -> Issued:
    request = IssueRequest(
        tenant=account.tenant(), attributes={"user": user, **more}, token="rotation-1"
    )
    assert KIND.credential is not None
    return KIND.credential.issue(account.writer(), request)


def probe(account: Account, issued: Issued, sleep: Any = None, **more: Any) -> Probed:
    request = ProbeRequest(
        tenant=account.tenant(),
        id=issued.id,
        secret=more.get("secret", issued.secret),
        attributes=more.get("attributes", issued.attributes),
        environment=account.environment,
    )
    return AccessKeyCredential(sleep or (lambda seconds: None)).probe(request)


def switch(account: Account, issued: Issued, *, on: bool) -> None:
    assert KIND.credential is not None
    change = KIND.credential.switch_on if on else KIND.credential.switch_off
    change(
        account.writer(),
        SwitchRequest(tenant=account.tenant(), id=issued.id, attributes=issued.attributes),
    )


def test_an_issued_key_works_and_its_secret_is_only_in_what_is_returned(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    account.iam.create_user(UserName="billing")
    issued = issue(account)
    assert KIND.credential is not None
    assert set(issued.secret) == set(KIND.credential.members)
    assert issued.secret["access_key_id"] == issued.id
    secret = issued.secret["secret_access_key"]
    assert secret not in repr(issued)
    assert secret not in json.dumps(dict(issued.attributes))
    assert "(redacted)" in SECRETS.redact(f"x {secret} y")
    assert all(secret not in record.getMessage() for record in caplog.records)
    found = account.read("aws_iam_access_key", issued.id, {"user": "billing"})
    assert found is not None
    assert {name: found.attributes[name] for name in issued.attributes} == issued.attributes
    assert KIND.credential.is_on(found.attributes)
    assert probe(account, issued).works is True


def test_two_keys_live_side_by_side_and_a_third_is_refused_with_words(account: Account) -> None:
    account.iam.create_user(UserName="billing")
    first, second = issue(account), issue(account)
    assert probe(account, first).works
    assert probe(account, second).works
    with pytest.raises(Unsupported, match="LimitExceeded"):
        issue(account)
    assert KIND.credential is not None
    assert KIND.credential.limit == 2


def test_a_key_is_switched_off_and_on(account: Account) -> None:
    account.iam.create_user(UserName="billing")
    issued = issue(account)
    assert KIND.credential is not None
    for on in (False, True):
        switch(account, issued, on=on)
        found = account.read("aws_iam_access_key", issued.id, {"user": "billing"})
        assert found is not None
        assert KIND.credential.is_on(found.attributes) is on


def test_a_rotated_key_cannot_be_declared_inactive(account: Account) -> None:
    account.iam.create_user(UserName="billing")
    with pytest.raises(Invalid, match="Inactive"):
        issue(account, status="Inactive")
    assert account.calls("CreateAccessKey") == 0


def test_a_deleted_key_does_not_work(account: Account) -> None:
    account.iam.create_user(UserName="billing")
    issued = issue(account)
    account.iam.delete_access_key(UserName="billing", AccessKeyId=issued.id)
    assert probe(account, issued).works is False


def test_a_wrong_secret_does_not_work_where_policies_are_enforced(account: Account) -> None:
    """With its authorization on, moto checks signatures as AWS does."""
    account.iam.create_user(UserName="billing")
    issued = issue(account)
    pauses: list[float] = []
    tenant = account.tenant()
    request = ProbeRequest(
        tenant=tenant,
        id=issued.id,
        secret={"access_key_id": issued.id, "secret_access_key": "x" * 40},
        attributes={**issued.attributes, "created_at": "2020-01-01T00:00:00Z"},
        environment=account.environment,
    )
    with account.enforcing():
        found = AccessKeyCredential(pauses.append).probe(request)
    assert found.works is False
    assert "x" * 40 not in found.detail
    assert pauses == []


def test_another_users_or_accounts_key_is_not_taken_for_it(account: Account) -> None:
    account.iam.create_user(UserName="billing")
    issued = issue(account)
    other = probe(account, issued, attributes={**issued.attributes, "user": "somebody"})
    assert other.works is False
    assert "belongs to" in other.detail


@pytest.mark.parametrize(
    "secret",
    [
        {"access_key_id": "AKIAOTHER00000000000", "secret_access_key": "y" * 40},
        {"password": "y"},
        {},
    ],
)
def test_what_is_no_trial_of_the_key_says_nothing_about_it(wire: Wire, secret: Attributes) -> None:
    request = ProbeRequest(tenant=TENANT, id=KEY, secret=secret, config={"endpoint_url": wire.url})
    assert AccessKeyCredential().probe(request).works is None
    assert wire.asked == []


def tried(wire: Wire, pauses: list[float], **attributes: Any) -> Probed:
    request = ProbeRequest(
        tenant=TENANT,
        id=KEY,
        secret={"access_key_id": KEY, "secret_access_key": SECRET},
        attributes={"user": "billing", **attributes},
        config={"endpoint_url": wire.url, "profile": "no-such-profile"},
        environment={"AWS_ACCESS_KEY_ID": "AKIAPERIMETERSOWNKEY", "AWS_SECRET_ACCESS_KEY": "own"},
    )
    return AccessKeyCredential(pauses.append).probe(request)


def identity(user: str = "billing") -> tuple[int, str]:
    arn = f"arn:aws:iam::{TENANT.id}:user/service/{user}"
    inner = f"<Arn>{arn}</Arn><UserId>AIDA1</UserId><Account>{TENANT.id}</Account>"
    return answer("GetCallerIdentity", inner)


def test_a_young_key_is_tried_again_until_aws_knows_it(wire: Wire) -> None:
    unknown = refusal(403, "InvalidClientTokenId")
    wire.script["GetCallerIdentity"] = [unknown, unknown, identity()]
    pauses: list[float] = []
    found = tried(wire, pauses, created_at="2026-08-01T09:59:30Z")  # the endpoint's clock: 10:00
    assert found.works is True
    assert len(pauses) == 2


def test_patience_with_a_young_key_ends(wire: Wire) -> None:
    wire.script["GetCallerIdentity"] = [refusal(403, "InvalidClientTokenId")]
    pauses: list[float] = []
    assert tried(wire, pauses, created_at="2026-08-01T09:59:30Z").works is False
    assert len(wire.asked) == TRIALS


def test_an_old_key_that_is_refused_is_refused_at_once(wire: Wire) -> None:
    wire.script["GetCallerIdentity"] = [refusal(403, "InvalidClientTokenId")]
    pauses: list[float] = []
    assert tried(wire, pauses, created_at="2026-07-01T00:00:00Z").works is False
    assert len(wire.asked) == 1
    assert pauses == []


@pytest.mark.parametrize(
    "answered",
    [
        CUT,
        refusal(503, "ServiceUnavailable"),
        refusal(403, "SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2"),
        refusal(400, "RequestExpired"),
    ],
)
def test_a_trial_that_went_wrong_is_no_refusal(wire: Wire, answered: Any) -> None:
    wire.script["GetCallerIdentity"] = [answered]
    found = tried(wire, [], created_at="2026-07-01T00:00:00Z")
    assert found.works is None
    assert SECRET not in found.detail


def test_a_lost_answer_leaves_open_whether_there_is_a_key(wire: Wire) -> None:
    wire.script["CreateAccessKey"] = [CUT]
    request = IssueRequest(tenant=TENANT, attributes={"user": "billing"}, token="t")
    with pytest.raises(Retryable) as caught:
        AccessKeyCredential().issue(wire.writer(), request)
    assert caught.value.committed is None
    assert len(wire.asked) == 1


def test_the_way_without_a_key_is_shown_as_configuration() -> None:
    text = AccessKeyCredential().federate({"user": "billing.export"})
    body, problems = parse_file(text, "federate.hcl")
    assert not problems
    assert [block.type for block in body.blocks] == ["module"]
    assert 'role_name = "billing.export"' in text
    assert "github-actions-aws-oidc" in text


def test_what_the_credential_says_of_itself_fits_the_type() -> None:
    credential = KIND.credential
    assert credential is not None
    names = (credential.created_at, credential.last_used_at, *credential.owner)
    assert set(names) <= set(KIND.schema.attributes)
    assert credential.issuable
    assert credential.switchable
    assert credential.probeable
    assert not credential.ends_previous
