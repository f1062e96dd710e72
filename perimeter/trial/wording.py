"""What took part in a condition, in words: ``output.o`` ``is "bye"``."""

from __future__ import annotations

from perimeter.hcl.nodes import Expr
from perimeter.lang import numbers
from perimeter.lang.references import references
from perimeter.lang.scope import Scope, Traversal
from perimeter.lang.text import quote
from perimeter.lang.types import DYNAMIC, Collection, Object, Tuple
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Unseen, Value, unknown

LONGEST = 200
"""A longer string is named by its length."""


def involved(expr: Expr, scope: Scope) -> tuple[tuple[str, str], ...]:
    """The (text, worded value) of everything that an expression refers to; what cannot be had is left out."""
    found: dict[str, str] = {}
    for traversal in references(expr):
        value = _value(traversal, scope)
        if value is not None:
            found[str(traversal)] = worded(value)
    return tuple(sorted(found.items()))


def _value(traversal: Traversal, scope: Scope) -> Value | None:
    from perimeter.diagnostics import Diagnostics
    from perimeter.hcl import parse_expression
    from perimeter.lang.evaluate import evaluate

    expr, problems = parse_expression(str(traversal))
    found = Diagnostics()
    value = unknown() if expr is None or problems else evaluate(expr, scope, found)
    return None if found.has_errors or (value.type == DYNAMIC and not value.is_null) else value


def worded(value: Value) -> str:
    """``is "bye"``, ``is object with 2 attributes``, ``has a sensitive value``."""
    if SENSITIVE in value.marks:
        return "has a sensitive value"
    if EPHEMERAL in value.marks:
        return "has an ephemeral value"
    raw = value.raw
    if isinstance(raw, Unseen):
        return f"is {raw}"
    if not value.is_known:
        return f"is a {value.type.friendly}, known only after apply"
    if raw is None:
        return "is null"
    if isinstance(raw, bool):
        return "is true" if raw else "is false"
    if isinstance(raw, str):
        if len(raw) > LONGEST:
            return f"is a string of {len(raw):,} characters"
        return f"is {quote(raw)}"
    if not isinstance(raw, tuple | dict):
        return f"is {numbers.text(raw)}"
    one, many = ("attribute", "attributes") if isinstance(value.type, Object) else _ELEMENTS
    count = len(raw)
    if not count:
        return f"is {_kind(value)} with no {many}"
    return f"is {_kind(value)} with {count} {one if count == 1 else many}"


_ELEMENTS = ("element", "elements")


def _kind(value: Value) -> str:
    kind = value.type
    if isinstance(kind, Object):
        return "object"
    if isinstance(kind, Tuple):
        return "tuple"
    assert isinstance(kind, Collection)
    return kind.friendly
