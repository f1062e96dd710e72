"""Marks over whole values: collecting, removing and placing them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from perimeter.lang.types import DYNAMIC, Type
from perimeter.lang.values import (
    EPHEMERAL,
    NO_MARKS,
    SENSITIVE,
    UNKNOWN,
    Mark,
    Unknown,
    Unseen,
    Value,
)

MarkPath = tuple[str | int, ...]


def unmark_deep(value: Value) -> tuple[Value, frozenset[Mark]]:
    """Return the value with no mark at any depth, and all the marks it had."""
    marks = value.deep_marks()
    return (_bare(value), marks) if marks else (value, NO_MARKS)


def _bare(value: Value) -> Value:
    raw = value.raw
    if isinstance(raw, tuple):
        return Value(value.type, tuple(map(_bare, raw)))
    if isinstance(raw, dict):
        return Value(value.type, {key: _bare(part) for key, part in raw.items()})
    return Value(value.type, raw) if value.marks else value


def is_secret(value: Value) -> bool:
    """Whether any part is sensitive or ephemeral, so that no text may show it."""
    return bool(value.deep_marks() & {SENSITIVE, EPHEMERAL})


def mark_paths(value: Value, mark: Mark | None = None) -> set[MarkPath]:
    """Return the outermost paths that carry a mark, or either mark when none is named."""
    found: set[MarkPath] = set()
    _collect(value, (), mark, found)
    return found


def _collect(value: Value, path: MarkPath, mark: Mark | None, found: set[MarkPath]) -> None:
    if mark in value.marks or (mark is None and value.marks):
        found.add(path)
        return
    if isinstance(value.raw, tuple):
        for index, part in enumerate(value.raw):
            _collect(part, (*path, index), mark, found)
    elif isinstance(value.raw, dict):
        for key, part in value.raw.items():
            _collect(part, (*path, key), mark, found)


def apply_marks(value: Value, paths: Iterable[MarkPath], mark: Mark) -> Value:
    """Return the value with the mark at each path; a path that ends early marks its deepest part.

    A set's elements carry no marks: a path into a set marks the set.
    """
    for path in paths:
        value = _apply(value, path, mark)
    return value


def _apply(value: Value, path: MarkPath, mark: Mark) -> Value:
    from perimeter.lang.types import Set

    raw = value.raw
    if not path or isinstance(value.type, Set):
        return value.with_marks((mark,))
    key, rest = path[0], path[1:]
    if isinstance(raw, dict) and key in raw:
        marked = raw | {str(key): _apply(raw[key], rest, mark)}
        return Value(value.type, marked, value.marks)
    if isinstance(raw, tuple) and isinstance(key, int) and key < len(raw):
        parts = (*raw[:key], _apply(raw[key], rest, mark), *raw[key + 1 :])
        return Value(value.type, parts, value.marks)
    return value.with_marks((mark,))


def unseen_in(values: Iterable[Value]) -> Unseen | None:
    """Return the first unseen part of the values, at any depth."""
    for value in values:
        raw = value.raw
        if isinstance(raw, Unseen):
            return raw
        if isinstance(raw, tuple):
            found = unseen_in(raw)
        elif isinstance(raw, dict):
            found = unseen_in(raw.values())
        else:
            continue
        if found is not None:
            return found
    return None


def unknown_from(
    values: Iterable[Value],
    kind: Type = DYNAMIC,
    refined: Unknown = UNKNOWN,
    marks: frozenset[Mark] = NO_MARKS,
) -> Value:
    """Return the unknown that follows from operands: unseen when one of them is, otherwise ``refined``."""
    unseen = unseen_in(values)
    if unseen is None:
        return Value(kind, refined, marks)
    plain = Unseen(reason=unseen.reason, needs=unseen.needs, detail=unseen.detail)
    return Value(kind, replace(plain, not_null=refined.not_null), marks)
