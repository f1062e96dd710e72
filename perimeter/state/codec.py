"""State and journal records to bytes and back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from perimeter.state.envelope import Upgrade, canonical, unwrap, wrap
from perimeter.state.errors import state_error
from perimeter.state.model import FORMAT_VERSION, Intent, Outcome, Record, State

STATE_UPGRADES: tuple[Upgrade, ...] = ()
"""Steps between state formats, oldest first; with each one ``FORMAT_VERSION`` rises."""

RECORD_UPGRADES: tuple[Upgrade, ...] = ()
"""Steps between journal record formats, oldest first."""

RECORD_VERSION = len(RECORD_UPGRADES) + 1

_SCALARS = frozenset({str, int, bool, type(None)})


def encode_state(state: State) -> bytes:
    """Return the state file's content: deterministic, indented by one space.

    Raises:
        StateError: it holds something that is not plain data, such as an unknown.
    """
    for address, instance in state.resources.items():
        for item in instance.objects:
            _require_plain(item.attributes, address)
    for name, output in state.outputs.items():
        _require_plain(output.value, f"output.{name}")
    return wrap("state", FORMAT_VERSION, state)


def decode_state(data: bytes, *, where: str, upgrades: Sequence[Upgrade] = STATE_UPGRADES) -> State:
    """Read a state file's content; ``where`` is its place, for messages.

    Raises:
        StateError: empty, truncated, damaged, foreign, newer, or not what its checksum says.
    """
    return unwrap("state", data, upgrades, into=State, where=where)


def encode_record(record: Record) -> bytes:
    """Return a journal record's persisted form: one line.

    Raises:
        StateError: it holds something that is not plain data.
    """
    steps: tuple[Intent | Outcome, ...] = (*record.intents, *record.outcomes)
    for step in steps:
        if step.object is not None:
            _require_plain(step.object.attributes, step.address)
    return wrap("journal record", RECORD_VERSION, record, indent=-1)


def decode_record(
    data: bytes, *, where: str, upgrades: Sequence[Upgrade] = RECORD_UPGRADES
) -> Record:
    """Read a journal record; ``where`` is its place, for messages.

    Raises:
        StateError: empty, truncated, damaged, newer, or not what its checksum says.
    """
    return unwrap("journal record", data, upgrades, into=Record, where=where)


@dataclass(frozen=True, slots=True)
class Codec:
    """How one workspace's state and journal become bytes; every backend writes and reads through one.

    Attributes:
        workspace: named in what is written, so that a copy from another workspace is told apart.
    """

    workspace: str = "default"

    def encode_state(self, state: State) -> bytes:
        """See ``encode_state``."""
        return encode_state(state)

    def decode_state(self, data: bytes, *, where: str) -> State:
        """See ``decode_state``."""
        return decode_state(data, where=where)

    def encode_record(self, record: Record) -> bytes:
        """See ``encode_record``."""
        return encode_record(record)

    def decode_record(self, data: bytes, *, where: str) -> Record:
        """See ``decode_record``."""
        return decode_record(data, where=where)


PLAIN = Codec()
"""Without encryption, for the workspace ``default``."""


def record_hash(record: Record) -> str:
    """Return the SHA-256 (hex) that the next record names as its ``previous``.

    It is the same before writing and after reading, though a float is read as a ``Decimal``.
    """
    as_read = decode_record(encode_record(record), where="this record")
    return hashlib.sha256(canonical(as_read)).hexdigest()


def same_content(one: State, other: State) -> bool:
    """Whether two states remember the same: resources and outputs, however numbers are held."""
    if one.resources == other.resources and one.outputs == other.outputs:
        return True
    return canonical((one.resources, one.outputs)) == canonical((other.resources, other.outputs))


def _require_plain(value: Any, address: str) -> None:
    """Refuse what JSON would silently change: unknowns, sets, dates, bytes, infinities."""
    try:
        odd = _odd(value)
    except RecursionError:
        odd = "too deep a nesting"
    if odd:
        raise state_error(
            "Value cannot be written",
            f"{address}: {odd} cannot be remembered. Nothing was written. This is a fault of "
            "perimeter or of a provider; please report it.",
        )


def _odd(value: Any) -> str:
    """Word the first thing in ``value`` that is not plain."""
    kind = type(value)
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                return f"a key of type {type(key).__name__}"
            if type(item) not in _SCALARS and (odd := _odd(item)):
                return odd
        return ""
    if kind is list or kind is tuple:
        for item in value:
            if type(item) not in _SCALARS and (odd := _odd(item)):
                return odd
        return ""
    if kind in _SCALARS:
        return ""
    if kind is Decimal and value.is_finite():
        return ""
    # Subtracted from itself, a number that is not finite is not zero.
    return "" if kind is float and value - value == 0.0 else f"a value of type {kind.__name__}"
