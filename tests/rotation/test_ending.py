"""Vendors that end the old credential as they issue the new one: no overlap, and nothing is left broken for long."""

import pytest

from tests.rotation.test_killed import LOST, REFUSED, killed_at
from tests.tiny.tenant import Fault

KINDS = ("tiny_hot", "tiny_webhook")
RULE = 'max_age = "90d"'


def started(tiny, kind, sinks=("vault", "box")):
    tiny.write(kind=kind, sinks=sinks, rule=RULE)
    tiny.applied()
    tiny.later(days=91)


def sound(tiny, kind, sinks=("vault", "box")):
    assert all(tiny.works(sink, kind) for sink in sinks)
    assert len(tiny.tenant.of(kind)) == 1
    assert not tiny.orphans(kind)
    assert list(tiny.roles(f"{kind}.key").values()) == ["current"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_plan_warns_and_one_apply_does_it(tiny, kind):
    started(tiny, kind)
    old = tiny.secret("vault")
    outcome = tiny.applied()
    assert "Rotation without overlap" in [item.summary for item in outcome.diagnostics]
    assert tiny.secret("vault") != old
    sound(tiny, kind)
    assert tiny.plan().is_empty


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sink", ["tiny_vault", "tiny_box"])
@pytest.mark.parametrize("error", [LOST, REFUSED], ids=["lost", "refused"])
def test_a_sink_that_fails_is_served_by_the_next_apply(tiny, kind, sink, error, monkeypatch):
    monkeypatch.setattr("perimeter.engine.rotating.delivering.PAUSE", 0.0)
    started(tiny, kind)
    tiny.tenant.faults.append(Fault("deliver", sink, error, times=9))
    outcome = tiny.apply()
    assert "until the next apply" in outcome.applied.results[-1].text
    assert len(tiny.tenant.of(kind)) == 1
    tiny.tenant.faults.clear()
    tiny.applied()
    sound(tiny, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "point",
    ["call.before:issue:{}.key", "call.after:issue:{}.key", "call.after:deliver:tiny_vault.vault"],
)
def test_killed_it_is_made_good_by_the_next_apply(tiny, kind, point):
    started(tiny, kind)
    killed_at(tiny, point.format(kind))
    tiny.applied()
    sound(tiny, kind)
    tiny.applied()
    sound(tiny, kind)


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_is_made_good_by_the_next_apply(tiny, after):
    started(tiny, "tiny_webhook")
    tiny.tenant.faults.append(Fault("update", "tiny_webhook", LOST, after=after))
    tiny.apply()
    tiny.applied()
    sound(tiny, "tiny_webhook")


def test_it_is_not_ended_in_a_run_that_connects_with_it(tiny):
    started(tiny, "tiny_hot")
    tiny.tenant.caller_credential = tiny.secret("vault")["id"]
    found = tiny.rotation(address="tiny_hot.key")
    assert found.steps == ()
    assert found.findings[0].summary == "perimeter connects with this credential"
