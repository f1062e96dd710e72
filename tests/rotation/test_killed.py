"""A rotation that is cut off anywhere converges: nothing is orphaned, and every sink holds what works."""

import pytest

from perimeter.sdk import ProviderError
from perimeter.sdk.errors import RateLimited
from tests.rotation.conftest import Killed
from tests.tiny.tenant import Fault

LOST = ProviderError("The connection broke.", committed=None)
REFUSED = ProviderError("No.", committed=False)


def failpoints(tiny, sinks):
    """Every failpoint that an apply of a due rotation passes."""
    seen = []
    tiny.work.failpoint = seen.append
    tiny.applied()
    tiny.work = tiny.workspace()
    return list(dict.fromkeys(seen))


def killed_at(tiny, name):
    """Apply, and lose the machine at a failpoint."""

    def failpoint(here):
        if here == name:
            raise Killed(name)

    tiny.work.failpoint = failpoint
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("perimeter.engine.apply.os._exit", _exit)
        with pytest.raises(Killed):
            tiny.work.apply()
    tiny.work = tiny.workspace()


def _exit(code):
    raise Killed(code)


def converges(tiny, sinks, applies=6):
    """Later applies, a day each, end with one working credential in every sink and nothing else."""
    for _ in range(applies):
        outcome = tiny.work.apply()
        assert not outcome.errors, outcome.errors
        for sink in sinks:
            assert tiny.works(sink), (sink, tiny.roles(), tiny.passes)
        assert not tiny.orphans()
        tiny.later(hours=25)
        for sink in sinks:
            tiny.use(sink)


POINTS = [
    "call.before:issue:tiny_pass.key",
    "call.after:issue:tiny_pass.key",
    "call.before:deliver:tiny_vault.vault",
    "call.after:deliver:tiny_vault.vault",
    "call.before:deliver:tiny_vault.vault2",
    "call.after:deliver:tiny_vault.vault2",
    "call.before:deliver:tiny_box.box",
    "call.after:deliver:tiny_box.box",
]


@pytest.mark.parametrize("name", POINTS)
def test_killed_during_a_rotation(tiny, name):
    sinks = ("vault", "vault2", "box")
    tiny.write(sinks=sinks)
    tiny.applied()
    for sink in sinks:
        tiny.use(sink)
    tiny.later(days=91)
    killed_at(tiny, name)
    for sink in sinks:
        assert tiny.works(sink), sink
    converges(tiny, sinks)
    tiny.later(days=8)
    tiny.use("vault")
    tiny.apply()
    tiny.later(days=2)
    tiny.apply()
    assert len(tiny.passes) == 1
    assert not tiny.orphans()
    assert len(set(map(str, (tiny.secret(sink) for sink in sinks)))) == 1


@pytest.mark.parametrize("name", POINTS)
def test_killed_during_the_first_issue(tiny, name):
    sinks = ("vault", "vault2", "box")
    tiny.write(sinks=sinks)
    killed_at(tiny, name)
    for _ in range(3):
        assert not tiny.work.apply().errors
        tiny.later(hours=3)
    assert all(tiny.works(sink) for sink in sinks)
    assert len(tiny.passes) == 1
    assert not tiny.orphans()


@pytest.mark.parametrize("verb", ["issue", "deliver"])
@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer(tiny, verb, after):
    sinks = ("vault", "box")
    tiny.write(sinks=sinks)
    tiny.applied()
    for sink in sinks:
        tiny.use(sink)
    tiny.later(days=91)
    tiny.tenant.faults.append(Fault(verb, "*", LOST, after=after, times=5))
    tiny.work.apply()
    assert all(tiny.works(sink) for sink in sinks)
    tiny.tenant.faults.clear()
    converges(tiny, sinks)
    assert len(tiny.passes) <= 2


@pytest.mark.parametrize("sink", ["tiny_vault", "tiny_box"])
def test_a_sink_that_fails_leaves_the_old_one_in_use(tiny, sink):
    sinks = ("vault", "box")
    tiny.write(sinks=sinks)
    tiny.applied()
    old = tiny.secret("vault")
    tiny.later(days=91)
    tiny.tenant.faults.append(Fault("deliver", sink, REFUSED, times=9))
    outcome = tiny.apply()
    assert outcome.applied.count("failed") == 1
    assert "was destroyed" in outcome.applied.results[-1].text
    assert tiny.secret("vault") == tiny.secret("box") == old
    assert set(tiny.passes) == {old["id"]}
    assert tiny.roles() == {old["id"]: "current"}
    assert tiny.rotation().steps == ()
    assert "another attempt after 1 that failed" in tiny.rotation().waiting_for
    tiny.tenant.faults.clear()
    tiny.later(hours=2)
    tiny.applied()
    assert tiny.secret("vault")["id"] != old["id"]
    assert tiny.works("vault")
    assert tiny.works("box")


def test_a_new_one_that_cannot_be_destroyed_is_recorded_and_tried_again(tiny):
    tiny.write(sinks=("vault",))
    tiny.applied()
    old = tiny.secret("vault")["id"]
    tiny.later(days=91)
    tiny.tenant.faults += [
        Fault("deliver", "tiny_vault", REFUSED, times=9),
        Fault("delete", "tiny_pass", REFUSED, times=1),
    ]
    tiny.apply()
    assert sorted(tiny.roles().values()) == ["current", "deposed"]
    assert len(tiny.passes) == 2
    assert not tiny.orphans()
    tiny.apply()
    assert set(tiny.passes) == {old}


def test_what_limits_the_rate_is_tried_again(tiny):
    tiny.write(sinks=("vault",))
    tiny.applied()
    tiny.later(days=91)
    tiny.tenant.faults.append(
        Fault("deliver", "tiny_vault", RateLimited("Wait.", after=0.01), times=2)
    )
    tiny.applied()
    assert tiny.works("vault")
