"""A machine that dies between any two requests to the bucket, or with an answer on its way."""

import pytest

from perimeter.state.errors import StateError
from perimeter.state.journal import Journal, compact, replay
from perimeter.state.lockinfo import LockError, new_lock_info
from perimeter.state.model import Intent, Outcome, StateObject
from tests.servers.backends import Place, Unavailable

ROUNDS, STEPS = 2, 1
REQUESTS = 60
"""More than two rounds make; the last ones find the machine alive."""


def made(number):
    return StateObject(
        type="t", id=f"id{number}", tenant="x", provider="p", attributes={"n": number}
    )


class Machine:
    """Makes objects in rounds, as an apply does; knows what it was told was written."""

    def __init__(self, backend):
        self.backend = backend
        self.begun = []
        self.acknowledged = []
        self.started = []

    def run(self):
        for turn in range(ROUNDS):
            with self.backend.lock(new_lock_info("apply", "s")):
                held = self.backend.load()
                journal = Journal(self.backend, held, f"run{turn}")
                for step in range(STEPS):
                    number = turn * STEPS + step
                    intent = Intent(
                        stage=f"s{number}",
                        address=f"t.n{number}",
                        operation="create",
                        object=made(""),
                    )
                    self.started.append(number)
                    journal.begin([intent])
                    self.begun.append(number)
                    journal.finish(
                        Outcome(
                            stage=f"s{number}",
                            address=f"t.n{number}",
                            status="done",
                            object=made(number),
                        )
                    )
                journal.flush()
                self.acknowledged = list(range((turn + 1) * STEPS))
                now = journal.remembered
                compact(self.backend, now, replay(now.state, now.records).state)


def recovered(backend):
    """What the next run does, on another machine: it frees the lock and folds the journal."""
    try:
        lock = backend.lock(new_lock_info("apply", "s"))
    except LockError as problem:
        backend.force_unlock(problem.holder.id)
        lock = backend.lock(new_lock_info("apply", "s"))
    with lock:
        held = backend.load()
        found = replay(held.state, held.records)
        compact(backend, held, found.state)
    return found


@pytest.mark.parametrize("carried_out", [False, True], ids=["unsent", "unanswered"])
def test_whenever_a_machine_dies_the_next_one_knows_what_happened(servers, carried_out):
    deaths = 0
    for after in range(REQUESTS):
        try:
            place = servers.place("s3", lossy=True)
        except Unavailable as problem:
            pytest.skip(str(problem))
        machine = Machine(
            Place("s3", {**place.settings, "max_retries": 1}, place.environment).open()
        )
        place.front.die(after, carried_out=carried_out)
        try:
            machine.run()
        except StateError:
            deaths += 1
        else:
            assert not place.front.revive(), "the machine did not notice that it was dead"
            break
        finally:
            place.front.revive()
        found = recovered(place.open())
        known = {name.removeprefix("t.n") for name in found.state.resources}
        pending = {item.address.removeprefix("t.n") for item in found.pending}
        assert {str(number) for number in machine.acknowledged} <= known, after
        assert {str(number) for number in machine.begun} <= known | pending, after
        assert known | pending <= {str(number) for number in machine.started}, after
        again = place.open().load()
        assert again.state.resources == found.state.resources
        assert replay(again.state, again.records).pending == found.pending
        newest = max((item.serial for item in place.open().versions()), default=0)
        assert newest == again.state.serial <= ROUNDS
    else:
        pytest.fail("the machine never lived: raise REQUESTS")
    assert deaths > 20
