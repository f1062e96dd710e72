"""Unary and binary operators."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Binary, Unary
from perimeter.lang import numbers
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.environment import Environment
from perimeter.lang.equality import equals, not_
from perimeter.lang.marks import unknown_from
from perimeter.lang.types import BOOL, NUMBER, Type
from perimeter.lang.values import FALSE, TRUE, Unknown, Value, boolean, unknown

Evaluator = Callable[[Any, Environment], Value]

_NOT_NULL = Unknown(not_null=True)


@dataclass(frozen=True, slots=True)
class _Operator:
    operand: Type
    result: Type
    apply: Callable[[Any, Any], Any]


_ARITHMETIC = {
    "+": numbers.add,
    "-": numbers.subtract,
    "*": numbers.multiply,
    "/": numbers.divide,
    "%": numbers.modulo,
}
_COMPARISON = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_OPERATORS = {
    **{name: _Operator(NUMBER, NUMBER, apply) for name, apply in _ARITHMETIC.items()},
    **{name: _Operator(NUMBER, BOOL, apply) for name, apply in _COMPARISON.items()},
    "&&": _Operator(BOOL, BOOL, lambda left, right: left and right),
    "||": _Operator(BOOL, BOOL, lambda left, right: left or right),
}


def binary(expr: Binary, env: Environment, evaluate: Evaluator) -> Value:
    """Evaluate ``left op right``."""
    op = expr.op
    if op in {"&&", "||"}:
        return _logical(expr, env, evaluate)
    left, right = evaluate(expr.left, env), evaluate(expr.right, env)
    if op in {"==", "!="}:
        answer = equals(left, right)
        return answer if op == "==" else not_(answer)
    kind = _OPERATORS[op]
    if left.type is NUMBER is right.type:
        first: Value | None = left
        second: Value | None = right
    else:
        first = _operand(left, kind.operand, "left operand", expr.left, env.diagnostics)
        second = _operand(right, kind.operand, "right operand", expr.right, env.diagnostics)
    if first is None or second is None:
        return unknown(kind.result)
    return _apply(expr, kind, first, second, env.diagnostics)


def _logical(expr: Binary, env: Environment, evaluate: Evaluator) -> Value:
    """A left operand that decides makes the right one's problems irrelevant, but not its being unknown."""
    kind = _OPERATORS[expr.op]
    before = len(env.diagnostics)
    left = _operand(evaluate(expr.left, env), BOOL, "left operand", expr.left, env.diagnostics)
    decides = left is not None and left.raw is (expr.op == "||") and before == len(env.diagnostics)
    inner = env.trial() if decides else env
    right_value = evaluate(expr.right, inner)
    right = _operand(right_value, BOOL, "right operand", expr.right, inner.diagnostics)
    if decides and left is not None and inner.diagnostics.has_errors:
        return left
    if decides:
        env.diagnostics.extend(inner.diagnostics)
    if left is None or right is None:
        return unknown(BOOL)
    return _apply(expr, kind, left, right, env.diagnostics)


def _operand(
    value: Value, wanted: Type, side: str, expr: Any, diagnostics: Diagnostics
) -> Value | None:
    try:
        return convert(value, wanted)
    except ConversionError as error:
        detail = f"Unsuitable value for {side}: {error}."
        diagnostics.error("Invalid operand", detail, expr.range)
        return None


def _apply(
    expr: Binary, kind: _Operator, left: Value, right: Value, diagnostics: Diagnostics
) -> Value:
    marks = left.marks | right.marks
    first, second = left.raw, right.raw
    if first is None or second is None:
        return _failed(expr, kind.result, "argument must not be null", diagnostics)
    if isinstance(first, Unknown) or isinstance(second, Unknown):
        decided = _by_range(expr.op, first, second)
        if decided is not None:
            return boolean(decided).with_marks(marks)
        return unknown_from((left, right), kind.result, _NOT_NULL, marks)
    try:
        outcome = kind.apply(first, second)
    except numbers.NumberError as error:
        return _failed(expr, kind.result, str(error), diagnostics)
    return Value(kind.result, outcome, marks)


def _failed(expr: Any, kind: Type, reason: str, diagnostics: Diagnostics) -> Value:
    diagnostics.error("Operation failed", f"Error during operation: {reason}.", expr.range)
    return unknown(kind)


def _by_range(op: str, left: Any, right: Any) -> bool | None:
    """What the bounds of unknown numbers already decide about a comparison."""
    if op not in _COMPARISON:
        return None
    if op in {">", ">="}:
        op, left, right = op.replace(">", "<"), right, left
    low_left, high_left = _bounds(left)
    low_right, high_right = _bounds(right)
    compare = _COMPARISON[op]
    if high_left is not None and low_right is not None and compare(high_left, low_right):
        return True
    if low_left is not None and high_right is not None and not compare(low_left, high_right):
        return False
    return None


def _bounds(raw: Any) -> tuple[Any, Any]:
    return (raw.minimum, raw.maximum) if isinstance(raw, Unknown) else (raw, raw)


def unary(expr: Unary, env: Environment, evaluate: Evaluator) -> Value:
    """Evaluate ``-x`` or ``!x``."""
    wanted = NUMBER if expr.op == "-" else BOOL
    given = evaluate(expr.operand, env)
    value = _operand(given, wanted, "unary operand", expr.operand, env.diagnostics)
    if value is None:
        return unknown(wanted)
    if value.raw is None:
        return _failed(expr, wanted, "argument must not be null", env.diagnostics)
    if isinstance(value.raw, Unknown):
        return unknown_from((value,), wanted, _NOT_NULL, value.marks)
    if wanted is BOOL:
        return (FALSE if value.raw else TRUE).with_marks(value.marks)
    return Value(NUMBER, numbers.negate(value.raw), value.marks)
