"""The journal: what is about to be done and what came of it, on disk before the next call.

``Journal`` writes it, ``replay`` reads it, ``compact`` folds it into the state.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from perimeter import __version__
from perimeter.state.backend import Backend, Failpoint, Remembered, no_failpoint
from perimeter.state.codec import record_hash, same_content
from perimeter.state.errors import StateError, state_error
from perimeter.state.model import Intent, Moves, Outcome, Record, Seal, State
from perimeter.state.replay import Replayed, replay

__all__ = ["FAILPOINTS", "Head", "Journal", "Replayed", "compact", "replay", "utc_now"]

FAILPOINTS = (
    "journal.before",
    "journal.after",
    "state.before",
    "state.after",
    "clear.before",
    "clear.after",
)
"""The names that ``Journal`` and ``compact`` call their failpoint with."""

_S = TypeVar("_S", Intent, Outcome)


def utc_now() -> str:
    """Return the time, RFC 3339 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a hash chain: the last entry's sequence and hash."""

    sequence: int = 0
    digest: str = ""


@dataclass(slots=True)
class _Batch:
    """What the next record will hold, shared by all threads that wait for it."""

    intents: list[Intent] = field(default_factory=list)
    moves: Moves = ()
    written: bool = False
    problem: StateError | None = None


class Journal:
    """Writes one run's records. Threads may share it: those that begin together share a record.

    Args:
        backend: where records go.
        remembered: what the backend holds; loaded under the lock.
        run: id of the apply.
        clock: gives the time for intents and outcomes that bring none.
        failpoint: called with ``journal.before`` and ``journal.after`` around each write.

    Raises:
        StateError: the journal found does not fit the state.
    """

    def __init__(
        self,
        backend: Backend,
        remembered: Remembered,
        run: str,
        clock: Callable[[], str] = utc_now,
        *,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        found = replay(remembered.state, remembered.records)
        self.lineage = found.state.lineage or str(uuid.uuid4())
        self.run = run
        self._backend = backend
        self._remembered = remembered
        self._records = list(remembered.records)
        self._head = Head(found.sequence, found.head)
        self._clock = clock
        self._failpoint = failpoint
        self._gathered = _Batch()
        self._outcomes: list[Outcome] = []
        self._gathering = threading.Lock()
        self._writing = threading.Lock()

    @property
    def head(self) -> Head:
        """The last record written."""
        return self._head

    @property
    def remembered(self) -> Remembered:
        """What the backend holds now: what was loaded, and every record since."""
        with self._writing:
            return Remembered(self._remembered.state, tuple(self._records), self._remembered.etag)

    @property
    def everything(self) -> Remembered:
        """What the backend would hold if it took the outcomes that could not be written yet."""
        with self._writing, self._gathering:
            records = tuple(self._records)
            if self._outcomes:
                left = Record(
                    sequence=self._head.sequence + 1,
                    previous=self._head.digest,
                    lineage=self.lineage,
                    base_serial=self._remembered.state.serial,
                    run=self.run,
                    outcomes=tuple(self._outcomes),
                )
                records = (*records, left)
            return Remembered(self._remembered.state, records, self._remembered.etag)

    def begin(self, intents: Iterable[Intent]) -> None:
        """Return once these intents, and all outcomes so far, are on disk: the calls may start.

        Raises:
            StateError: they are not; do not start the calls.
        """
        timed = [self._timed(intent) for intent in intents]
        with self._gathering:
            batch = self._gathered
            batch.intents.extend(timed)
        with self._writing:
            if not batch.written:
                self._write(batch)
        if batch.problem is not None:
            raise StateError(*batch.problem.diagnostics)

    def move(self, moves: Moves) -> None:
        """Return once it is on disk that instances have new addresses.

        To be called before anything else is begun: intents and outcomes name the new addresses.

        Raises:
            StateError: it is not.
        """
        batch = _Batch(moves=moves)
        with self._writing:
            self._write(batch)
        if batch.problem is not None:
            raise StateError(*batch.problem.diagnostics)

    def announce(self) -> None:
        """Return once the lineage of a state that is new is on disk.

        Raises:
            StateError: it is not.
        """
        with self._writing:
            if self._remembered.state.lineage or self._records:
                return
            batch = _Batch()
            self._write(batch, empty=True)
        if batch.problem is not None:
            raise StateError(*batch.problem.diagnostics)

    def finish(self, outcome: Outcome) -> None:
        """Note an outcome; it is written with the next ``begin`` or ``flush``."""
        timed = self._timed(outcome)
        with self._gathering:
            self._outcomes.append(timed)

    def flush(self) -> None:
        """Write the outcomes not yet written, if there are any.

        Raises:
            StateError: they could not be written; they are kept for another try.
        """
        self.begin(())

    def _timed(self, step: _S) -> _S:
        return step if step.at else msgspec.structs.replace(step, at=self._clock())

    def _write(self, batch: _Batch, *, empty: bool = False) -> None:
        with self._gathering:
            self._gathered = _Batch()
            outcomes, self._outcomes = self._outcomes, []
        batch.written = True
        if not (batch.intents or outcomes or batch.moves or empty):
            return
        record = Record(
            sequence=self._head.sequence + 1,
            previous=self._head.digest,
            lineage=self.lineage,
            base_serial=self._remembered.state.serial,
            run=self.run,
            moves=batch.moves,
            intents=tuple(batch.intents),
            outcomes=tuple(outcomes),
        )
        try:
            digest = record_hash(record)
            self._failpoint("journal.before")
            self._backend.append(record)
        except StateError as problem:
            batch.problem = problem
            with self._gathering:
                self._outcomes[:0] = outcomes
            return
        self._failpoint("journal.after")
        self._records.append(record)
        self._head = Head(record.sequence, digest)


def compact(
    backend: Backend,
    remembered: Remembered,
    state: State,
    *,
    evidence: Head | None = None,
    run: str = "compact",
    failpoint: Failpoint = no_failpoint,
) -> Remembered:
    """Fold the journal into the state and return what the backend holds then.

    ``state`` is written when it differs from the written one (its serial rises by one) or when
    records are
    to be sealed into it. Intents still pending are first carried into a last record, which stays.
    Killed anywhere in between, the next ``load`` and ``replay`` give the same state and pending
    intents.

    Args:
        backend: held under its lock.
        remembered: what it holds: ``journal.remembered``, or what ``load`` returned.
        state: what shall be remembered: ``replay(…).state``, and what the run changed besides
            (outputs).
        evidence: head of the evidence log, to be sealed.
        run: names the record that carries pending intents.
        failpoint: called with ``journal.*``, ``state.*`` and ``clear.*`` before and after each
            step.

    Raises:
        StateError: the state is not the one remembered, or it cannot be written.
    """
    base, records = remembered.state, remembered.records
    found = replay(base, records)
    lineage = found.state.lineage or state.lineage or str(uuid.uuid4())
    if state.lineage not in ("", lineage):
        raise state_error(
            "Foreign state",
            f"The state to be written has lineage {state.lineage}; the one here has {lineage}. "
            "Nothing was "
            "written. Use another path, or remove the state that is here.",
        )
    changed = not same_content(base, state)
    if changed or found.sequence > base.seal.journal_sequence:
        if found.pending and not _holds(records[-1], found.pending):
            carried = Record(
                sequence=found.sequence + 1,
                previous=found.head,
                lineage=lineage,
                base_serial=base.serial,
                run=run,
                intents=found.pending,
            )
            failpoint("journal.before")
            backend.append(carried)
            failpoint("journal.after")
            records = (*records, carried)
            found = replay(base, records)
        written = msgspec.structs.replace(
            state,
            lineage=lineage,
            serial=base.serial + 1 if changed else base.serial,
            perimeter_version=__version__,
            seal=Seal(
                journal_sequence=found.sequence,
                journal_head=found.head,
                evidence_sequence=(evidence.sequence if evidence else base.seal.evidence_sequence),
                evidence_head=evidence.digest if evidence else base.seal.evidence_head,
            ),
        )
        failpoint("state.before")
        etag = backend.write_state(written, remembered.etag)
        failpoint("state.after")
    else:
        written, etag = base, remembered.etag
    cleared = found.sequence - 1 if found.pending else found.sequence
    if records and records[0].sequence <= cleared:
        failpoint("clear.before")
        backend.clear_records(cleared)
        failpoint("clear.after")
    return Remembered(written, tuple(item for item in records if item.sequence > cleared), etag)


def _holds(record: Record, intents: Iterable[Intent]) -> bool:
    return all(intent in record.intents for intent in intents)
