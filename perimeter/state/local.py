"""State, journal, evidence and lock as files beside each other.

``PATH`` is the state, ``PATH.backup`` the one before it, ``PATH.backup-v1`` the last one in format 1 once there is a newer
one, ``PATH.journal/00000001.json`` a journal
record,
``PATH.evidence.jsonl`` the evidence log, ``PATH.history/00000001.json`` a
state by its serial, ``PATH.lock`` the lock. A file appears under its name only
when all
of it is on disk.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from perimeter.state import codec as forms
from perimeter.state import lock as lock_file
from perimeter.state.backend import Failpoint, Remembered, Version, Waiting, no_failpoint
from perimeter.state.codec import PLAIN, Codec
from perimeter.state.errors import StateError, state_error
from perimeter.state.lockinfo import LockInfo
from perimeter.state.model import Record, State
from perimeter.state.registry import FileRegistry

DEFAULT_PATH = "perimeter.state.json"
KEPT_VERSIONS = 50
"""How many states the history keeps."""
REGISTRY_NAME = "perimeter.registry.json"

_NUMBERED = re.compile(r"\d{8,}\.json")
_TEMPORARY = ".tmp"
_LOAD_ATTEMPTS = 100
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_STATE_KEPT = (
    "The state is as it was, and the journal holds what happened since; the next run takes it up."
)
_JOURNAL_KEPT = (
    "State and journal are as they were: no call that this record announces was made, and what "
    "earlier records announced is looked up in the tenant by the next run."
)
_TAIL_BLOCK = 65536


class LocalBackend:
    """State in a file; see ``perimeter.state.backend.Backend``.

    Args:
        path: of the state file.
        failpoint: called as listed below; a test kills the process there.
        codec: how state and records become bytes.

    Attributes:
        path: of the state file, symbolic links followed.
        registry_path: of the document shared with other states; beside the state file by default.
        fsyncs: how often this instance waited for the disk.
        failpoint: called with ``append.written``, ``append.linked``, ``write.written``,
            ``write.backed_up``,
            ``write.replaced`` and ``clear.removed`` as each of these is done.
    """

    def __init__(
        self,
        path: Path | str = DEFAULT_PATH,
        failpoint: Failpoint = no_failpoint,
        codec: Codec = PLAIN,
        registry_path: Path | str | None = None,
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self.codec = codec
        self.registry_path = Path(registry_path or self.path.parent / REGISTRY_NAME)
        self.fsyncs = 0
        self.failpoint = failpoint

    @property
    def journal(self) -> Path:
        """The directory of journal records."""
        return self._beside(".journal")

    @property
    def evidence(self) -> Path:
        """The evidence log."""
        return self._beside(".evidence.jsonl")

    @property
    def history(self) -> Path:
        """The directory of earlier states, each under its serial."""
        return self._beside(".history")

    @property
    def backup(self) -> Path:
        """The state before the last write."""
        return self._beside(".backup")

    def load(self) -> Remembered:
        """Read state and journal as of one moment; needs no lock and writes nothing.

        Raises:
            StateError: either cannot be read.
        """
        with _explaining("Could not read state", "Nothing was changed."):
            for _ in range(_LOAD_ATTEMPTS):
                before = self._version()
                try:
                    files = [(item, item.read_bytes()) for item in self._record_files()]
                    data = self.path.read_bytes() if before else b""
                except FileNotFoundError:
                    continue  # compacted meanwhile
                if before == self._version():
                    break
            else:
                raise state_error(
                    "State keeps changing",
                    f"{self.path} was rewritten each time it was read. Wait for the other run to "
                    "end.",
                )
        state = self.codec.decode_state(data, where=str(self.path)) if before else State()
        records = tuple(self._read_record(file, content) for file, content in files)
        return Remembered(state, records, _etag(data) if before else "")

    def write_state(self, state: State, expected_etag: str) -> str:
        """Replace the state, keeping the one before as backup; return the etag.

        Raises:
            StateError: somebody else wrote meanwhile, or it cannot be written (then it is as it
            was).
        """
        data = self.codec.encode_state(state)
        with _explaining("Could not write state", _STATE_KEPT):
            before = self.path.read_bytes() if self.path.exists() else b""
            found = _etag(before) if before else ""
            if found != expected_etag:
                raise state_error(
                    "State changed",
                    f"{self.path} was written by somebody else since this run read it. "
                    f"{_STATE_KEPT} "
                    "Plan again.",
                )
            self.path.parent.mkdir(parents=True, exist_ok=True)
            mode = self.path.stat().st_mode & 0o777 if found else 0o600
            with self._temporary(self.path, data, mode) as temporary:
                self.failpoint("write.written")
                if found:
                    self._keep_older_format(before)
                    self._back_up()
                    self.failpoint("write.backed_up")
                self._keep(temporary, state.serial)
                temporary.replace(self.path)
                self.failpoint("write.replaced")
            self._sync_directory(self.path.parent)
        return _etag(data)

    def append(self, record: Record) -> None:
        """Add a journal record; it is seen whole or not at all.

        Raises:
            StateError: another record has this sequence, or it cannot be written.
        """
        data = self.codec.encode_record(record)
        file = self.journal / f"{record.sequence:08d}.json"
        with _explaining("Could not write the journal", _JOURNAL_KEPT):
            if not self.journal.is_dir():
                self.journal.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._sync_directory(self.journal.parent)
            with self._temporary(file, data, 0o600) as temporary:
                self.failpoint("append.written")
                try:
                    _publish(temporary, file)
                except FileExistsError:
                    raise state_error(
                        "Journal changed",
                        f"{file} exists already: another run writes to this state. {_JOURNAL_KEPT} "
                        "Make sure that runs take the lock, then plan again.",
                    ) from None
                self.failpoint("append.linked")
            self._sync_directory(self.journal)

    def clear_records(self, up_to_sequence: int) -> None:
        """Remove the records up to and including that sequence, the oldest first.

        Raises:
            StateError: one cannot be removed; those that remain are harmless.
        """
        remains = "The state is written and contains them; the next run removes them."
        with _explaining("Could not remove journal records", remains):
            for file in self._record_files():
                if int(file.stem) > up_to_sequence:
                    break
                file.unlink(missing_ok=True)
                self.failpoint("clear.removed")

    def lock(
        self, info: LockInfo, timeout: float = 0.0, waiting: Waiting | None = None
    ) -> lock_file.FileLock:
        """Take the lock, waiting up to ``timeout`` seconds; sweep up what a killed run left.

        Raises:
            LockError: somebody else holds it.
            StateError: the lock file cannot be made.
        """
        with _explaining("Error acquiring the state lock", "Nothing was changed."):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        held = lock_file.acquire(self._beside(".lock"), info, timeout, waiting)
        with suppress(OSError):  # a leftover does no harm
            for folder, name in (
                (self.path.parent, self.path.name),
                (self.journal, ""),
                (self.history, ""),
            ):
                for item in folder.glob(f".{name}*{_TEMPORARY}"):
                    item.unlink(missing_ok=True)
        return held

    def force_unlock(self, lock_id: str) -> None:
        """Remove a lock that was left behind.

        Raises:
            LockError: there is none, it has another id, or its holder is alive.
        """
        lock_file.force_unlock(self._beside(".lock"), lock_id)

    def append_evidence(self, data: bytes) -> None:
        """Add whole lines to the evidence log, after cutting off one left half-written.

        Raises:
            StateError: it cannot be written; the log is as it was.
        """
        remains = "The evidence log is as it was; state and journal are not touched."
        with _explaining("Could not write evidence", remains):
            is_new = not self.evidence.exists()
            fd = os.open(self.evidence, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(fd).st_size
                whole = _end_of_lines(fd, size)
                os.ftruncate(fd, whole)
                try:
                    _write_at(fd, data, whole)
                    self._sync(fd)
                except OSError:
                    os.ftruncate(fd, whole)
                    raise
            finally:
                os.close(fd)
            if is_new:
                self._sync_directory(self.evidence.parent)

    def evidence_tail(self) -> bytes:
        """Return the evidence log's last whole line, without the newline; empty when there is none.

        Raises:
            StateError: it cannot be read.
        """
        with _explaining("Could not read evidence", "Nothing was changed."):
            try:
                with self.evidence.open("rb") as file:
                    end = _end_of_lines(file.fileno(), self.evidence.stat().st_size)
                    if not end:
                        return b""
                    start = _end_of_lines(file.fileno(), end - 1)
                    return os.pread(file.fileno(), end - 1 - start, start)
            except FileNotFoundError:
                return b""

    def evidence_lines(self) -> Iterator[bytes]:
        """Yield the evidence log's lines, the oldest first.

        Raises:
            StateError: it cannot be read.
        """
        with _explaining("Could not read evidence", "Nothing was changed."):
            try:
                with self.evidence.open("rb") as file:
                    yield from file
            except FileNotFoundError:
                return

    def versions(self) -> tuple[Version, ...]:
        """Return the states kept in ``PATH.history``, the newest first.

        Raises:
            StateError: they cannot be listed.
        """
        with _explaining("Could not read the state's history", "Nothing was changed."):
            found = [(int(file.stem), file.stat().st_mtime) for file in self._version_files()]
        return tuple(
            Version(serial, datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"))
            for serial, at in reversed(found)
        )

    def version(self, serial: int) -> State:
        """Return the state as it was with this serial.

        Raises:
            StateError: it is not kept, or cannot be read.
        """
        file = self.history / f"{serial:08d}.json"
        with _explaining("Could not read the state's history", "Nothing was changed."):
            try:
                data = file.read_bytes()
            except FileNotFoundError:
                raise state_error(
                    "No such version of the state",
                    f'{file} does not exist. "perimeter state history" lists what is kept.',
                ) from None
        return self.codec.decode_state(data, where=str(file))

    def recode(self) -> int:
        """Write again what the codec would write otherwise now: state, backup, journal and history.

        Raises:
            StateError: one cannot be read or written; those before it are done.
        """
        written = 0
        states = [file for file in (self.path, self.backup) if file.exists()]
        with _explaining("Could not write state", "What was written is whole; run it again."):
            for file, encode in (
                *((item, self.codec.recoded_state) for item in (*self._version_files(), *states)),
                *((item, self.codec.recoded_record) for item in self._record_files()),
            ):
                data = encode(file.read_bytes(), where=str(file))
                if data is None:
                    continue
                with self._temporary(file, data, file.stat().st_mode & 0o777) as temporary:
                    self.failpoint("recode.written")
                    temporary.replace(file)
                    self.failpoint("recode.replaced")
                self._sync_directory(file.parent)
                written += 1
        return written

    def registry(self) -> FileRegistry:
        """Return the document shared with other states; ``perimeter.registry.json`` beside this one by default."""
        return FileRegistry(self.registry_path)

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _record_files(self) -> list[Path]:
        return _numbered(self.journal)

    def _read_record(self, file: Path, data: bytes) -> Record:
        record = self.codec.decode_record(data, where=str(file))
        if record.sequence != int(file.stem):
            raise state_error(
                "Damaged journal",
                f"{file} holds record {record.sequence}: it was renamed or copied. Put it back under "
                "its "
                "own name.",
            )
        return record

    def _version_files(self) -> list[Path]:
        return _numbered(self.history)

    def _keep(self, written: Path, serial: int) -> None:
        """Give the new state a second name in the history, and let the oldest ones go."""
        self.history.mkdir(mode=0o700, exist_ok=True)
        _alias(written, self.history / f"{serial:08d}.json")
        for file in self._version_files()[:-KEPT_VERSIONS]:
            file.unlink(missing_ok=True)

    def _version(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    @contextmanager
    def _temporary(self, target: Path, data: bytes, mode: int) -> Iterator[Path]:
        """Write a synced file beside ``target``; it is removed unless it was renamed."""
        file = target.with_name(f".{target.name}.{secrets.token_hex(6)}{_TEMPORARY}")
        try:
            fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            try:
                os.fchmod(fd, mode)
                _write_at(fd, data, 0)
                self._sync(fd)
            finally:
                os.close(fd)
            yield file
        finally:
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def _keep_older_format(self, written: bytes) -> None:
        """Keep the last state in an older format for good: a perimeter that was downgraded reads it."""
        if not forms.STATE_UPGRADES:
            return
        version = self.codec.state_version(written, where=str(self.path))
        kept = self._beside(f".backup-v{version}")
        if version <= len(forms.STATE_UPGRADES) and not kept.exists():
            _alias(self.path, kept)

    def _back_up(self) -> None:
        """Give the present state a second name, so that its first can be taken over."""
        _alias(self.path, self.backup)

    def _sync(self, fd: int) -> None:
        # On macOS fsync leaves the data in the drive's cache.
        full: int | None = getattr(fcntl, "F_FULLFSYNC", None)
        if full is None:
            os.fsync(fd)
        else:
            fcntl.fcntl(fd, full)
        self.fsyncs += 1

    def _sync_directory(self, folder: Path) -> None:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        self.fsyncs += 1


def _numbered(folder: Path) -> list[Path]:
    """The files named by a number, in its order."""
    try:
        files = [item for item in folder.iterdir() if _NUMBERED.fullmatch(item.name)]
    except FileNotFoundError:
        return []
    return sorted(files, key=lambda item: int(item.stem))


def _alias(file: Path, name: Path) -> None:
    """Give a file one more name, which may be taken."""
    spare = name.with_name(f".{name.name}.{secrets.token_hex(6)}{_TEMPORARY}")
    try:
        try:
            os.link(file, spare)
        except OSError as problem:
            if problem.errno not in _NO_LINKS:
                raise
            shutil.copy2(file, spare)
        spare.replace(name)
    finally:
        with suppress(OSError):
            spare.unlink(missing_ok=True)


def _publish(temporary: Path, file: Path) -> None:
    """Give a finished file its name unless the name is taken."""
    try:
        os.link(temporary, file)
    except FileExistsError:
        raise
    except OSError as problem:
        if problem.errno not in _NO_LINKS:
            raise
        # Without hard links the claim and the content are two steps; the lock keeps others away.
        if file.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file)) from None
        temporary.rename(file)


def _write_at(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view = view[written:]
        offset += written


def _end_of_lines(fd: int, size: int) -> int:
    """Return the offset just after the last newline before ``size``."""
    while size > 0:
        start = max(0, size - _TAIL_BLOCK)
        found = os.pread(fd, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _explaining(summary: str, remains: str) -> Iterator[None]:
    """Turn an operating system's error into a ``StateError`` that says what is still true."""
    try:
        yield
    except OSError as problem:
        raise _explained(summary, remains, problem) from None


def _explained(summary: str, remains: str, problem: OSError) -> StateError:
    where = problem.filename or "The file"
    if problem.errno in _FULL:
        what, then = "The disk is full.", "Free some space, then run again."
    elif problem.errno in (errno.EACCES, errno.EPERM):
        what, then = f"{where}: permission denied.", "Check its owner and mode, then run again."
    elif problem.errno == errno.EROFS:
        what, then = "The file system is read-only.", "Choose another path for the state."
    else:
        what, then = f"{where}: {problem.strerror}.", "Check the path, then run again."
    return state_error(summary, f"{what} {remains} {then}")
