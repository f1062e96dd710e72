"""When two values are equal, as far as that is decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perimeter.lang.marks import unknown_from, unmark_deep
from perimeter.lang.types import BOOL, Object, Set
from perimeter.lang.values import FALSE, TRUE, Unknown, Value, boolean

_UNDECIDED = Unknown(not_null=True)


def equals(left: Value, right: Value) -> Value:
    """Return a bool: values of different types differ, nulls are equal, undecided parts may leave it unknown.

    The result carries all the marks of both operands.
    """
    bare_left, left_marks = unmark_deep(left)
    bare_right, right_marks = unmark_deep(right)
    answer = compare(bare_left, bare_right)
    undecided = unknown_from((bare_left, bare_right), BOOL, _UNDECIDED)
    outcome = undecided if answer is None else boolean(answer)
    return outcome.with_marks(left_marks | right_marks)


def compare(left: Value, right: Value) -> bool | None:
    """Return whether two unmarked values are equal; None when that is not decided."""
    if isinstance(left.raw, Unknown):
        return _maybe(left, right)
    if isinstance(right.raw, Unknown):
        return _maybe(right, left)
    if left.raw is None or right.raw is None:
        return left.raw is None and right.raw is None
    if left.type is not right.type and not _comparable(left, right):
        return False
    if isinstance(left.raw, tuple):
        if isinstance(left.type, Set):
            return _same_set(left, right)
        if len(left.raw) != len(right.raw):
            return False
        return _all(compare(a, b) for a, b in zip(left.raw, right.raw, strict=True))
    if isinstance(left.raw, dict):
        if left.raw.keys() != right.raw.keys():
            return False
        return _all(compare(part, right.raw[key]) for key, part in left.raw.items())
    return bool(left.raw == right.raw)


def _comparable(left: Value, right: Value) -> bool:
    if left.type == right.type:
        return True
    # An untyped null or unknown inside may still become what the other side has there.
    if isinstance(left.type, Object) and isinstance(right.type, Object):
        return left.type.has_dynamic or right.type.has_dynamic
    return type(left.type) is type(right.type) and (left.type.has_dynamic or right.type.has_dynamic)


def _maybe(unknown: Value, other: Value) -> bool | None:
    refined = unknown.raw
    raw = other.raw
    if raw is None:
        return False if refined.not_null else None
    if isinstance(raw, Unknown):
        known_types = not (unknown.type.has_dynamic or other.type.has_dynamic)
        both = refined.not_null and raw.not_null
        return False if known_types and both and unknown.type != other.type else None
    if not unknown.type.has_dynamic and not other.type.has_dynamic and unknown.type != other.type:
        return False
    if isinstance(raw, str):
        return None if raw.startswith(refined.prefix) else False
    if isinstance(raw, tuple | dict):
        too_many = refined.length_max is not None and len(raw) > refined.length_max
        return False if too_many or len(raw) < refined.length_min else None
    if not isinstance(raw, bool):
        return None if in_range(refined, raw) else False
    return None


def in_range(refined: Unknown, raw: Any) -> bool:
    """Whether a number lies within the bounds of an unknown."""
    low, high = refined.minimum, refined.maximum
    if low is not None and (raw < low or (raw == low and not refined.minimum_inclusive)):
        return False
    return not (
        high is not None and (raw > high or (raw == high and not refined.maximum_inclusive))
    )


def _same_set(left: Value, right: Value) -> bool | None:
    if left.is_wholly_known and right.is_wholly_known:
        return bool(left.raw == right.raw)
    return None


def _all(answers: Iterator[bool | None]) -> bool | None:
    outcome: bool | None = True
    for answer in answers:
        if answer is False:
            return False
        if answer is None:
            outcome = None
    return outcome


def not_(value: Value) -> Value:
    """Return the opposite of a bool that may be unknown."""
    if isinstance(value.raw, Unknown):
        return value
    return (FALSE if value.raw else TRUE).with_marks(value.marks)
