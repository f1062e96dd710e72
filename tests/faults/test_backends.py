"""The place of the state fails: an apply survives it, or leaves what is needed to go on elsewhere."""

import os
import re
import threading

import pytest

from perimeter.sandbox.faults import Fault
from tests.faults.lines import HOWS, IN_A_TRANSACTION, STEPS
from tests.faults.story import APPLY

EXHAUSTIVE = os.environ.get("PERIMETER_FAULTS") == "all"
REMOTE = ("s3", "gcs", "azurerm", "pg", "http")
SINGLE = [(kind, how) for kind in REMOTE for how in HOWS]
SAMPLE = [("s3", HOWS[0]), ("pg", HOWS[0]), ("http", HOWS[1])]


def established(tell, kind, seed, **options):
    story = tell(kind, seed, **options)
    wish = story.next_wish()
    serial = story.begin()
    story.settle(story.converge(wish), wish, serial)
    return story


@pytest.mark.parametrize(("kind", "how"), SINGLE if EXHAUSTIVE else SAMPLE)
def test_one_failure_at_each_step_is_survived(tell, tally, kind, how):
    """Whichever write it hits, the run goes on, and nothing is written twice."""
    story = established(tell, kind, how, disturbed=True, encrypted=kind in ("gcs", "http"))
    for step in STEPS if EXHAUSTIVE else STEPS[::2]:
        wish = story.next_wish()
        serial = story.begin()
        directory = story.ready(wish)
        if step in ("lock", "journal", "evidence"):
            story.line.disturb(step, how)
        else:  # of what comes at the end, not of the claims and locks before
            story.tenants.after_writes(2, lambda step=step: story.line.disturb(step, how))
        done = story.watched_apply(directory)
        assert done.status == 0, (step, done.said[-2000:])
        if story.line.felt():
            named = IN_A_TRANSACTION if (kind, how) == ("pg", HOWS[2]) else how
            tally(f"place: {named}")
        story.settle(directory, wish, serial, runs=1)


@pytest.mark.parametrize("pushed", [True, False], ids=["pushed", "lost"])
@pytest.mark.parametrize("kind", REMOTE if EXHAUSTIVE else ("http",))
def test_a_place_that_is_away_at_the_end(tell, tally, kind, pushed):
    """What was done lies in errored.state; with it or without, the next run elsewhere goes on from there."""
    story = established(tell, kind, f"away {kind}", disturbed=True, encrypted=pushed)
    wish = story.next_wish()
    serial = story.begin()
    directory = story.ready(wish)
    story.tenants.after_writes(3, lambda: story.line.away(True))
    done = story.start(directory, *APPLY).wait(500)
    assert done.status == 1, done.said
    assert "perimeter state push errored.state" in done.said, done.said[-3000:]
    assert len(story.tenants.writes) >= 3
    story.line.away(False)
    story.held()
    runs = 2
    if pushed:
        push = story.run(directory, "state", "push", "errored.state")
        if push.status and "Error acquiring the state lock" in push.said:
            story.unlock(directory, push)
            push = story.run(directory, "state", "push", "errored.state")
        assert push.status == 0, push.said
        tally("errored.state pushed")
    else:
        tally("errored.state lost with its machine")
    tally("place: away until the end of the apply")
    story.settle(story.converge(wish), wish, serial, runs=runs)


@pytest.mark.parametrize("kind", REMOTE if EXHAUSTIVE else ("gcs",))
def test_a_place_that_is_away_for_a_moment(tell, tally, kind):
    """It is waited for."""
    story = established(tell, kind, f"moment {kind}", disturbed=True)
    wish = story.next_wish()
    serial = story.begin()
    directory = story.ready(wish)
    back = threading.Timer(0.4, lambda: story.line.away(False))

    def leave():
        story.line.away(True)
        back.start()

    story.tenants.after_writes(2, leave)
    done = story.run(directory, *APPLY)
    back.join()
    if kind != "http":  # its retries are set to wait for nothing
        assert done.status == 0, done.said[-3000:]
    tally("place: away for a moment")
    story.settle(story.converge(wish), wish, serial)


@pytest.mark.parametrize("kind", REMOTE if EXHAUSTIVE else ("s3", "pg"))
def test_a_lock_that_is_lost_in_the_middle(tell, tally, kind):
    """Somebody frees the lock of a run that lives, and applies: the first one notices, and nothing is done twice."""
    story = established(tell, kind, f"lock {kind}", encrypted=kind == "azurerm")
    wish = story.next_wish()
    for group in wish.groups.values():
        group["description"] = "slow"
    serial = story.begin()
    slow, quick = story.ready(wish), story.ready(wish)
    held = threading.Event()
    # The first call hangs in the middle of the first run; doing it twice changes nothing.
    story.tenants.sandbox.faults.add(
        Fault(kind="latency", vendor="okta", method="PUT", path="/api/v1/groups/*", seconds=6.0)
    )
    story.tenants.after_writes(1, held.set)
    first = story.start(slow, *APPLY, "-parallelism=1", '-target=okta_group.g["g1"]')
    while not story.tenants.sandbox.calls.count(method="PUT") and first.status is None:
        if not story.tenants.sandbox.faults.pending:
            break
        held.wait(0.01)
    refused = story.run(quick, *APPLY)
    assert refused.status == 1, refused.said
    lock = re.search(r'"perimeter force-unlock ([0-9a-f-]{36})"', refused.said)
    freed = story.run(quick, "force-unlock", "-force", lock[1])
    assert freed.status == 0, freed.said
    second = story.run(quick, *APPLY)
    first.wait()
    assert first.status == 1, first.said
    assert second.status == 0, second.said
    assert re.search("lock|another run|Journal changed|State changed", first.said), first.said
    tally("locks lost to force-unlock while their run lived")
    story.settle(story.converge(wish), wish, serial)
