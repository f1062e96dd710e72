"""The lock: one holder at a time, named to everybody else, and free again when its process dies."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from perimeter.state.errors import StateError
from perimeter.state.local import LocalBackend
from perimeter.state.lockinfo import LockError, LockInfo, new_lock_info

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from perimeter.state.local import LocalBackend
from perimeter.state.lockinfo import new_lock_info
with LocalBackend(sys.argv[1]).lock(new_lock_info("OperationTypeApply", sys.argv[1], "in a test")) as held:
    print(held.info.id, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "perimeter.state.json"


def info(operation: str = "OperationTypeApply") -> LockInfo:
    return new_lock_info(operation, "perimeter.state.json")


@contextmanager
def other_process(path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_the_body_is_terraforms_lock_info(path: Path) -> None:
    with LocalBackend(path).lock(info()):
        body = json.loads(path.with_name(path.name + ".lock").read_bytes())
    assert list(body) == ["ID", "Operation", "Info", "Who", "Version", "Created", "Path"]
    assert "@" in body["Who"]


def test_releasing_removes_the_file_and_may_be_repeated(path: Path) -> None:
    held = LocalBackend(path).lock(info())
    held.release()
    held.release()
    assert list(path.parent.iterdir()) == []
    LocalBackend(path).lock(info()).release()


def test_an_error_inside_releases_the_lock(path: Path) -> None:
    with pytest.raises(RuntimeError), LocalBackend(path).lock(info()):
        raise RuntimeError
    LocalBackend(path).lock(info()).release()


def test_another_process_that_holds_it_is_named(path: Path) -> None:
    with other_process(path) as (_, lock_id), pytest.raises(LockError) as caught:
        LocalBackend(path).lock(info())
    found = caught.value.diagnostic
    assert found.summary == "Error acquiring the state lock"
    for line in (
        "Lock Info:",
        f"  ID:        {lock_id}",
        f"  Path:      {path}",
        "  Operation: OperationTypeApply",
        "  Info:      in a test",
    ):
        assert line in found.detail.splitlines()
    assert "-lock-timeout" in found.detail
    assert caught.value.holder is not None
    assert caught.value.holder.id == lock_id


def test_one_process_cannot_take_it_twice(path: Path) -> None:
    with LocalBackend(path).lock(info()), pytest.raises(LockError):
        LocalBackend(path).lock(info())


def test_waiting_takes_it_when_it_is_released_and_tells_meanwhile(path: Path) -> None:
    told: list[tuple[str, float]] = []
    with other_process(path) as (process, lock_id):
        assert process.stdin is not None
        timer = threading.Timer(0.4, lambda: process.communicate("\n"))
        timer.start()
        with LocalBackend(path).lock(
            info(), 20.0, lambda holder, waited: told.append((holder.id if holder else "", waited))
        ) as held:
            assert held.taken_over is None
        timer.join()
    assert told[0][0] == lock_id


def test_waiting_ends_at_the_timeout(path: Path) -> None:
    with other_process(path):
        start = time.monotonic()
        with pytest.raises(LockError):
            LocalBackend(path).lock(info(), 0.3)
        assert 0.3 <= time.monotonic() - start < 3


def test_a_lock_of_a_killed_process_is_taken_over_and_its_holder_named(path: Path) -> None:
    with other_process(path) as (process, lock_id):
        process.send_signal(signal.SIGKILL)
        process.wait()
        with LocalBackend(path).lock(info()) as held:
            assert held.taken_over is not None
            assert held.taken_over.id == lock_id
            with pytest.raises(LockError) as caught:
                LocalBackend(path).lock(info())
    assert caught.value.holder == held.info


def test_a_lock_left_by_another_host_is_believed_until_it_is_forced(path: Path) -> None:
    theirs = msgspec.structs.replace(info(), who="ci@elsewhere")
    lock_file = path.with_name(path.name + ".lock")
    lock_file.write_bytes(msgspec.json.encode(theirs))
    with pytest.raises(LockError) as caught:
        LocalBackend(path).lock(info())
    assert f"perimeter force-unlock {theirs.id}" in caught.value.diagnostic.detail
    LocalBackend(path).force_unlock(theirs.id)
    LocalBackend(path).lock(info()).release()


def test_a_half_written_body_of_a_dead_holder_does_not_stand_in_the_way(path: Path) -> None:
    path.with_name(path.name + ".lock").write_bytes(b'{"ID":"a')
    with LocalBackend(path).lock(info()) as held:
        assert held.taken_over is None


def test_force_unlock_wants_the_right_id_and_a_dead_holder(path: Path) -> None:
    with pytest.raises(LockError, match="not locked"):
        LocalBackend(path).force_unlock("x")
    with other_process(path) as (_, lock_id):
        with pytest.raises(LockError, match="ID is not"):
            LocalBackend(path).force_unlock("x")
        with pytest.raises(LockError, match="alive"):
            LocalBackend(path).force_unlock(lock_id)
        with pytest.raises(LockError):
            LocalBackend(path).lock(info())


def test_a_lock_file_that_cannot_be_made_is_a_diagnostic(path: Path) -> None:
    path.with_name(path.name + ".lock").mkdir()
    with pytest.raises(StateError, match="-lock=false"):
        LocalBackend(path).lock(info())


def _count_up(path: str, times: int) -> None:
    counter = Path(path + ".counter")
    for _ in range(times):
        with LocalBackend(path).lock(info(), 60.0):
            value = int(counter.read_text())
            time.sleep(0.001)
            counter.write_text(str(value + 1))


def test_processes_that_contend_never_hold_it_together(path: Path) -> None:
    counter = Path(f"{path}.counter")
    counter.write_text("0")
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_count_up, args=(str(path), 15)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert int(counter.read_text()) == 45


def test_who_is_said_even_where_the_user_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    assert new_lock_info("apply", "p").who.startswith("4000000@")
