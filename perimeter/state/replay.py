"""What the journal adds to a state: outcomes, and intents that nobody has answered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from perimeter.state.codec import record_hash
from perimeter.state.errors import StateError, state_error
from perimeter.state.model import Instance, Intent, Outcome, Record, State, StateObject
from perimeter.state.moving import rekeyed


@dataclass(frozen=True, slots=True)
class Replayed:
    """State and journal together.

    Attributes:
        state: with every done outcome applied; serial and seal are those of the written state.
        pending: intents whose outcome is not known, oldest first: look the objects up before
            anything else.
        head: hash of the last record; empty when there never was one.
        sequence: of the last record, 0 when there never was one.
    """

    state: State
    pending: tuple[Intent, ...] = ()
    head: str = ""
    sequence: int = 0


def replay(state: State, records: Sequence[Record]) -> Replayed:
    """Apply a journal to the state it belongs to. Pure.

    Records that ``state.seal`` covers are contained already; their unanswered intents still count.

    Raises:
        StateError: a record is missing, changed, or belongs to another state.
    """
    seal = state.seal
    if not records:
        return Replayed(state, (), seal.journal_head, seal.journal_sequence)
    lineage = state.lineage or records[0].lineage
    head = _verified(state, records, lineage)
    resources = dict(state.resources)
    open_intents = _OpenIntents()
    for record in records:
        if record.moves:
            open_intents.move(dict(record.moves))
            if record.sequence > seal.journal_sequence:
                resources = rekeyed(resources, record.moves)
        for intent in record.intents:
            open_intents.begin(record.run, intent)
        for outcome in record.outcomes:
            answered = open_intents.answer(record.run, outcome)
            if record.sequence <= seal.journal_sequence:
                continue
            if outcome.instance is not None:
                resources[outcome.address] = outcome.instance
            elif outcome.status == "done":
                _apply(resources, answered, outcome, record)
    return Replayed(
        msgspec.structs.replace(state, lineage=lineage, resources=resources),
        open_intents.all(),
        head,
        records[-1].sequence,
    )


class _OpenIntents:
    """Intents that wait for their outcome, in the order they were begun.

    A stage's id is unique within its run only, so one stage and address may wait twice. An outcome
    answers the newest of its own run, else the newest of any: a run first settles what others left.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], list[tuple[int, str, Intent]]] = {}
        self._begun = 0

    def begin(self, run: str, intent: Intent) -> None:
        """Note an intent; one that is noted already (carried into a new record) counts once."""
        same = self._waiting.setdefault((intent.stage, intent.address), [])
        if all(intent != other for _, _, other in same):
            same.append((self._begun, run, intent))
            self._begun += 1

    def answer(self, run: str, outcome: Outcome) -> Intent | None:
        """Return the intent an outcome is about; it stays open while the answer is unknown."""
        same = self._waiting.get((outcome.stage, outcome.address), [])
        if not same:
            return None
        index = max(range(len(same)), key=lambda at: (same[at][1] == run, at))
        if outcome.status == "unknown":
            return same[index][2]
        return same.pop(index)[2]

    def move(self, to: Mapping[str, str]) -> None:
        """Let intents follow the instances they are about to their new addresses."""
        waiting, self._waiting = self._waiting, {}
        for (stage, address), entries in waiting.items():
            new = to.get(address, address)
            moved = [
                (begun, run, msgspec.structs.replace(intent, address=new))
                for begun, run, intent in entries
            ]
            self._waiting.setdefault((stage, new), []).extend(moved)

    def all(self) -> tuple[Intent, ...]:
        """The open intents, oldest first."""
        entries = [entry for same in self._waiting.values() for entry in same]
        return tuple(intent for _, _, intent in sorted(entries, key=lambda entry: entry[0]))


