"""A whole state put in place of another: what ``state push`` may write, and how the journal joins it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perimeter import __version__
from perimeter.state.backend import Backend, Remembered
from perimeter.state.codec import record_hash, same_content
from perimeter.state.errors import StateError, state_error
from perimeter.state.journal import Head, compact
from perimeter.state.model import Record, Seal, State
from perimeter.state.replay import replay

_FORCE = "\n\nTo replace it regardless: perimeter state push -force PATH"


def check_push(held: State, pushed: State) -> None:
    """Refuse to put a state over one that it does not continue. An empty state may always be replaced.

    Raises:
        StateError: another lineage, an older serial, or another state with the same serial.
    """
    if not held.lineage and not held.serial:
        return
    if pushed.lineage != held.lineage:
        raise state_error(
            "State of another lineage",
            f'Cannot write the state with lineage "{pushed.lineage}" over the unrelated state with lineage '
            f'"{held.lineage}": it would forget every object that the state here holds. Check that this is the right '
            f"directory and workspace.{_FORCE}",
        )
    if pushed.serial < held.serial:
        raise state_error(
            "Older state",
            f"Cannot write the state with serial {pushed.serial} over the newer one with serial {held.serial}: what was "
            "done since would be forgotten. To go back to an earlier desired state, use perimeter state rollback, which "
            f"makes a plan.{_FORCE}",
        )
    if pushed.serial == held.serial and not same_content(pushed, held):
        raise state_error(
            "Another state with the same serial",
            f"The state here has serial {held.serial}, too, and holds something else: one of the two was written by a "
            f"run that did not see the other. Compare them with perimeter state pull.{_FORCE}",
        )


def push(
    backend: Backend, held: Remembered, pushed: State, *, evidence: Head | None = None
) -> Remembered:
    """Put a state in place; what the journal holds and that state does not is added to it, never twice.

    The serial becomes one more than that of the state replaced; over an empty state it stays as it is.

    Args:
        backend: held under its lock.
        held: what it holds.
        pushed: the new state; see ``check_push``.
        evidence: head of the evidence log, to be sealed.

    Raises:
        StateError: it cannot be written, or calls of a foreign lineage are open.
    """
    base = held.state
    if pushed.lineage == base.lineage or (held.records and not base.lineage):
        return compact(
            backend, held, _joined(base, held.records, pushed), evidence=evidence, run="push"
        )
    found = replay(base, held.records)
    if found.pending:
        names = ", ".join(sorted({intent.address for intent in found.pending}))
        raise state_error(
            "An earlier apply was cut off",
            f"What became of {names} is not known yet, and the state to be written knows nothing of it. Run perimeter "
            "apply first. Nothing was written.",
        )
    settled = compact(backend, held, found.state)
    journal = settled.state.seal if base.lineage or held.records else pushed.seal
    written = msgspec.structs.replace(
        pushed,
        serial=max(settled.state.serial + 1, pushed.serial),
        perimeter_version=__version__,
        seal=Seal(
            journal_sequence=journal.journal_sequence,
            journal_head=journal.journal_head,
            evidence_sequence=evidence.sequence if evidence else 0,
            evidence_head=evidence.digest if evidence else "",
        ),
    )
    etag = backend.write_state(written, settled.etag)
    return Remembered(written, (), etag)


def _joined(base: State, records: Sequence[Record], pushed: State) -> State:
    """The pushed state with the journal's outcomes that it does not contain."""
    seal = pushed.seal if _is_of(records, pushed.seal, base.seal) else base.seal
    start = msgspec.structs.replace(
        pushed,
        serial=base.serial,
        lineage=base.lineage or pushed.lineage,
        seal=seal,
        digest_key=pushed.digest_key or base.digest_key,
    )
    try:
        return replay(start, records).state
    except StateError:
        if seal is base.seal:
            raise
        return replay(msgspec.structs.replace(start, seal=base.seal), records).state


def _is_of(records: Sequence[Record], seal: Seal, base: Seal) -> bool:
    """Whether a seal is about this journal, and covers more of it than the state that lies here."""
    if seal.journal_sequence <= base.journal_sequence:
        return False
    return any(
        item.sequence == seal.journal_sequence and record_hash(item) == seal.journal_head
        for item in records
    )
