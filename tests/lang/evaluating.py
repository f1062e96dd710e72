"""Short ways to evaluate text in tests."""

from __future__ import annotations

from typing import Any

from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_expression
from perimeter.lang.evaluate import evaluate
from perimeter.lang.plain import to_plain
from perimeter.lang.scope import StaticScope
from perimeter.lang.values import Reason, Unseen, Value, unknown

UNSEEN = unknown(refined=Unseen(reason=Reason.FORBIDDEN, needs="okta.users.read"))


def attempt(text: str, **variables: Value) -> tuple[Value, Diagnostics]:
    """A value and what is wrong, with the given variables."""
    expr, problems = parse_expression(text)
    assert expr is not None
    assert not problems, problems
    found = Diagnostics()
    return evaluate(expr, StaticScope(variables, now="2026-11-24T12:00:00Z"), found), found


def value_of(text: str, **variables: Value) -> Value:
    """The value of an expression without errors."""
    value, found = attempt(text, **variables)
    assert not found.has_errors, list(found)
    return value


def plain(text: str, **variables: Value) -> Any:
    """The plain form of an expression's value."""
    return to_plain(value_of(text, **variables))


def problems(text: str, **variables: Value) -> list[str]:
    """The summaries of an expression's errors."""
    return [item.summary for item in attempt(text, **variables)[1].errors]