def _verified(state: State, records: Sequence[Record], lineage: str) -> str:
    """Check that the records continue the state unbroken; return the last one's hash."""
    seal = state.seal
    first, last = records[0], records[-1]
    if first.sequence > seal.journal_sequence + 1:
        raise _gap(seal.journal_sequence + 1, first.sequence - 1, state)
    if last.sequence < seal.journal_sequence:
        raise _gap(last.sequence + 1, seal.journal_sequence, state)
    expected, previous = first.sequence, first.previous
    if first.sequence == seal.journal_sequence + 1:
        previous = seal.journal_head
    for record in records:
        if record.lineage != lineage:
            raise state_error(
                "Foreign journal",
                f"Journal record {record.sequence} belongs to the state with lineage "
                f"{record.lineage}; "
                f"this state's lineage is {lineage}. Somebody replaced the state or copied the "
                "journal. "
                "Put the two that belong together side by side.",
            )
        if record.sequence != expected:
            raise _gap(expected, record.sequence - 1, state)
        if record.previous != previous:
            raise _broken(record.sequence)
        previous = record_hash(record)
        if record.sequence == seal.journal_sequence and previous != seal.journal_head:
            raise _broken(record.sequence + 1)
        if record.sequence > seal.journal_sequence and record.base_serial != state.serial:
            raise state_error(
                "Journal does not continue this state",
                f"Journal record {record.sequence} continues serial {record.base_serial}; the "
                "state has "
                f"serial {state.serial} and does not contain that record. The state was replaced "
                "while "
                f"the journal held changes. Restore the state with serial {record.base_serial}.",
            )
        expected += 1
    return previous


def _gap(first: int, last: int, state: State) -> StateError:
    missing = f"record {first}" if first >= last else f"records {first} to {last}"
    return state_error(
        "Journal has a gap",
        f"Journal {missing} missing; the state with serial {state.serial} contains the journal up "
        "to record "
        f"{state.seal.journal_sequence}. Restore the newest state and journal together: what those "
        "records say was done may otherwise exist in a tenant without being remembered.",
    )


def _broken(sequence: int) -> StateError:
    return state_error(
        "Journal is broken",
        f"Journal record {sequence} does not follow record {sequence - 1}: one of the two is not "
        "what was "
        "written. Restore the newest state and journal together.",
    )


def _apply(
    resources: dict[str, Instance], intent: Intent | None, outcome: Outcome, record: Record
) -> None:
    """Change ``resources`` as a done outcome says."""
    address = outcome.address
    before = resources.get(address, Instance())
    if outcome.object is not None:
        objects = _put(
            before.objects,
            outcome.object,
            is_new=bool(intent and intent.operation in ("create", "adopt")),
        )
    elif intent is not None:
        objects = tuple(item for item in before.objects if not _is_same(item, intent.object))
    elif address in resources:
        raise state_error(
            "Journal is incomplete",
            f"Journal record {record.sequence} says that an object of {address} is gone, but no "
            "record says "
            "which. Restore the newest state and journal together.",
        )
    else:
        return
    after = msgspec.structs.replace(before, objects=objects)
    if after.objects or after.expired_at:
        resources[address] = after
    else:
        resources.pop(address, None)


def _put(
    objects: Iterable[StateObject], new: StateObject, *, is_new: bool
) -> tuple[StateObject, ...]:
    """Put an object into its role; one that a new one finds there is deposed, never forgotten."""
    kept: list[StateObject] = []
    at = None
    for item in objects:
        in_the_way = (item.role, item.key) == (new.role, new.key)
        is_other = (item.id, item.tenant) != (new.id, new.tenant)
        if in_the_way and at is None:
            at = len(kept)
        if is_other and in_the_way and is_new:
            kept.append(msgspec.structs.replace(item, role="deposed", key=deposed_key(item)))
        elif is_other and not in_the_way:
            kept.append(item)
    kept.insert(len(kept) if at is None else at, new)
    return tuple(kept)


def deposed_key(item: StateObject) -> str:
    """Return the key of a deposed object: eight hex digits, the same on every replay."""
    return hashlib.sha256(f"{item.tenant}\n{item.type}\n{item.id}".encode()).hexdigest()[:8]


def _is_same(item: StateObject, other: StateObject) -> bool:
    if other.id:
        return (item.id, item.tenant) == (other.id, other.tenant)
    return (item.role, item.key) == (other.role, other.key)
