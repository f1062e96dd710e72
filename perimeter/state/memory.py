"""A state that lives as long as the process: what ``perimeter test`` plans and applies on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType

from perimeter.state.backend import Remembered, Version, Waiting
from perimeter.state.errors import state_error
from perimeter.state.lockinfo import LockError, LockInfo
from perimeter.state.model import Record, State


class MemoryLock:
    """The lock of a state in memory; see ``perimeter.state.backend.Lock``."""

    def __init__(self, backend: MemoryBackend, info: LockInfo) -> None:
        self.info = info
        self.taken_over: LockInfo | None = None
        self._backend = backend

    def release(self) -> None:
        """Let others have it; a second call does nothing."""
        self._backend.release(self.info)

    def __enter__(self) -> MemoryLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class MemoryBackend:
    """State, journal, evidence and lock in memory; see ``perimeter.state.backend.Backend``."""

    def __init__(self) -> None:
        self._mutex = threading.Condition()
        self._state: State | None = None
        self._version = 0
        self._versions: dict[int, State] = {}
        self._records: list[Record] = []
        self._evidence = b""
        self._holder: LockInfo | None = None

    def load(self) -> Remembered:
        """Read state and journal as of one moment."""
        with self._mutex:
            etag = str(self._version) if self._state is not None else ""
            return Remembered(self._state or State(), tuple(self._records), etag)

    def write_state(self, state: State, expected_etag: str) -> str:
        """Replace the state and return its etag.

        Raises:
            StateError: it no longer is the one that ``expected_etag`` names.
        """
        with self._mutex:
            found = str(self._version) if self._state is not None else ""
            if found != expected_etag:
                raise state_error(
                    "State changed",
                    "The state in memory was written by another run since this one read it.",
                )
            self._state = state
            self._versions[state.serial] = state
            self._version += 1
            return str(self._version)

    def append(self, record: Record) -> None:
        """Add a journal record.

        Raises:
            StateError: another record has this sequence.
        """
        with self._mutex:
            if any(item.sequence == record.sequence for item in self._records):
                raise state_error(
                    "Journal changed",
                    f"The journal in memory has a record {record.sequence} already: another run "
                    "writes to this state.",
                )
            self._records.append(record)

    def clear_records(self, up_to_sequence: int) -> None:
        """Remove the records up to and including that sequence."""
        with self._mutex:
            self._records = [item for item in self._records if item.sequence > up_to_sequence]

    def lock(
        self, info: LockInfo, timeout: float = 0.0, waiting: Waiting | None = None
    ) -> MemoryLock:
        """Take the lock, waiting up to ``timeout`` seconds.

        Raises:
            LockError: another run of this process holds it.
        """
        with self._mutex:
            if self._holder is not None and waiting is not None:
                waiting(self._holder, 0.0)
            if not self._mutex.wait_for(lambda: self._holder is None, timeout):
                assert self._holder is not None
                raise LockError(
                    "Error acquiring the state lock",
                    f"Another run holds the state in memory.\n\n{self._holder.table()}",
                    self._holder,
                )
            self._holder = info
        return MemoryLock(self, info)

    def release(self, info: LockInfo) -> None:
        """Give up the lock if ``info`` is its holder."""
        with self._mutex:
            if self._holder is info:
                self._holder = None
                self._mutex.notify_all()

    def force_unlock(self, lock_id: str) -> None:
        """Refuse: whoever holds it is alive as long as the state is.

        Raises:
            LockError: always.
        """
        raise LockError(
            "Failed to unlock state", f"The state in memory has no lock {lock_id} left behind."
        )

    def append_evidence(self, data: bytes) -> None:
        """Add whole lines to the evidence log."""
        with self._mutex:
            self._evidence += data

    def evidence_tail(self) -> bytes:
        """Return the evidence log's last line without its newline; empty when none."""
        with self._mutex:
            return self._evidence.rstrip(b"\n").rpartition(b"\n")[2]

    def evidence_lines(self) -> Iterator[bytes]:
        """Yield the evidence log's lines, the oldest first."""
        with self._mutex:
            lines = self._evidence.splitlines(keepends=True)
        yield from lines

    def versions(self) -> tuple[Version, ...]:
        """Return every state that was written, the newest first."""
        with self._mutex:
            return tuple(Version(serial) for serial in sorted(self._versions, reverse=True))

    def version(self, serial: int) -> State:
        """Return the state as it was with this serial.

        Raises:
            StateError: there was none.
        """
        with self._mutex:
            found = self._versions.get(serial)
        if found is None:
            raise state_error(
                "No such version", f"The state in memory never had the serial {serial}."
            )
        return found

    def recode(self) -> int:
        """Write nothing: in memory nothing is encoded."""
        return 0

    def registry(self) -> None:
        """Return None: nothing is shared with a state that ends with its process."""
