"""What a place for state must do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from perimeter.state.lockinfo import LockInfo
from perimeter.state.model import Record, State

Failpoint = Callable[[str], None]
"""Called with a name between the steps of a write; a test kills the process there."""

Waiting = Callable[[LockInfo | None, float], None]
"""Called while a lock is awaited: its holder where known, and the seconds waited so far."""


def no_failpoint(_name: str) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a backend holds.

    Attributes:
        state: the state as last compacted; ``State()`` when there is none.
        records: the journal, in order of sequence; it may begin with records that ``state``
            contains.
        etag: names this version of the state; empty when there is none.
    """

    state: State
    records: tuple[Record, ...] = ()
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """A state that was written once and is still kept.

    Attributes:
        serial: its serial; the newest version is the state itself.
        written_at: when (RFC 3339); empty where the place does not tell.
    """

    serial: int
    written_at: str = ""


class Registry(Protocol):
    """One small document that all states of a place share, such as who claims which collection."""

    @property
    def place(self) -> str:
        """Where it lies, for people."""
        ...

    def load(self) -> tuple[bytes, str]:
        """Return the document and its etag; both are empty when there is none.

        Raises:
            StateError: it cannot be read.
        """
        ...

    def write(self, data: bytes, expected_etag: str) -> str:
        """Replace the document and return its etag.

        Raises:
            StateError: ``Registry changed``: it no longer is the one that ``expected_etag`` names.
        """
        ...


class Lock(Protocol):
    """A lock that is held; leaving the ``with`` block releases it.

    Attributes:
        info: what the lock says to others.
        taken_over: the dead holder it was left by, if any.
    """

    info: LockInfo
    taken_over: LockInfo | None

    def release(self) -> None:
        """Let others have it; a second call does nothing."""
        ...

    def __enter__(self) -> Lock: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Backend(Protocol):
    """A place for state, journal, evidence and lock. Every method raises ``StateError`` only."""

    def load(self) -> Remembered:
        """Read state and journal as of one moment; needs no lock and writes nothing."""
        ...

    def write_state(self, state: State, expected_etag: str) -> str:
        """Replace the state and return its etag.

        Raises:
            StateError: ``State changed``: it no longer is the one that ``expected_etag`` names.
        """
        ...

    def append(self, record: Record) -> None:
        """Add a journal record, durably.

        Raises:
            StateError: another record has this sequence.
        """
        ...

    def clear_records(self, up_to_sequence: int) -> None:
        """Remove the records up to and including that sequence, the oldest first."""
        ...

    def lock(self, info: LockInfo, timeout: float = 0.0, waiting: Waiting | None = None) -> Lock:
        """Take the lock, waiting up to ``timeout`` seconds.

        Raises:
            LockError: somebody else holds it.
        """
        ...

    def force_unlock(self, lock_id: str) -> None:
        """Remove a lock that was left behind.

        Raises:
            LockError: another id holds it, or its holder is alive.
        """
        ...

    def append_evidence(self, data: bytes) -> None:
        """Add whole lines to the evidence log, durably."""
        ...

    def evidence_tail(self) -> bytes:
        """Return the evidence log's last whole line without its newline; empty when none."""
        ...

    def evidence_lines(self) -> Iterator[bytes]:
        """Yield the evidence log's lines with their newlines, the oldest first."""
        ...

    def versions(self) -> tuple[Version, ...]:
        """Return the states that are kept, the newest first; empty where the place keeps none."""
        ...

    def version(self, serial: int) -> State:
        """Return the state as it was with this serial.

        Raises:
            StateError: it is not kept, or cannot be read.
        """
        ...

    def recode(self) -> int:
        """Write again what the codec would write otherwise now: state, journal and kept versions, under the lock.

        Contents and serials stay. Each is replaced at once, so that it can be killed and run again.

        Returns:
            How many were written.

        Raises:
            StateError: one cannot be read or written; those before it are done.
        """
        ...

    def registry(self) -> Registry | None:
        """Return the document shared with the states beside this one; None where there is no place for it."""
        ...
