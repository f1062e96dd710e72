"""``condition ? then : otherwise``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perimeter.diagnostics import Range
from perimeter.hcl.nodes import Conditional
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.environment import Environment
from perimeter.lang.marks import unknown_from
from perimeter.lang.typenames import conditional_mismatch
from perimeter.lang.types import BOOL, DYNAMIC, NUMBER, STRING, Object, Set, Tuple, Type
from perimeter.lang.unify import unify
from perimeter.lang.values import Unknown, Value, unknown

_SUMMARY = "Inconsistent conditional result types"


def conditional(
    expr: Conditional, env: Environment, evaluate: Callable[[Any, Environment], Value]
) -> Value:
    """Evaluate both branches for their common type, report the problems of the chosen one only."""
    branches = env.trial(), env.trial()
    then = evaluate(expr.then, branches[0])
    otherwise = evaluate(expr.otherwise, branches[1])
    kind = _result_type(then, otherwise)
    if kind is None:
        detail = conditional_mismatch(then.type, otherwise.type)
        env.diagnostics.error(
            _SUMMARY,
            f"The true and false result expressions must have consistent types. {detail}",
            expr.src.range(expr.then.start, expr.otherwise.end),
            context=expr.range,
        )
        return unknown()
    condition = evaluate(expr.condition, env)
    if condition.raw is None:
        detail = "The condition value is null. Conditions must either be true or false."
        env.diagnostics.error("Null condition", detail, expr.condition.range, context=expr.range)
        return unknown(kind)
    try:
        condition = convert(condition, BOOL)
    except ConversionError:
        detail = "The condition expression must be of type bool."
        where: Range = expr.condition.range
        env.diagnostics.error("Incorrect condition type", detail, where, context=expr.range)
        return unknown(kind)
    if isinstance(condition.raw, Unknown):
        return _undecided(condition, then, otherwise, kind)
    chosen, inner = (then, branches[0]) if condition.raw else (otherwise, branches[1])
    env.diagnostics.extend(inner.diagnostics)
    try:
        return convert(chosen, kind).with_marks(condition.marks)
    except ConversionError as error:
        side, branch = ("true", expr.then) if condition.raw else ("false", expr.otherwise)
        detail = f"The {side} result value has the wrong type: {error}."
        env.diagnostics.error(_SUMMARY, detail, branch.range, context=expr.range)
        return unknown(kind)


def _result_type(then: Value, otherwise: Value) -> Type | None:
    if then.type is otherwise.type:
        return then.type
    if then.type == DYNAMIC and then.raw is None:
        return otherwise.type
    if otherwise.type == DYNAMIC and otherwise.raw is None:
        return then.type
    if DYNAMIC in {then.type, otherwise.type}:
        return DYNAMIC
    return unify((then.type, otherwise.type))


def _undecided(condition: Value, then: Value, otherwise: Value, kind: Type) -> Value:
    """What both results have in common is known of the result."""
    marks = condition.marks | then.marks | otherwise.marks
    # A branch that is not chosen says nothing, so only an unseen condition makes the result unseen.
    if then.raw is None and otherwise.raw is None:
        return Value(kind, None, marks)
    refined = _common(_facts(then), _facts(otherwise), kind)
    return unknown_from((condition,), kind, refined, marks)


def _facts(value: Value) -> Unknown:
    raw = value.raw
    if isinstance(raw, Unknown):
        return raw
    if raw is None or isinstance(raw, bool):
        return Unknown(not_null=raw is not None)
    if isinstance(raw, str):
        return Unknown(not_null=True, prefix=raw)
    if isinstance(raw, tuple | dict):
        return Unknown(not_null=True, length_min=len(raw), length_max=len(raw))
    return Unknown(not_null=True, minimum=raw, maximum=raw)


def _common(left: Unknown, right: Unknown, kind: Type) -> Unknown:
    not_null = left.not_null and right.not_null
    if not not_null or isinstance(kind, Tuple | Object) or kind in {BOOL, DYNAMIC}:
        return Unknown(not_null=not_null)
    if kind == STRING:
        return Unknown(not_null=True, prefix=_shared_prefix(left.prefix, right.prefix))
    if kind == NUMBER:
        lows = (left.minimum, right.minimum)
        highs = (left.maximum, right.maximum)
        return Unknown(
            not_null=True,
            minimum=None if None in lows else min(lows),
            maximum=None if None in highs else max(highs),
        )
    low = min(left.length_min, right.length_min)
    longest = (left.length_max, right.length_max)
    high = (
        None
        if left.length_max is None or right.length_max is None
        else max(size for size in longest if size is not None)
    )
    return Unknown(
        not_null=True, length_min=min(low, 1) if isinstance(kind, Set) else low, length_max=high
    )


def _shared_prefix(left: str, right: str) -> str:
    from perimeter.lang.templates import safe_prefix

    size = next(
        (at for at, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]),
        min(len(left), len(right)),
    )
    return safe_prefix(left[:size])
