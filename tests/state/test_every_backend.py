"""What every kind of backend must do, each on a real server."""

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from perimeter.state.backend import Backend
from perimeter.state.codec import Codec, record_hash
from perimeter.state.errors import StateError
from perimeter.state.evidence import Evidence, EvidenceLog, Verified, verify
from perimeter.state.journal import compact, replay
from perimeter.state.lockinfo import LockError, new_lock_info
from perimeter.state.model import Instance, Output, Record, Seal, State, StateObject
from perimeter.state.places import KINDS
from tests.servers.backends import NAMES, Unavailable

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=NAMES)
def place(request, servers):
    try:
        return servers.place(request.param)
    except Unavailable as problem:
        pytest.skip(str(problem))


@pytest.fixture
def backend(place) -> Backend:
    return place.open()


def state(serial=1, value="x", **more):
    return State(serial=serial, lineage="l", outputs={"o": Output(value=value)}, **more)


def record(sequence=1, previous="", run="r", base_serial=0):
    return Record(
        sequence=sequence, previous=previous, lineage="l", base_serial=base_serial, run=run
    )


def chain(backend, count, run="r"):
    previous, made = "", []
    for sequence in range(1, count + 1):
        made.append(record(sequence, previous, run))
        backend.append(made[-1])
        previous = record_hash(made[-1])
    return made


def refused(caught):
    return caught.value.diagnostic.summary


def test_where_nothing_was_written_there_is_an_empty_state(backend):
    found = backend.load()
    assert (found.state, found.records, found.etag) == (State(), (), "")
    assert backend.evidence_tail() == b""
    assert list(backend.evidence_lines()) == []
    assert backend.versions() == ()


def test_what_is_written_another_machine_reads_with_its_etag(place):
    etag = place.open().write_state(state(), "")
    found = place.open().load()
    assert found.state == state()
    assert found.etag == etag != ""


def test_a_state_that_somebody_else_wrote_is_not_overwritten(place):
    mine, theirs = place.open(), place.open()
    etag = mine.write_state(state(1), "")
    theirs.write_state(state(2, "theirs"), etag)
    with pytest.raises(StateError) as caught:
        mine.write_state(state(2, "mine"), etag)
    assert refused(caught) == "State changed"
    with pytest.raises(StateError) as caught:
        mine.write_state(state(1, "first"), "")
    assert refused(caught) == "State changed"
    assert place.open().load().state == state(2, "theirs")


def test_of_writers_at_the_same_time_one_wins(place):
    if place.kind in ("local", "http"):
        pytest.skip(f"{place.kind} has no conditional replace: the lock keeps writers apart")
    if place.kind == "http":
        pytest.skip("the HTTP protocol has no conditional writes, only the lock")
    etag = place.open().write_state(state(1), "")
    backends = [place.open() for _ in range(8)]
    ready = threading.Barrier(8)

    def write(number):
        ready.wait()
        try:
            backends[number].write_state(state(2, number), etag)
        except StateError as problem:
            return problem.diagnostic.summary
        return number

    with ThreadPoolExecutor(8) as threads:
        ends = list(threads.map(write, range(8)))
    winners = [end for end in ends if end != "State changed"]
    assert len(winners) == 1
    assert place.open().load().state == state(2, winners[0])


def test_what_is_no_plain_data_is_refused_before_anything_is_written(backend):
    held = StateObject(type="t", id="1", tenant="t", provider="p", attributes={"x": object()})
    bad = state(resources={"t.x": Instance(objects=(held,))})
    with pytest.raises(StateError):
        backend.write_state(bad, "")
    assert backend.load().etag == ""


def test_journal_records_come_back_in_order_and_continue_the_state(place):
    backend = place.open()
    with backend.lock(new_lock_info("apply", "s")):
        made = chain(backend, 12)
    found = place.open().load()
    assert list(found.records) == made
    assert replay(found.state, found.records).sequence == 12


def test_a_sequence_is_written_once(place):
    one, other = place.open(), place.open()
    with one.lock(new_lock_info("apply", "s")):
        one.append(record(run="one"))
    with other.lock(new_lock_info("apply", "s")), pytest.raises(StateError) as caught:
        other.append(record(run="other"))
    assert refused(caught) == "Journal changed"
    assert [item.run for item in place.open().load().records] == ["one"]


