"""Values: typed, possibly null, unknown or unseen, possibly marked.

Two forms exist. A ``Value`` is what expressions work on: every value knows its type. A *plain* value is what schemas,
providers, plans and state work on: JSON-like Python data (``dict``, ``list``, ``str``, ``int``, ``Decimal`` or ``float``,
``bool``, ``None``) in which an ``Unknown`` may stand at any leaf. ``plain.py`` translates between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from perimeter.lang.types import BOOL, DYNAMIC, NUMBER, STRING, List, Map, Object, Set, Tuple, Type


class Reason(Enum):
    """Why a tenant did not show something."""

    FORBIDDEN = "forbidden"
    EDITION = "edition"
    NOT_REQUESTED = "not requested"
    RATE_LIMITED = "rate limited"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not decided yet. Refinements narrow what it can become.

    Attributes:
        not_null: it will not be null.
        prefix: the string it will start with.
        minimum: lower bound of a number (with ``minimum_inclusive``).
        maximum: upper bound of a number.
        length_min: at least that many elements.
        length_max: at most that many elements.
    """

    not_null: bool = False
    prefix: str = ""
    minimum: Any = None
    minimum_inclusive: bool = True
    maximum: Any = None
    maximum_inclusive: bool = True
    length_min: int = 0
    length_max: int | None = None


@dataclass(frozen=True, slots=True)
class Unseen(Unknown):
    """Unknown because the tenant did not show it. ``try``, ``can`` and ``coalesce`` do not absorb it.

    Attributes:
        reason: why.
        needs: the scope, permission or edition that would show it; empty when none would.
        detail: the vendor's own words, redacted.
    """

    reason: Reason = Reason.FAILED
    needs: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return f"not visible: {self.reason.value}" + (f", needs {self.needs}" if self.needs else "")


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class Mark:
    """A property that travels with a value: ``sensitive`` or ``ephemeral``."""

    name: str


SENSITIVE = Mark("sensitive")
EPHEMERAL = Mark("ephemeral")
TYPE_NAME = Mark("type")
"""On what the console's ``type`` returns, so that it is printed without quotes."""
NO_MARKS: frozenset[Mark] = frozenset()


class Value:
    """A typed value.

    ``raw`` is None (null), an ``Unknown``, or by type: ``str``; ``int`` or a 512-bit ``mpfr`` (never an integral one that
    fits an int); ``bool``; a tuple of Values (list, tuple, and set in canonical order without repetition); a dict of
    Values by string (map in key order, object). Marks of parts stay on the parts; ``marks`` are the value's own.
    """

    __slots__ = ("marks", "raw", "type")

    def __init__(self, type: Type, raw: Any, marks: frozenset[Mark] = NO_MARKS) -> None:  # noqa: A002
        self.type = type
        self.raw = raw
        self.marks = marks

    @property
    def is_null(self) -> bool:
        """Whether it is null."""
        return self.raw is None

    @property
    def is_known(self) -> bool:
        """Whether it is decided at its top (parts may be unknown); null is known."""
        return not isinstance(self.raw, Unknown)

    @property
    def is_wholly_known(self) -> bool:
        """Whether it and all its parts are known."""
        raw = self.raw
        if isinstance(raw, Unknown):
            return False
        if isinstance(raw, tuple):
            return all(item.is_wholly_known for item in raw)
        if isinstance(raw, dict):
            return all(item.is_wholly_known for item in raw.values())
        return True

    def with_marks(self, marks: Iterable[Mark]) -> Value:
        """The same value with more marks."""
        merged = self.marks.union(marks)
        return self if merged == self.marks else Value(self.type, self.raw, merged)

    def without_marks(self) -> Value:
        """The same value without its own marks (parts keep theirs)."""
        return Value(self.type, self.raw) if self.marks else self

    def deep_marks(self) -> frozenset[Mark]:
        """The marks of the value and of all its parts."""
        raw = self.raw
        parts: Iterable[Value] = ()
        if isinstance(raw, tuple):
            parts = raw
        elif isinstance(raw, dict):
            parts = raw.values()
        found = self.marks
        for part in parts:
            inner = part.deep_marks()
            if not inner <= found:
                found = found | inner
        return found

    def __repr__(self) -> str:
        if self.deep_marks():
            return f"Value({self.type}, (marked))"
        return f"Value({self.type}, {self.raw!r})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Value)
            and self.type == other.type
            and self.marks == other.marks
            and type(self.raw) is type(other.raw)
            and bool(self.raw == other.raw)
        )

    def __hash__(self) -> int:
        raw = self.raw
        return hash((self.type, frozenset(raw) if isinstance(raw, dict) else raw))


def string(text: str) -> Value:
    """A string; the caller has normalised it to NFC."""
    return Value(STRING, text)


def number(raw: Any) -> Value:
    """A number from an int or mpfr."""
    return Value(NUMBER, raw)


TRUE = Value(BOOL, True)
FALSE = Value(BOOL, False)


def boolean(flag: bool) -> Value:
    """A bool."""
    return TRUE if flag else FALSE


def null(type: Type = DYNAMIC) -> Value:  # noqa: A002
    """A null of a type."""
    return Value(type, None)


def unknown(
    type: Type = DYNAMIC,  # noqa: A002
    refined: Unknown = UNKNOWN,
    marks: frozenset[Mark] = NO_MARKS,
) -> Value:
    """An unknown of a type."""
    return Value(type, refined, marks)


def tuple_of(items: Sequence[Value]) -> Value:
    """A tuple of the given values."""
    return Value(Tuple(tuple(item.type for item in items)), tuple(items))


def object_of(items: Mapping[str, Value]) -> Value:
    """An object with the given attributes."""
    return Value(Object({name: item.type for name, item in items.items()}), dict(items))


def list_of(element: Type, items: Sequence[Value]) -> Value:
    """A list; the items already have the element type."""
    return Value(List(element), tuple(items))


def map_of(element: Type, items: Mapping[str, Value]) -> Value:
    """A map; the items already have the element type."""
    return Value(Map(element), {key: items[key] for key in sorted(items)})


def is_collection(kind: Type) -> bool:
    """Whether a for expression can go over values of this type."""
    return isinstance(kind, List | Set | Map | Tuple | Object)
