"""State and journal records to bytes and back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from perimeter.state.encryption import PLAIN_KEYS, Keys, Label
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
    """Return the plain state file's content: deterministic, indented by one space.

    Digests of secrets and their key are left out: whoever holds both can try values.

    Raises:
        StateError: it holds something that is not plain data, such as an unknown.
    """
    _require_plain_state(state)
    return wrap("state", FORMAT_VERSION, without_digests(state))


def decode_state(data: bytes, *, where: str, upgrades: Sequence[Upgrade] | None = None) -> State:
    """Read a state file's content; ``where`` is its place, for messages.

    Raises:
        StateError: empty, truncated, damaged, foreign, newer, or not what its checksum says.
    """
    steps = STATE_UPGRADES if upgrades is None else upgrades
    return unwrap("state", data, steps, into=State, where=where)


def encode_record(record: Record) -> bytes:
    """Return a journal record's persisted form: one line.

    Raises:
        StateError: it holds something that is not plain data.
    """
    _require_plain_record(record)
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
        keys: encrypt what is written, and say what may be read; a function is asked when they are first needed.
    """

    workspace: str = "default"
    keys: Keys | Callable[[], Keys] = PLAIN_KEYS

    @property
    def own_keys(self) -> Keys:
        """The keys themselves."""
        return self.keys if isinstance(self.keys, Keys) else self.keys()

    def encode_state(self, state: State) -> bytes:
        """See ``encode_state``; encrypted, it keeps the digests of secrets and their key.

        Raises:
            StateError: it holds something that is not plain data, or there is no key to be had.
        """
        if not self.own_keys.encrypts:
            return encode_state(state)
        _require_plain_state(state)
        label = Label(workspace=self.workspace, lineage=state.lineage, serial=state.serial)
        return self.own_keys.wrap("state", FORMAT_VERSION, state, label)

    def decode_state(self, data: bytes, *, where: str) -> State:
        """See ``decode_state``.

        Raises:
            StateError: as there, and where key, workspace or seal are not the right ones.
        """
        return self.own_keys.unwrap(
            "state",
            data,
            STATE_UPGRADES,
            into=State,
            where=where,
            workspace=self.workspace,
        )

    def state_version(self, data: bytes, *, where: str) -> int:
        """The format version that a state was written in.

        Raises:
            StateError: as ``decode_state``.
        """
        taken = 0

        def step(value: dict[str, Any]) -> dict[str, Any]:
            nonlocal taken
            taken += 1
            return value

        steps = (step,) * len(STATE_UPGRADES)
        self.own_keys.unwrap(
            "state", data, steps, into=dict[str, Any], where=where, workspace=self.workspace
        )
        return len(STATE_UPGRADES) + 1 - taken

    def encode_record(self, record: Record) -> bytes:
        """See ``encode_record``.

        Raises:
            StateError: it holds something that is not plain data, or there is no key to be had.
        """
        if not self.own_keys.encrypts:
            return encode_record(record)
        _require_plain_record(record)
        label = Label(workspace=self.workspace, lineage=record.lineage, serial=record.sequence)
        return self.own_keys.wrap("journal record", RECORD_VERSION, record, label, indent=-1)

    def decode_record(self, data: bytes, *, where: str) -> Record:
        """See ``decode_record``.

        Raises:
            StateError: as there, and where key, workspace or seal are not the right ones.
        """
        return self.own_keys.unwrap(
            "journal record",
            data,
            RECORD_UPGRADES,
            into=Record,
            where=where,
            workspace=self.workspace,
        )

    def recoded_state(self, data: bytes, *, where: str) -> bytes | None:
        """A state as it would be written now; None where it is already.

        Raises:
            StateError: it cannot be read.
        """
        if self.own_keys.is_current(data):
            return None
        return self.encode_state(self.decode_state(data, where=where))

    def recoded_record(self, data: bytes, *, where: str) -> bytes | None:
        """A journal record as it would be written now; None where it is already.

        Raises:
            StateError: it cannot be read.
        """
        if self.own_keys.is_current(data):
            return None
        return self.encode_record(self.decode_record(data, where=where))


PLAIN = Codec()
"""Without encryption, for the workspace ``default``."""


def record_hash(record: Record) -> str:
    """Return the SHA-256 (hex) that the next record names as its ``previous``.

    It is the same before writing and after reading, though a float is read as a ``Decimal``.
    """
    as_read = decode_record(encode_record(record), where="this record")
    return hashlib.sha256(canonical(as_read)).hexdigest()


def same_content(one: State, other: State) -> bool:
    """Whether two states remember the same: resources, outputs and steps, however numbers are held."""
    if one.steps != other.steps:
        return False
    if one.resources == other.resources and one.outputs == other.outputs:
        return True
    return canonical((one.resources, one.outputs)) == canonical((other.resources, other.outputs))


def without_digests(state: State) -> State:
    """The state without digests of secrets and without their key, as anything plain holds it."""
    if not state.digest_key and not any(
        item.digests for instance in state.resources.values() for item in instance.objects
    ):
        return state
    resources = {
        address: msgspec.structs.replace(
            instance,
            objects=tuple(
                msgspec.structs.replace(item, digests={}) if item.digests else item
                for item in instance.objects
            ),
        )
        for address, instance in state.resources.items()
    }
    return msgspec.structs.replace(state, resources=resources, digest_key="")


def _require_plain_state(state: State) -> None:
    for address, instance in state.resources.items():
        for item in instance.objects:
            _require_plain(item.attributes, address)
    for name, output in state.outputs.items():
        _require_plain(output.value, f"output.{name}")


def _require_plain_record(record: Record) -> None:
    steps: tuple[Intent | Outcome, ...] = (*record.intents, *record.outcomes)
    for step in steps:
        if step.object is not None:
            _require_plain(step.object.attributes, step.address)


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
