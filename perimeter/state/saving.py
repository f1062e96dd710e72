"""The end of an apply: journal and state are written; what its place did not take is handed back, to be kept elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from perimeter import __version__
from perimeter.diagnostics import Diagnostic
from perimeter.state.backend import Backend, Failpoint, Remembered, no_failpoint
from perimeter.state.codec import same_content
from perimeter.state.errors import StateError
from perimeter.state.journal import Head, Journal, compact
from perimeter.state.model import Outcome, Seal, State
from perimeter.state.replay import replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """How it ended.

    Attributes:
        state: what is remembered, or (``written`` is false) what should be.
        written: whether the state's place holds it all.
        problems: why not, or what else could not be done.
    """

    state: State
    written: bool
    problems: tuple[Diagnostic, ...] = ()


def save(
    backend: Backend,
    journal: Journal,
    outcomes: Iterable[Outcome],
    recorded: Callable[[State], State],
    *,
    evidence: Head,
    failpoint: Failpoint = no_failpoint,
) -> Saved:
    """Write the last outcomes and the state; raises nothing that a backend raises.

    Args:
        backend: held under its lock.
        journal: this run's.
        outcomes: that are still to be noted.
        recorded: gives the state to write from the one with all outcomes.
        evidence: head of the evidence log, to be sealed.
        failpoint: see ``compact``.
    """
    steps: set[str] = set()

    def step(name: str) -> None:
        steps.add(name)
        failpoint(name)

    try:
        for outcome in outcomes:
            journal.finish(outcome)
        journal.flush()
        held = journal.remembered
        state = recorded(replay(held.state, held.records).state)
        after = compact(backend, held, state, evidence=evidence, run=journal.run, failpoint=step)
    except StateError as problem:
        unwritten = _unwritten(journal, recorded, evidence)
        # Records that a written state contains are harmless, and the next run removes them.
        written = "state.after" in steps or same_content(unwritten, journal.remembered.state)
        return Saved(state=unwritten, written=written, problems=problem.diagnostics)
    return Saved(state=after.state, written=True)


def _unwritten(journal: Journal, recorded: Callable[[State], State], evidence: Head) -> State:
    """The state as it would have been written; its seal covers the records that the journal really took."""
    base = journal.remembered.state
    state = recorded(_replayed(journal.everything))
    return msgspec.structs.replace(
        state,
        lineage=journal.lineage,
        serial=base.serial + (not same_content(base, state)),
        perimeter_version=__version__,
        seal=Seal(
            journal_sequence=journal.head.sequence,
            journal_head=journal.head.digest,
            evidence_sequence=evidence.sequence,
            evidence_head=evidence.digest,
        ),
    )


def _replayed(held: Remembered) -> State:
    return replay(held.state, held.records).state
