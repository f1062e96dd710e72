"""Secrets Manager and Parameter Store as sinks, against moto: stored once, given to consumers, fetched, given back."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perimeter.sdk import (
    SECRETS,
    Attributes,
    Conflict,
    Delivered,
    DeliverRequest,
    Invalid,
    NotFound,
    Retryable,
    SinkRequest,
    SinkType,
    Unseen,
    Unsupported,
)
from perimeter_aws.parameter_sink import EMPTY, ParameterSink
from perimeter_aws.secret_sink import SecretSink, version_of
from tests.providers.aws.conftest import Account

SECRET, PARAMETER = "aws_secretsmanager_secret", "aws_ssm_parameter"
NAMES = {SECRET: "billing-export/aws", PARAMETER: "/billing-export/aws"}
BOTH = pytest.mark.parametrize("kind", [SECRET, PARAMETER])


def payload(number: int) -> str:
    parts = {"access_key_id": f"AKIA{number:016}", "secret_access_key": f"s3cr/t+{number:033}"}
    return json.dumps(parts)


class Sink:
    """One sink, by perimeter's clients."""

    def __init__(self, account: Account, kind: str) -> None:
        self.account, self.kind = account, kind
        self.type: SinkType = account.provider.resources[kind].sink  # type: ignore[assignment]
        self.id = account.create(kind, name=NAMES[kind]).id
        self.tenant = account.tenant()

    @property
    def attributes(self) -> Attributes:
        found = self.account.read(self.kind, self.id, {"name": NAMES[self.kind]})
        assert found is not None
        return found.attributes

    def deliver(self, number: int, token: str = "") -> Delivered:
        request = DeliverRequest(
            tenant=self.tenant,
            id=self.id,
            attributes=self.attributes,
            payload=payload(number),
            token=token or f"rotation-{number}",
            credential=f"AKIA{number:016}",
        )
        return self.type.deliver(self.account.writer(), request)

    def fetch(self) -> str:
        return self.type.fetch(self.account.reader(), self._request(""))

    def restore(self, version: str) -> Delivered:
        return self.type.restore(self.account.writer(), self._request(version))

    def consumed(self) -> str:
        """What a consumer reads, by a client of its own."""
        if self.kind == SECRET:
            # moto takes the version last put for the default, whatever the labels say.
            found = self.account.client("secretsmanager").get_secret_value(
                SecretId=NAMES[SECRET], VersionStage="AWSCURRENT"
            )
            return str(found["SecretString"])
        ssm = self.account.client("ssm")
        found = ssm.get_parameter(Name=NAMES[PARAMETER], WithDecryption=True)
        return str(found["Parameter"]["Value"])

    def _request(self, version: str) -> SinkRequest:
        return SinkRequest(
            tenant=self.tenant, id=self.id, attributes=self.attributes, version=version
        )


def labels(account: Account) -> dict[str, list[str]]:
    found = account.client("secretsmanager").describe_secret(SecretId=NAMES[SECRET])
    return {version: sorted(names) for version, names in found["VersionIdsToStages"].items()}


@BOTH
def test_what_is_delivered_is_what_consumers_get(account: Account, kind: str) -> None:
    sink = Sink(account, kind)
    assert sink.type.readable
    assert sink.type.versioned
    for number in (1, 2):
        done = sink.deliver(number)
        assert done.version
        assert done.request_id
        assert sink.consumed() == sink.fetch() == payload(number)


@BOTH
def test_a_delivery_made_twice_is_stored_once(account: Account, kind: str) -> None:
    sink = Sink(account, kind)
    first, again = sink.deliver(1), sink.deliver(1)
    assert first.version == again.version
    assert account.calls("PutSecretValue" if kind == SECRET else "PutParameter") == 1 + (
        kind == PARAMETER  # its creation
    )


@BOTH
def test_an_earlier_value_is_given_back(account: Account, kind: str) -> None:
    """Rolling back twice does not go forth again."""
    sink = Sink(account, kind)
    first = sink.deliver(1)
    sink.deliver(2)
    for _ in range(2):
        sink.restore(first.version)
        assert sink.consumed() == payload(1)


@BOTH
def test_what_was_never_delivered_cannot_be_fetched(account: Account, kind: str) -> None:
    sink = Sink(account, kind)
    with pytest.raises(NotFound):
        sink.fetch()
    with pytest.raises(NotFound):
        sink.restore("")
    with pytest.raises(NotFound):
        sink.restore("17")


