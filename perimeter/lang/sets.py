"""Sets: canonical order and no repetition.

Strings are in code point order, numbers by value, false before true, then nulls, then unknowns. The order of other
elements is by a byte form; it agrees with cty v1.16, which promises nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perimeter.lang import numbers
from perimeter.lang.marks import unmark_deep
from perimeter.lang.text import quote
from perimeter.lang.types import BOOL, NUMBER, STRING, List, Map, Object, Set, Tuple, Type
from perimeter.lang.values import NO_MARKS, Mark, Unknown, Value


def set_of(element: Type, items: Iterable[Value]) -> Value:
    """Return the set of items that already have the element type; their marks become the set's."""
    marks: frozenset[Mark] = NO_MARKS
    distinct: dict[Value, None] = {}
    unknowns: list[Value] = []
    for item in items:
        bare, found = unmark_deep(item)
        marks |= found
        if bare.is_wholly_known:
            distinct[bare] = None
        else:
            unknowns.append(bare)
    return Value(Set(element), (*sorted(distinct, key=sort_key), *unknowns), marks)


def sort_key(value: Value) -> tuple[int, Any]:
    """Return what orders the elements of one set."""
    raw = value.raw
    if raw is None:
        return (1, 0)
    if isinstance(raw, Unknown):
        return (2, 0)
    if value.type in {STRING, NUMBER, BOOL}:
        return (0, raw)
    return (0, _byte_form(value).encode())


def _byte_form(value: Value) -> str:
    raw, kind = value.raw, value.type
    if raw is None:
        return "~"
    if isinstance(raw, Unknown):
        return "?"
    if isinstance(raw, bool):
        return "T" if raw else "F"
    if isinstance(raw, str):
        return quote(raw)
    if isinstance(kind, Map):
        pairs = (f"{quote(key)}:{_byte_form(raw[key])};" for key in sorted(raw))
        return "{" + "".join(pairs) + "}"
    if isinstance(kind, Object):
        return "<" + "".join(_byte_form(raw[name]) + ";" for name in sorted(raw)) + ">"
    if isinstance(kind, Tuple):
        return "<" + "".join(_byte_form(part) + ";" for part in raw) + ">"
    if isinstance(kind, List | Set):
        return "[" + "".join(_byte_form(part) + ";" for part in raw) + "]"
    return numbers.text(raw) if abs(raw) < 10**10 else f"{float(raw):.10g}"


def is_complete(value: Value) -> bool:
    """Whether a set's number of elements is decided: an unknown element may equal another one."""
    return len(value.raw) < 2 or value.is_wholly_known
