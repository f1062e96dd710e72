"""The local backend: files appear whole or not at all, and every failure says what is still true."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest

from perimeter.state.codec import encode_record, encode_state, record_hash
from perimeter.state.errors import StateError
from perimeter.state.local import LocalBackend
from perimeter.state.lockinfo import new_lock_info
from perimeter.state.model import Output, Record, State

ROOT = Path(__file__).parents[2]


def state(serial: int = 1, value: str = "x") -> State:
    return State(serial=serial, lineage="l", outputs={"o": Output(value=value)})


def record(sequence: int = 1, previous: str = "", run: str = "r") -> Record:
    return Record(sequence=sequence, previous=previous, lineage="l", base_serial=0, run=run)


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    return LocalBackend(tmp_path / "perimeter.state.json")


def refused(caught: pytest.ExceptionInfo[StateError]) -> tuple[str, str]:
    return caught.value.diagnostic.summary, caught.value.diagnostic.detail


def test_where_nothing_was_written_there_is_an_empty_state(backend: LocalBackend) -> None:
    found = backend.load()
    assert (found.state, found.records, found.etag) == (State(), (), "")
    assert list(backend.path.parent.iterdir()) == []  # reading writes nothing


def test_what_is_written_is_read_back_with_its_etag(backend: LocalBackend) -> None:
    etag = backend.write_state(state(), "")
    assert backend.load().state == state()
    assert backend.load().etag == etag


def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    deep = LocalBackend(tmp_path / "a" / "b" / "s.json")
    with deep.lock(new_lock_info("apply", "s")):
        deep.write_state(state(), "")
    assert deep.load().state == state()


def test_a_state_that_somebody_else_wrote_is_not_overwritten(backend: LocalBackend) -> None:
    mine = backend.write_state(state(1), "")
    backend.write_state(state(2, "theirs"), mine)
    with pytest.raises(StateError) as caught:
        backend.write_state(state(2, "mine"), mine)
    assert refused(caught)[0] == "State changed"
    with pytest.raises(StateError, match="State changed"):
        backend.write_state(state(1), "")
    assert backend.load().state == state(2, "theirs")


def test_one_backup_holds_the_state_before(backend: LocalBackend) -> None:
    etag = ""
    for serial in (1, 2, 3):
        etag = backend.write_state(state(serial), etag)
    assert backend.backup.read_bytes() == encode_state(state(2))
    assert sorted(item.name for item in backend.path.parent.iterdir()) == [
        "perimeter.state.json",
        "perimeter.state.json.backup",
        "perimeter.state.json.history",
    ]


def test_a_new_state_is_private_and_a_chosen_mode_is_kept(backend: LocalBackend) -> None:
    etag = backend.write_state(state(1), "")
    assert backend.path.stat().st_mode & 0o777 == 0o600
    backend.path.chmod(0o640)
    backend.write_state(state(2), etag)
    assert backend.path.stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_to_the_state_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    link.symlink_to(real)
    LocalBackend(link).write_state(state(), "")
    assert link.is_symlink()
    assert LocalBackend(real).load().state == state()


def test_records_come_back_in_order_of_sequence(backend: LocalBackend) -> None:
    for sequence in (2, 1, 100_000_000, 10):
        backend.append(record(sequence))
    assert [item.sequence for item in backend.load().records] == [1, 2, 10, 100_000_000]


def test_a_sequence_is_given_once(backend: LocalBackend) -> None:
    backend.append(record(1, run="first"))
    with pytest.raises(StateError) as caught:
        backend.append(record(1, run="second"))
    assert refused(caught)[0] == "Journal changed"
    assert [item.run for item in backend.load().records] == ["first"]


def test_clearing_removes_the_oldest_records_only(backend: LocalBackend) -> None:
    for sequence in (1, 2, 3):
        backend.append(record(sequence))
    backend.clear_records(2)
    assert [item.sequence for item in backend.load().records] == [3]
    backend.clear_records(0)
    assert [item.sequence for item in backend.load().records] == [3]


def test_strange_files_beside_the_records_are_left_alone(backend: LocalBackend) -> None:
    backend.append(record(1))
    stranger = backend.journal / ".DS_Store"
    stranger.write_text("x")
    assert len(backend.load().records) == 1
    backend.clear_records(9)
    assert stranger.exists()


def test_a_damaged_record_is_named_and_never_skipped(backend: LocalBackend) -> None:
    backend.append(record(1))
    file = backend.journal / "00000002.json"
    file.write_bytes(encode_record(record(2, record_hash(record(1))))[:-20])
    with pytest.raises(StateError) as caught:
        backend.load()
    assert refused(caught)[0] == "Truncated journal record"
    assert str(file) in refused(caught)[1]


def test_a_record_under_another_name_is_refused(backend: LocalBackend) -> None:
    backend.append(record(1))
    (backend.journal / "00000001.json").rename(backend.journal / "00000002.json")
    with pytest.raises(StateError, match="Damaged journal"):
        backend.load()


def test_a_record_costs_two_waits_for_the_disk_and_a_state_two(backend: LocalBackend) -> None:
    backend.append(record(1))
    assert backend.fsyncs == 3  # the first one also makes the directory
    backend.append(record(2))
    assert backend.fsyncs == 5
    backend.write_state(state(), "")
    assert backend.fsyncs == 7
    backend.clear_records(2)
    backend.load()
    assert backend.fsyncs == 7


def test_what_a_killed_run_left_half_written_is_swept_up_under_the_lock(
    backend: LocalBackend,
) -> None:
    backend.append(record(1))
    leftovers = [
        backend.path.with_name(f".{backend.path.name}.0123.tmp"),
        backend.journal / ".00000002.json.0123.tmp",
    ]
    for item in leftovers:
        item.write_text("half")
    assert len(backend.load().records) == 1
    with backend.lock(new_lock_info("apply", "s")):
        assert not any(item.exists() for item in leftovers)
    assert len(backend.load().records) == 1


def test_a_directory_in_the_states_place_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="Could not read state"):
        LocalBackend(tmp_path).load()


def test_a_file_in_the_journals_place_is_a_diagnostic(backend: LocalBackend) -> None:
    backend.journal.write_text("x")
    with pytest.raises(StateError, match="Could not write the journal"):
        backend.append(record(1))


def test_reading_while_another_run_compacts_gives_one_moment(backend: LocalBackend) -> None:
    etag = backend.write_state(state(1), "")
    backend.append(record(1))
    racing = LocalBackend(backend.path)
    listing, raced = racing._record_files, []

    def compact_in_between() -> list[Path]:
        files = listing()
        if not raced:
            raced.append(True)
            backend.write_state(state(2), etag)
            backend.clear_records(1)
        return files

    racing._record_files = compact_in_between  # type: ignore[method-assign]  # makes the race certain
    found = racing.load()
    assert (found.state.serial, found.records) == (2, ())


WRITER = textwrap.dedent(
    """
    import resource, sys
    from perimeter.state.codec import record_hash
    from perimeter.state.errors import StateError
    from perimeter.state.local import LocalBackend
    from perimeter.state.model import Output, Record, State

    backend = LocalBackend(sys.argv[1])
    big = "x" * 200_000
    if sys.argv[2] == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    etag = backend.load().etag
    for act in (
        lambda: backend.write_state(State(serial=9, lineage="l", outputs={"o": Output(value=big)}), etag),
        lambda: backend.append(Record(sequence=2, previous="", lineage="l", base_serial=1, run=big)),
        lambda: backend.append_evidence(big.encode() + b"\\n"),
    ):
        try:
            act()
        except StateError as problem:
            print(problem.diagnostic.summary, "|", problem.diagnostic.detail)
        else:
            print("written")
    """
)


def write_too_much(path: Path, how: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), how],
        capture_output=True, text=True, check=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    return done.stdout.splitlines()


def check_full_disk(backend: LocalBackend, how: str) -> None:
    backend.write_state(state(), "")
    backend.append(record(1))
    backend.append_evidence(b"first\n")
    before = backend.load()
    lines = write_too_much(backend.path, how)
    assert [line.partition(" | ")[0] for line in lines] == [
        "Could not write state",
        "Could not write the journal",
        "Could not write evidence",
    ]
    assert all("The disk is full." in line and "Free some space" in line for line in lines)
    assert "as it was" in lines[0]
    assert "no call that this record announces was made" in lines[1]
    assert backend.load() == before
    assert backend.evidence_tail() == b"first"
    left = {item.name for item in backend.path.parent.rglob("*") if item.name.endswith(".tmp")}
    assert left == set()


def test_a_file_size_limit_leaves_everything_as_it_was(backend: LocalBackend) -> None:
    check_full_disk(backend, "limit")


@pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="mounting needs root on Linux"
)
def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        check_full_disk(LocalBackend(tmp_path / "s.json"), "disk")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_is_a_diagnostic_for_anyone_but_root(backend: LocalBackend) -> None:
    backend.path.parent.chmod(0o500)
    try:
        with pytest.raises(StateError, match="permission denied"):
            backend.write_state(state(), "")
    finally:
        backend.path.parent.chmod(0o700)


def test_a_failing_replace_keeps_the_old_state(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = backend.write_state(state(1), "")

    def deny(_self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(Path, "replace", deny)
    with pytest.raises(StateError) as caught:
        backend.write_state(state(2), etag)
    monkeypatch.undo()
    assert "permission denied" in refused(caught)[1]
    assert "as it was" in refused(caught)[1]
    assert backend.load().state == state(1)


def test_where_hard_links_are_not_to_be_had_records_and_backup_still_work(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(source: object, _target: object) -> None:
        raise PermissionError(1, "Operation not permitted", str(source))

    monkeypatch.setattr(os, "link", deny)
    etag = backend.write_state(state(1), "")
    backend.write_state(state(2), etag)
    backend.append(record(1))
    with pytest.raises(StateError, match="Journal changed"):
        backend.append(record(1, run="other"))
    assert backend.backup.read_bytes() == encode_state(state(1))
    assert backend.load().records == (record(1),)


def test_a_foreign_file_is_never_overwritten(backend: LocalBackend) -> None:
    theirs = b'{"version": 4, "terraform_version": "1.11.4"}'
    backend.path.write_bytes(theirs)
    with pytest.raises(StateError, match="Terraform"):
        backend.load()
    with pytest.raises(StateError, match="State changed"):
        backend.write_state(msgspec.structs.replace(state()), "")
    assert backend.path.read_bytes() == theirs


def test_the_history_keeps_each_version_under_its_serial(backend: LocalBackend) -> None:
    """A state that was replaced can be read again, and the newest stand first."""
    etag = ""
    for serial in (1, 2, 3):
        etag = backend.write_state(state(serial), etag)
    assert [item.serial for item in backend.versions()] == [3, 2, 1]
    assert backend.version(2) == state(2)
    with pytest.raises(StateError, match="No such version"):
        backend.version(9)


def test_the_history_lets_the_oldest_go(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not grow for ever."""
    monkeypatch.setattr("perimeter.state.local.KEPT_VERSIONS", 2)
    etag = ""
    for serial in (1, 2, 3):
        etag = backend.write_state(state(serial), etag)
    assert [item.serial for item in backend.versions()] == [3, 2]


def test_a_registry_is_replaced_only_by_who_read_it(backend: LocalBackend) -> None:
    """Two runs that read the same document cannot both replace it."""
    registry = backend.registry()
    assert registry.load() == (b"", "")
    first = registry.write(b"one", "")
    with pytest.raises(StateError, match="Registry changed"):
        registry.write(b"two", "")
    assert registry.load() == (b"one", first)
    registry.write(b"two", first)
    assert registry.load()[0] == b"two"