@BOTH
def test_no_value_is_in_what_perimeter_reads_or_logs(
    account: Account, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lists, reads and the records of all calls at the highest level."""
    caplog.set_level(logging.DEBUG)
    sink = Sink(account, kind)
    sink.deliver(1)
    sink.fetch()
    sink.deliver(2)
    shown = [repr(account.listed(kind)), repr(sink.attributes), repr(account.requests)]
    shown += [record.getMessage() for record in caplog.records]
    for number in (1, 2):
        secret = json.loads(payload(number))["secret_access_key"]
        assert not [text for text in shown if secret in text]
        assert "(redacted)" in SECRETS.redact(f"x {secret} y")
        assert SECRETS.redact(f"x AKIA{number:016} y") == f"x AKIA{number:016} y"


@BOTH
def test_a_sink_that_is_gone_is_an_error(account: Account, kind: str) -> None:
    sink = Sink(account, kind)
    attributes = sink.attributes
    if kind == SECRET:
        account.client("secretsmanager").delete_secret(SecretId=sink.id)
    else:
        account.client("ssm").delete_parameter(Name=NAMES[kind])
    assert account.read(kind, sink.id, attributes) is None
    assert not account.listed(kind)
    request = DeliverRequest(
        tenant=sink.tenant,
        id=sink.id,
        attributes=attributes,
        payload=payload(1),
        token="t",
        credential="AKIA",
    )
    with pytest.raises(NotFound):
        sink.type.deliver(account.writer(), request)


@BOTH
def test_what_a_sink_cannot_take_is_refused_before_anything_is_sent(
    account: Account, kind: str
) -> None:
    sink = Sink(account, kind)
    attributes, before = sink.attributes, len(account.requests)
    request = DeliverRequest(
        tenant=sink.tenant,
        id=sink.id,
        attributes=attributes,
        payload="x" * 70_000,
        token="t",
        credential="AKIA",
    )
    with pytest.raises(Invalid, match="takes at most"):
        sink.type.deliver(account.writer(), request)
    sent = [name for name, _ in account.requests[before:]]
    assert not any(name.startswith("Put") for name in sent)


@BOTH
def test_another_regions_object_is_not_taken_for_gone(account: Account, kind: str) -> None:
    sink = Sink(account, kind)
    elsewhere = sink.id.replace("us-east-1", "eu-west-1")
    with pytest.raises(Invalid, match="eu-west-1"):
        account.read(kind, elsewhere, {"name": NAMES[kind]})


def test_the_value_before_stays_readable_as_awsprevious(account: Account) -> None:
    """One call stores a version and moves both labels: at no time is there no current one."""
    sink = Sink(account, SECRET)
    sink.deliver(1)
    sink.deliver(2)
    found = labels(account)
    assert found[version_of("rotation-1")] == ["AWSPREVIOUS"]
    assert found[version_of("rotation-2")] == ["AWSCURRENT"]
    assert account.calls("UpdateSecretVersionStage") == 0


def test_a_delivery_that_was_taken_back_is_made_again(account: Account) -> None:
    """The token's version is there already, so that AWS would leave the labels as they are."""
    sink = Sink(account, SECRET)
    first = sink.deliver(1)
    second = sink.deliver(2)
    sink.restore(first.version)
    assert sink.deliver(2).version == second.version
    assert labels(account) == {first.version: ["AWSPREVIOUS"], second.version: ["AWSCURRENT"]}


def test_a_secret_that_aws_rotates_is_left_alone(account: Account) -> None:
    sink = Sink(account, SECRET)
    real = account.writer().call

    class Rotated:
        region = "us-east-1"

        def call(self, action: str, **parameters: Any) -> dict[str, Any]:
            return {**real(action, **parameters), "RotationEnabled": True}

    request = DeliverRequest(
        tenant=sink.tenant,
        id=sink.id,
        attributes=sink.attributes,
        payload=payload(1),
        token="t",
        credential="AKIA",
    )
    with pytest.raises(Conflict, match="cancel-rotate-secret"):
        SecretSink().deliver(Rotated(), request)  # type: ignore[arg-type]
    assert account.calls("PutSecretValue") == 0


def test_a_sink_that_says_yes_and_gives_consumers_another_value_is_an_error(
    account: Account,
) -> None:
    """Whatever the write answers, only what is read back counts."""
    secret, parameter = Sink(account, SECRET), Sink(account, PARAMETER)
    secret.deliver(1)
    parameter.deliver(1)
    pauses: list[float] = []
    for sink, kind, swallowed in (
        (secret, SecretSink(pauses.append), "secretsmanager:PutSecretValue"),
        (parameter, ParameterSink(pauses.append), "ssm:PutParameter"),
    ):
        writer = Swallowing(account.writer(), swallowed)
        request = DeliverRequest(
            tenant=sink.tenant,
            id=sink.id,
            attributes=sink.attributes,
            payload=payload(2),
            token="rotation-2",
            credential="AKIA",
        )
        with pytest.raises(Retryable) as caught:
            kind.deliver(writer, request)  # type: ignore[arg-type]
        assert caught.value.committed is None
        assert sink.consumed() == payload(1)
    assert pauses


class Swallowing:
    """A writer that sends everything but one operation, and says that it did that, too."""

    def __init__(self, real: Any, swallowed: str) -> None:
        self._real, self._swallowed = real, swallowed
        self.region = real.region

    def write(self, action: str, **parameters: Any) -> dict[str, Any]:
        if action in (self._swallowed, "secretsmanager:UpdateSecretVersionStage"):
            return {"Version": 2}
        found: dict[str, Any] = self._real.write(action, **parameters)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_a_binary_secret_is_not_perimeters(account: Account) -> None:
    sink = Sink(account, SECRET)
    account.client("secretsmanager").put_secret_value(SecretId=sink.id, SecretBinary=b"\x00")
    with pytest.raises(Unsupported):
        sink.fetch()


def test_a_parameter_keeps_key_and_description_when_a_value_is_delivered(account: Account) -> None:
    sink = Sink(account, PARAMETER)
    account.update(
        PARAMETER,
        account.listed(PARAMETER)[sink.id],
        description="Key of the export",
        key_id="alias/billing",
        tier="Advanced",
    )
    sink.deliver(1)
    after = sink.attributes
    assert {n: after[n] for n in ("description", "key_id", "tier")} == {
        "description": "Key of the export",
        "key_id": "alias/billing",
        "tier": "Advanced",
    }
    assert sink.consumed() == payload(1)


def test_changing_a_parameter_keeps_its_value(account: Account) -> None:
    sink = Sink(account, PARAMETER)
    assert sink.consumed() == EMPTY
    sink.deliver(1)
    account.update(PARAMETER, account.listed(PARAMETER)[sink.id], description="other")
    assert sink.consumed() == payload(1)
    with pytest.raises(Invalid, match="Standard"):
        account.update(
            PARAMETER,
            _as(account.listed(PARAMETER)[sink.id], tier="Advanced"),
            tier="Standard",
        )


def _as(observed: Any, **attributes: Any) -> Any:
    return type(observed)(id=observed.id, attributes={**observed.attributes, **attributes})


def test_a_declared_value_is_sent_and_kept_nowhere(account: Account, tmp_path: Path) -> None:
    workspace = account.workspace(tmp_path)
    text = 'resource "aws_ssm_parameter" "p" {{\n  name = "/p"\n  value = "{0}"\n  value_version = "{1}"\n}}\n'
    ssm = account.client("ssm")
    for number, value in (("1", "hunter2-hunter2"), ("2", "correct-horse")):
        workspace.write(text.format(value, number))
        outcome = workspace.apply()
        assert not outcome.errors, outcome.errors
        shown = ssm.get_parameter(Name="/p", WithDecryption=True)["Parameter"]["Value"]
        assert shown == value
        held = b"".join(
            p.read_bytes() for p in tmp_path.rglob("*") if p.suffix != ".hcl" and p.is_file()
        )
        assert value.encode() not in held
    outcome = workspace.plan()
    assert outcome.plan is not None
    assert not outcome.plan.active


@pytest.mark.parametrize(
    ("declared", "check"),
    [
        ("", lambda when: 29 <= when <= 31),
        ("recovery_window_in_days = 7", lambda when: 6 <= when <= 8),
        ("recovery_window_in_days = 0", None),
    ],
)
def test_a_removed_secret_can_be_restored_as_long_as_declared(
    account: Account, tmp_path: Path, declared: str, check: Callable[[float], bool] | None
) -> None:
    workspace = account.workspace(tmp_path)
    workspace.write(f'resource "{SECRET}" "s" {{\n  name = "s"\n  {declared}\n}}\n')
    assert not workspace.apply().errors
    workspace.write("")
    assert not workspace.apply().errors
    manager = account.client("secretsmanager")
    left = manager.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert not account.listed(SECRET)
    if check is None:
        assert left == []
        return
    shown = manager.describe_secret(SecretId="s")
    assert check((shown["DeletedDate"] - shown["CreatedDate"]).total_seconds() / 86400)


def test_a_name_that_a_deleted_secret_keeps_is_explained(account: Account) -> None:
    manager = account.client("secretsmanager")
    manager.create_secret(Name="s")
    manager.delete_secret(SecretId="s")
    with pytest.raises(Conflict) as caught:
        account.create(SECRET, name="s")
    assert "restore-secret" in caught.value.message or "exists" in caught.value.message


def test_tags_of_parameters_go_dark_alone(account: Account) -> None:
    sink = Sink(account, PARAMETER)
    account.act_as("ci", "ssm:DescribeParameters", "iam:ListAccountAliases")
    with account.enforcing():
        kind = account.provider.resources[PARAMETER]
        found = account.read(PARAMETER, sink.id, {"name": NAMES[PARAMETER]})
    assert found is not None
    assert isinstance(found.attributes["tags"], Unseen)
    assert kind.permissions.attributes["tags"] == ("ssm:ListTagsForResource",)
