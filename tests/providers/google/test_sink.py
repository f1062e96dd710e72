"""Delivering credentials to Secret Manager."""

from __future__ import annotations

import base64

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import Conflict, Forbidden, Invalid, NotFound, Retryable
from perimeter_google.sink import LARGEST, checksum
from tests.providers.google.conftest import BLIND, KIND, Project, asked, delivery

FIRST = '{"access_key_id": "AKIA1", "secret_access_key": "first-secret-value"}'
SECOND = '{"access_key_id": "AKIA2", "secret_access_key": "second-secret-välue"}'
SINK = KIND.sink
assert SINK is not None


def versions(project: Project) -> dict:
    return project.content()["secrets"]["app-db"]["versions"]


def held(project: Project) -> str:
    found = versions(project)
    return base64.b64decode(found[str(max(map(int, found)))]["data"]).decode()


def test_a_delivery_is_what_latest_means(project: Project) -> None:
    """Byte for byte, with a checksum that Google has compared."""
    assert SINK.deliver(project.writer(), delivery(SECOND)).version == "2"
    assert held(project) == SECOND
    assert versions(project)["2"]["checked"] is True
    assert SINK.fetch(project.reader(), asked()) == SECOND


def test_the_same_delivery_twice_stores_once(project: Project) -> None:
    """Also when another process repeats it, and when the first answer was lost."""
    lost = Fault(kind="lost", method="POST", path="/v1/projects/*:addVersion")
    project.sandbox.faults.add(lost)
    with pytest.raises(Retryable) as caught:
        SINK.deliver(project.writer(), delivery(FIRST))
    assert caught.value.committed is None
    assert "first-secret-value" not in str(caught.value)
    assert SINK.deliver(project.writer(), delivery(FIRST)).version == "2"
    assert SINK.deliver(project.writer(), delivery(FIRST)).version == "2"
    assert sorted(versions(project)) == ["1", "2"]


def test_who_may_not_access_values_delivers_all_the_same(project: Project) -> None:
    """The least right to deliver does not include accessing what is there."""
    assert SINK.deliver(project.writer(BLIND), delivery(FIRST)).version == "2"
    with pytest.raises(Forbidden) as refused:
        SINK.fetch(project.reader(BLIND), asked())
    assert refused.value.needs == "secretmanager.versions.access"


def test_a_disabled_newest_version_does_not_stand_in_the_way(project: Project) -> None:
    """Consumers get nothing then; a delivery gives them something again."""
    project.change(lambda c: c["secrets"]["app-db"]["versions"]["1"].update(state="DISABLED"))
    with pytest.raises(Invalid, match="DISABLED"):
        SINK.fetch(project.reader(), asked())
    assert SINK.deliver(project.writer(), delivery(FIRST)).version == "2"


def test_somebody_elses_version_just_after_ours_is_told(project: Project, monkeypatch) -> None:
    """What consumers get is not what was delivered."""
    writer = project.writer()
    real = type(writer).add

    def meanwhile(self, name, payload):
        number = real(self, name, payload)
        real(self, name, {"data": base64.b64encode(b"somebody else's").decode()})
        return number

    monkeypatch.setattr(type(writer), "add", meanwhile)
    with pytest.raises(Conflict, match="consumers get 3"):
        SINK.deliver(writer, delivery(FIRST))


def test_rolling_back_adds_the_earlier_value_and_disables_what_is_taken_back(
    project: Project,
) -> None:
    """`latest` cannot be moved back: it always means the newest."""
    writer = project.writer()
    first = SINK.deliver(writer, delivery(FIRST)).version
    SINK.deliver(writer, delivery(SECOND))
    assert SINK.restore(writer, asked(first)).version == "4"
    assert held(project) == FIRST
    assert {n: v["state"] for n, v in versions(project).items()} == {
        "1": "ENABLED",
        "2": "ENABLED",
        "3": "DISABLED",
        "4": "ENABLED",
    }
    assert SINK.restore(writer, asked(first)).version == "4"
    assert versions(project)["4"]["state"] == "ENABLED"
    with pytest.raises(NotFound):
        SINK.restore(writer, asked("99"))
    with pytest.raises(Invalid):
        SINK.restore(writer, asked("latest"))


def test_what_does_not_fit_is_not_sent(project: Project) -> None:
    """Google takes 64 KiB; a secret that is gone takes nothing."""
    with pytest.raises(Invalid, match="65536"):
        SINK.deliver(project.writer(), delivery("x" * (LARGEST + 1)))
    with pytest.raises(NotFound):
        SINK.deliver(project.writer(), delivery(FIRST, "gone"))
    assert sorted(project.content()["secrets"]) == ["app-db"]


def test_checksums_are_castagnolis() -> None:
    """RFC 3720, appendix B.4, and the usual check value."""
    assert checksum(b"123456789") == 0xE3069283
    assert checksum(bytes(32)) == 0x8A9136AA
    assert checksum(b"\xff" * 32) == 0x62A8AB43
