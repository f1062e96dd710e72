"""Values that mocks make up for what nobody configures: the same ones each time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from perimeter.lang.convert import ConversionError
from perimeter.lang.plain import from_plain, to_plain
from perimeter.lang.types import BOOL, DYNAMIC, NUMBER, STRING, List, Map, Object, Set, Tuple, Type
from perimeter.sdk.canonical import timestamp
from perimeter.sdk.schema import Attribute, Nesting, Plain, Schema

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def made_up(kind: Type, seed: str) -> Plain:
    """A value of a type: eight letters and digits that follow from ``seed``, 0, false, or nothing in it."""
    if kind == STRING:
        number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])
        letters = []
        for _ in range(8):
            number, at = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[at])
        return "".join(letters)
    if kind == NUMBER:
        return 0
    if kind == BOOL:
        return False
    if isinstance(kind, List | Set):
        return []
    if isinstance(kind, Map):
        return {}
    if isinstance(kind, Tuple):
        return [made_up(item, f"{seed}.{at}") for at, item in enumerate(kind.items)]
    if isinstance(kind, Object):
        return {name: made_up(item, f"{seed}.{name}") for name, item in kind.attributes.items()}
    assert kind == DYNAMIC
    return None


def attribute_value(
    name: str, attribute: Attribute, given: Mapping[str, Plain], seed: str
) -> Plain:
    """A computed attribute's value: as given, else one that the vendor could have."""
    if name in given:
        return given[name]
    if attribute.values and attribute.type == STRING:
        return attribute.values[0]
    if attribute.canonical is timestamp:
        return _moment(f"{seed}.{name}")
    return made_up(attribute.type, f"{seed}.{name}")


def _moment(seed: str) -> str:
    """A time of the years 2020 to 2024 that follows from ``seed``, RFC 3339."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])
    moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=number % (5 * 365 * 86_400))
    return moment.isoformat().replace("+00:00", "Z")


def fitted(schema: Schema, values: Mapping[str, Any]) -> tuple[dict[str, Plain], list[str]]:
    """Given values in the schema's types, missing parts of objects made up; and what does not fit."""
    fit: dict[str, Plain] = {}
    problems: list[str] = []
    types = schema.type.attributes
    for name, value in values.items():
        kind = types.get(name)
        if kind is None:
            problems.append(f'There is no attribute "{name}".')
            continue
        try:
            fit[name] = to_plain(from_plain(_whole(kind, value, name), kind))
        except ConversionError as problem:
            problems.append(f'Attribute "{name}": {problem}.')
    return fit, problems


def _whole(kind: Type, value: Plain, seed: str) -> Plain:
    if isinstance(kind, Object) and isinstance(value, Mapping):
        missing = {name: item for name, item in kind.attributes.items() if name not in value}
        made = {name: made_up(item, f"{seed}.{name}") for name, item in missing.items()}
        return {
            **{
                name: _whole(kind.attributes[name], item, f"{seed}.{name}")
                if name in kind.attributes
                else item
                for name, item in value.items()
            },
            **made,
        }
    if isinstance(kind, List | Set) and isinstance(value, list):
        return [_whole(kind.element, item, f"{seed}.{at}") for at, item in enumerate(value)]
    if isinstance(kind, Map) and isinstance(value, Mapping):
        return {key: _whole(kind.element, item, f"{seed}.{key}") for key, item in value.items()}
    return value


def empty_blocks(schema: Schema) -> dict[str, Plain]:
    """No block of any type."""
    return {
        name: None if block.nesting is Nesting.SINGLE else []
        for name, block in schema.blocks.items()
    }
