"""Delivering credentials to Vault."""

from __future__ import annotations

import json

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import Conflict, Forbidden, Invalid, NotFound, Retryable
from perimeter_vault.sink import fields_of, payload_of
from tests.providers.vault.conftest import BLIND, KIND, Server, asked, delivery

FIRST = json.dumps({"access_key_id": "AKIA1", "secret_access_key": "first-secret-value"})
SECOND = json.dumps({"access_key_id": "AKIA2", "secret_access_key": "second-secret-value"})
SINK = KIND.sink
assert SINK is not None


def held(server: Server, path: str = "app/db") -> dict:
    found = server.secret(path)
    return found["versions"][str(found["current_version"])]["data"]


def test_members_become_fields_and_the_version_is_told(server: Server) -> None:
    """Consumers read one field each, as `vault kv get -field` does."""
    told = SINK.deliver(server.writer(), delivery("app/db", FIRST))
    assert told.version == "2"
    assert told.request_id
    assert held(server) == json.loads(FIRST)
    assert SINK.fetch(server.reader(), asked("app/db")) == FIRST


def test_a_single_member_is_one_field(server: Server) -> None:
    """A payload that is no object of texts is kept whole."""
    SINK.deliver(server.writer(), delivery("app/db", "-----BEGIN KEY-----\nabc\n"))
    assert held(server) == {"value": "-----BEGIN KEY-----\nabc\n"}
    assert SINK.fetch(server.reader(), asked("app/db")) == "-----BEGIN KEY-----\nabc\n"


@pytest.mark.parametrize("payload", ["x", "", "[1]", '{"a": 1}', "{}", '{"value": "x"}', FIRST])
def test_what_goes_in_comes_out(payload: str) -> None:
    """Fields and payload are two forms of one thing."""
    assert payload_of(fields_of(payload)) == payload


def test_the_same_delivery_twice_stores_once(server: Server) -> None:
    """Also when another process repeats it."""
    assert SINK.deliver(server.writer(), delivery("app/db", FIRST)).version == "2"
    assert SINK.deliver(server.writer(), delivery("app/db", FIRST)).version == "2"
    assert server.secret("app/db")["current_version"] == 2


def test_an_answer_lost_after_the_write_is_in_doubt_and_the_next_attempt_finds_it(
    server: Server,
) -> None:
    """Vault has committed: the second attempt writes nothing."""
    server.sandbox.faults.add(Fault(kind="lost", method="POST", path="/v1/secret/data/*"))
    with pytest.raises(Retryable) as caught:
        SINK.deliver(server.writer(), delivery("app/db", FIRST))
    assert caught.value.committed is None
    assert "first-secret-value" not in str(caught.value)
    assert SINK.deliver(server.writer(), delivery("app/db", FIRST)).version == "2"


def test_a_write_in_between_is_not_overwritten(server: Server, monkeypatch) -> None:
    """Check-and-set: who writes meanwhile wins, and perimeter says so."""
    writer = server.writer()
    real = type(writer).value

    def meanwhile(self, mount, path, version=None):
        found = real(self, mount, path, version)
        SINK.deliver(server.writer(), delivery("app/db", SECOND)) if self is writer else None
        return found

    monkeypatch.setattr(type(writer), "value", meanwhile)
    with pytest.raises(Conflict):
        SINK.deliver(writer, delivery("app/db", FIRST))
    assert held(server) == json.loads(SECOND)


def test_a_token_that_cannot_read_delivers_but_does_not_fetch(server: Server) -> None:
    """The least right to deliver does not include reading what is there."""
    told = SINK.deliver(server.writer(BLIND), delivery("app/db", FIRST))
    assert told.version == "2"
    with pytest.raises(Forbidden) as refused:
        SINK.fetch(server.reader(BLIND), asked("app/db"))
    assert refused.value.needs == "read on secret/data/app/db"


def test_rolling_back_writes_the_earlier_version_again(server: Server) -> None:
    """As `vault kv rollback` does: the version numbers only rise."""
    writer = server.writer()
    first = SINK.deliver(writer, delivery("app/db", FIRST)).version
    SINK.deliver(writer, delivery("app/db", SECOND))
    assert SINK.restore(writer, asked("app/db", first)).version == "4"
    assert held(server) == json.loads(FIRST)
    assert SINK.restore(writer, asked("app/db", first)).version == "4"
    with pytest.raises(NotFound, match="max_versions"):
        SINK.restore(writer, asked("app/db", "99"))
    with pytest.raises(Invalid):
        SINK.restore(writer, asked("app/db"))


def test_a_secret_that_is_gone_takes_nothing(server: Server) -> None:
    """A delivery does not make it again with settings that nobody declared."""
    with pytest.raises(NotFound):
        SINK.deliver(server.writer(), delivery("gone", FIRST))
    with pytest.raises(NotFound):
        SINK.fetch(server.reader(), asked("gone"))
    assert "gone" not in server.content()["mounts"]["secret"]["secrets"]
