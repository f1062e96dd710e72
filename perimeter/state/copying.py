"""A state with all that belongs to it, copied from one backend to another.

Killed midway and run again, it goes on where it was: what is there already is compared, not written again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from perimeter.state.backend import Backend, Remembered
from perimeter.state.codec import record_hash
from perimeter.state.errors import StateError, state_error

_LINES = 500


@dataclass(frozen=True, slots=True)
class Copied:
    """How much was copied.

    Attributes:
        versions: earlier states.
        damaged: serials of earlier states that could not be read, and were left out.
        records: of the journal.
        lines: of the evidence log.
    """

    versions: int = 0
    damaged: tuple[int, ...] = ()
    records: int = 0
    lines: int = 0


def is_empty(held: Remembered) -> bool:
    """Whether a backend holds neither state nor journal."""
    return not held.etag and not held.records


def copy(source: Backend, target: Backend) -> Copied:
    """Copy state, earlier states, journal and evidence; both are held under their locks.

    Raises:
        StateError: the target holds another state or a newer one, or one of them cannot be read or written.
    """
    held, there = source.load(), target.load()
    _check(held, there)
    versions, damaged, etag = _copy_versions(source, target, held, there)
    if held.etag and held.state != target.load().state:
        target.write_state(held.state, etag)
    lines = _copy_evidence(source, target)
    known = {item.sequence: item for item in there.records}
    missing = [item for item in held.records if item.sequence not in known]
    for record in missing:
        target.append(record)
    return Copied(versions, damaged, len(missing), lines)


def _check(held: Remembered, there: Remembered) -> None:
    if is_empty(there):
        return
    mine = _lineage(held)
    theirs = _lineage(there)
    if mine and theirs and mine != theirs:
        raise state_error(
            "Another state is there already",
            f"The new place holds a state of lineage {theirs}; the one to be copied has {mine}. Nothing was copied. "
            'Choose another place; or use what is there, and leave the old state where it is: "perimeter init -reconfigure".',
        )
    if there.state.serial > held.state.serial:
        raise state_error(
            "A newer state is there already",
            f"The new place holds serial {there.state.serial} of this state; the one to be copied has "
            f"{held.state.serial}. Nothing was copied. To use the newer one: "
            '"perimeter init -reconfigure".',
        )
    known = {item.sequence: item for item in held.records}
    for record in there.records:
        same = known.get(record.sequence)
        if same is None or record_hash(same) != record_hash(record):
            raise state_error(
                "Another journal is there already",
                f"The new place has a journal record {record.sequence} that the old one does not have. Nothing was copied. "
                'To use what is there: "perimeter init -reconfigure".',
            )


def _lineage(held: Remembered) -> str:
    return held.state.lineage or next((item.lineage for item in held.records), "")


def _copy_versions(
    source: Backend, target: Backend, held: Remembered, there: Remembered
) -> tuple[int, tuple[int, ...], str]:
    """Write earlier states in their order, so that the target keeps them as its own; the etag then."""
    etag, last, count = there.etag, there.state.serial if there.etag else -1, 0
    damaged: list[int] = []
    for item in sorted(source.versions(), key=lambda version: version.serial):
        if not last < item.serial < held.state.serial:
            continue
        try:
            earlier = source.version(item.serial)
        except StateError:
            damaged.append(item.serial)
            continue
        etag = target.write_state(earlier, etag)
        count += 1
    return count, tuple(damaged), etag


def _copy_evidence(source: Backend, target: Backend) -> int:
    lines = source.evidence_lines()
    for line in target.evidence_lines():
        if next(lines, None) != line:
            raise state_error(
                "Another evidence log is there already",
                "The new place has an evidence log that is not the beginning of this one, and evidence is only ever added "
                "to. The state was copied. Choose another place, or move the log that is there away.",
            )
    count = 0
    while batch := list(islice(lines, _LINES)):
        target.append_evidence(b"".join(_whole(batch)))
        count += len(batch)
    return count


def _whole(lines: list[bytes]) -> Iterator[bytes]:
    """Without a line that was left half-written."""
    return (line for line in lines if line.endswith(b"\n"))