def test_of_records_of_one_sequence_at_the_same_time_one_is_kept(place):
    if place.kind == "http":
        pytest.skip("the HTTP protocol has no conditional writes, only the lock")
    backends = [place.open() for _ in range(6)]
    ready = threading.Barrier(6)

    def append(number):
        ready.wait()
        try:
            backends[number].append(record(run=f"r{number}"))
        except StateError:
            return None
        return f"r{number}"

    with ThreadPoolExecutor(6) as threads:
        winners = [run for run in threads.map(append, range(6)) if run]
    assert [item.run for item in place.open().load().records] == winners
    assert len(winners) == 1


def test_the_oldest_records_are_cleared_and_the_newer_stay(backend):
    with backend.lock(new_lock_info("apply", "s")):
        made = chain(backend, 20)
        backend.write_state(
            state(seal=Seal(journal_sequence=18, journal_head=record_hash(made[17]))), ""
        )
        backend.clear_records(18)
    assert list(backend.load().records) == made[18:]
    backend.clear_records(18)  # once more does no harm


def test_a_journal_is_folded_into_the_state(place):
    backend = place.open()
    with backend.lock(new_lock_info("apply", "s")):
        chain(backend, 3)
        held = backend.load()
        compact(backend, held, state(0))
    found = place.open().load()
    assert found.records == ()
    assert (found.state.serial, found.state.seal.journal_sequence) == (1, 3)


def test_a_lock_is_held_by_one(place):
    one, other = place.open(), place.open()
    info = new_lock_info("OperationTypeApply", "s")
    with one.lock(info) as held:
        assert held.info == info
        with pytest.raises(LockError) as caught:
            other.lock(new_lock_info("OperationTypeApply", "s"))
        assert refused(caught) == "Error acquiring the state lock"
        assert info.id in caught.value.diagnostic.detail
        assert caught.value.holder == info
    with other.lock(new_lock_info("OperationTypeApply", "s")) as held:
        held.release()
        held.release()


def test_a_lock_is_waited_for(place):
    one, other = place.open(), place.open()
    told = []
    held = one.lock(new_lock_info("apply", "s"))
    threading.Timer(0.3, held.release).start()
    start = time.monotonic()
    with other.lock(new_lock_info("apply", "s"), 20, lambda *told_: told.append(told_)):
        assert 0.2 < time.monotonic() - start < 15
    assert told[0][0] == held.info
    held = one.lock(new_lock_info("apply", "s"))
    with pytest.raises(LockError):
        other.lock(new_lock_info("apply", "s"), 0.3)
    held.release()


def test_a_lock_with_another_id_is_not_removed(place):
    one, other = place.open(), place.open()
    with pytest.raises(LockError):
        one.force_unlock("nobody")
    with one.lock(new_lock_info("apply", "s")):
        with pytest.raises(LockError) as caught:
            other.force_unlock("somebody")
        assert refused(caught) == "Failed to unlock state"
        with pytest.raises(LockError):
            other.lock(new_lock_info("apply", "s"))


def test_plans_read_while_the_lock_is_held(place):
    with place.open().lock(new_lock_info("apply", "s")):
        assert place.open().load().etag == ""


def count_up(place, times):
    """Take turns under the lock, each raising the serial; when each turn began and ended."""
    backend, turns = place.open(), []
    for _ in range(times):
        with backend.lock(new_lock_info("apply", "s"), 60):
            began = time.monotonic()
            found = backend.load()
            backend.write_state(state(found.state.serial + 1), found.etag)
            turns.append((began, time.monotonic()))
    return turns


def test_twelve_threads_take_turns_and_lose_nothing(place, monkeypatch):
    monkeypatch.setattr("perimeter.state.polling.LONGEST_PAUSE", 0.2)
    monkeypatch.setattr("perimeter.state.lock._LONGEST_PAUSE", 0.2)
    with ThreadPoolExecutor(12) as threads:
        turns = sorted(
            turn for run in threads.map(lambda _: count_up(place, 1), range(12)) for turn in run
        )
    assert place.open().load().state.serial == 12
    assert all(a[1] <= b[0] for a, b in pairwise(turns)), turns


PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from tests.servers.backends import Place
from tests.state.test_every_backend import count_up
print(json.dumps(count_up(Place(*json.loads(sys.argv[2])), 3)))
"""


def test_processes_take_turns_and_lose_nothing(place):
    given = json.dumps([place.kind, place.settings, dict(place.environment)])
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(ROOT), given], stdout=subprocess.PIPE, cwd=ROOT
        )
        for _ in range(2)
    ]
    turns = sorted(turn for run in runs for turn in json.loads(run.communicate(timeout=120)[0]))
    assert place.open().load().state.serial == 6
    assert all(a[1] <= b[0] for a, b in pairwise(turns)), turns


def test_the_evidence_log_grows_and_is_verified(place):
    def entry(number):
        return Evidence(
            at="2026-01-01T00:00:00Z",
            run="r",
            address=f"t.n{number}",
            operation="create",
            result="done",
        )

    backend = place.open()
    with backend.lock(new_lock_info("apply", "s")):
        log = EvidenceLog(backend)
        log.append(entry(1), entry(2))
        log.append(entry(3))
    backend = place.open()
    with backend.lock(new_lock_info("apply", "s")):
        log = EvidenceLog(backend)
        assert log.head.sequence == 3
        log.append(entry(4))
    lines = list(place.open().evidence_lines())
    assert lines[-1].rstrip(b"\n") == place.open().evidence_tail()
    found = verify(lines, Seal(evidence_sequence=4, evidence_head=log.head.digest))
    assert isinstance(found, Verified)
    assert found.head == log.head


def test_earlier_states_are_kept_by_their_serial(place):
    backend, etag = place.open(), ""
    for serial in range(1, 5):
        etag = backend.write_state(state(serial, f"v{serial}"), etag)
    versions = place.open().versions()
    if not versions:
        pytest.skip(f"{place.kind} keeps no earlier states")
    assert [item.serial for item in versions] == [4, 3, 2, 1]
    assert place.open().version(2) == state(2, "v2")
    assert place.open().version(4) == state(4, "v4")
    with pytest.raises(StateError) as caught:
        place.open().version(9)
    assert refused(caught).startswith("No such version")


def test_at_most_fifty_states_are_kept(place):
    backend, etag = place.open(), ""
    for serial in range(1, 54):
        etag = backend.write_state(state(serial), etag)
    versions = backend.versions()
    if not versions:
        pytest.skip(f"{place.kind} keeps no earlier states")
    assert [item.serial for item in versions] == list(range(53, 3, -1))


def test_states_beside_each_other_share_a_registry(place):
    if place.open().registry() is None:
        pytest.skip(f"{place.kind} has no place for a shared document")
    one, other = place.open().registry(), place.open("staging").registry()
    assert one.place == other.place
    assert one.load() == (b"", "")
    etag = one.write(b"a", "")
    assert other.load() == (b"a", etag)
    other.write(b"b", etag)
    with pytest.raises(StateError) as caught:
        one.write(b"c", etag)
    assert refused(caught) == "Registry changed"
    assert one.load()[0] == b"b"


def test_workspaces_are_apart(place):
    kind, given = KINDS[place.kind], (place.settings, place.environment)
    assert kind.workspaces(*given) == ("default",)
    if place.kind == "http":
        with pytest.raises(StateError, match="Workspaces not supported"):
            place.open("staging")
        return
    for number, name in enumerate(("default", "staging", "prod-eu"), 1):
        backend = place.open(name, Codec(workspace=name))
        with backend.lock(new_lock_info("apply", "s")):
            etag = backend.write_state(state(1, name), "")
            backend.write_state(state(2, name), etag)
            backend.append(record(run=name, base_serial=2))
            backend.append_evidence(b"x\n" * number)
    assert kind.workspaces(*given) == ("default", "prod-eu", "staging")
    for name in ("default", "staging", "prod-eu"):
        found = place.open(name).load()
        assert (found.state, [item.run for item in found.records]) == (state(2, name), [name])
        assert name == "default" or name in kind.describe(place.settings, name)
    kind.delete_workspace(place.settings, "staging", place.environment)
    assert kind.workspaces(*given) == ("default", "prod-eu")
    assert place.open("staging").load().etag == ""
    assert place.open("staging").load().records == ()
    assert place.open("prod-eu").load().etag != ""
    kind.delete_workspace(place.settings, "staging", place.environment)
