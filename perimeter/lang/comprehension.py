"""For expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from perimeter.hcl.nodes import Expr, ForExpr
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.environment import Environment
from perimeter.lang.marks import is_secret, unknown_from
from perimeter.lang.text import quote
from perimeter.lang.typenames import type_name
from perimeter.lang.types import BOOL, DYNAMIC, STRING, Primitive, Set
from perimeter.lang.values import (
    NO_MARKS,
    Mark,
    Unknown,
    Value,
    number,
    object_of,
    string,
    tuple_of,
    unknown,
)

Evaluator = Callable[[Any, Environment], Value]


def collection_of(expr: Expr, env: Environment, evaluate: Evaluator) -> Value | None:
    """Evaluate what a ``for`` goes over; None when that cannot be gone over, which is then reported."""
    value = evaluate(expr, env)
    if value.raw is None:
        env.diagnostics.error(
            "Iteration over null value",
            "A null value cannot be used as the collection in a 'for' expression.",
            expr.range,
        )
        return None
    if isinstance(value.type, Primitive) and value.type != DYNAMIC:
        detail = f"A value of type {type_name(value.type)} cannot be used as the collection in a "
        env.diagnostics.error(
            "Iteration over non-iterable value", f"{detail}'for' expression.", expr.range
        )
        return None
    return value


def pairs(collection: Value) -> Iterator[tuple[Value, Value]]:
    """Return a known collection's keys and elements: indexes, keys in order, or a set's elements twice."""
    raw = collection.raw
    if isinstance(raw, dict):
        return ((string(key), raw[key]) for key in sorted(raw))
    if isinstance(collection.type, Set):
        return ((part, part) for part in raw)
    return ((number(place), part) for place, part in enumerate(raw))


class _Undecided:
    """Collects marks, and whether something keeps the whole from being known."""

    __slots__ = ("cause", "marks")

    def __init__(self, marks: frozenset[Mark]) -> None:
        self.marks = marks
        self.cause: list[Value] = []


def for_expression(expr: ForExpr, env: Environment, evaluate: Evaluator) -> Value:
    """Evaluate ``[for …]`` or ``{for …}``."""
    source = collection_of(expr.collection, env, evaluate)
    if source is None:
        return unknown()
    if isinstance(source.raw, Unknown):
        return unknown_from((source,), marks=source.marks)
    inner = env.nested()
    if expr.condition is not None and not source.raw and not _plausible(expr, inner, evaluate):
        return unknown()
    state = _Undecided(source.marks)
    outcome = (_object if expr.is_object else _tuple)(expr, source, inner, evaluate, state)
    if state.cause:
        return unknown_from(state.cause, marks=state.marks)
    return outcome.with_marks(state.marks)


def _plausible(expr: ForExpr, env: Environment, evaluate: Evaluator) -> bool:
    """Whether the condition is a bool even where there is no element to try it on."""
    _bind(expr, env, unknown(), unknown())
    return _wanted(expr, env, evaluate, _Undecided(NO_MARKS)) is not None


def _bind(expr: ForExpr, env: Environment, key: Value, value: Value) -> None:
    if expr.key_var is not None:
        env.variables[expr.key_var] = key
    env.variables[expr.value_var] = value


def _wanted(expr: ForExpr, env: Environment, evaluate: Evaluator, state: _Undecided) -> bool | None:
    """Whether the condition includes the element; None when that is not known or an error."""
    if expr.condition is None:
        return True
    answer = evaluate(expr.condition, env)
    if answer.raw is None:
        detail = "The value of the 'if' clause must not be null."
        env.diagnostics.error("Condition is null", detail, expr.condition.range)
    else:
        try:
            answer = convert(answer, BOOL)
        except ConversionError as error:
            detail = f"The 'if' clause value is invalid: {error}."
            env.diagnostics.error("Invalid 'for' condition", detail, expr.condition.range)
            answer = unknown()
    state.marks |= answer.marks
    if isinstance(answer.raw, bool):
        return answer.raw
    state.cause.append(answer if answer.raw is not None else unknown())
    return None


def _tuple(
    expr: ForExpr, source: Value, env: Environment, evaluate: Evaluator, state: _Undecided
) -> Value:
    items: list[Value] = []
    for key, element in pairs(source):
        _bind(expr, env, key, element)
        if _wanted(expr, env, evaluate, state):
            items.append(evaluate(expr.value, env))
    return tuple_of(items)


def _object(
    expr: ForExpr, source: Value, env: Environment, evaluate: Evaluator, state: _Undecided
) -> Value:
    assert expr.key is not None
    groups: dict[str, list[Value]] = {}
    single: dict[str, Value] = {}
    for place, element in pairs(source):
        _bind(expr, env, place, element)
        if not _wanted(expr, env, evaluate, state):
            continue
        key = _key(expr, env, evaluate, state)
        value = evaluate(expr.value, env)
        if key is None:
            continue
        if expr.group:
            groups.setdefault(key, []).append(value)
        elif key in single:
            secret = is_secret(element) or bool(state.marks)
            shown = "(sensitive value)" if secret else quote(key)
            env.diagnostics.error(
                "Duplicate object key",
                f"Two different items produced the key {shown} in this 'for' expression. If "
                "duplicates are expected, use the ellipsis (...) after the value expression to "
                "enable grouping by key.",
                expr.key.range,
            )
        else:
            single[key] = value
    if expr.group:
        single = {key: tuple_of(items) for key, items in groups.items()}
    return object_of(single)


def _key(expr: ForExpr, env: Environment, evaluate: Evaluator, state: _Undecided) -> str | None:
    assert expr.key is not None
    value = evaluate(expr.key, env)
    if value.raw is None:
        detail = "Key expression in 'for' expression must not produce a null value."
        env.diagnostics.error("Invalid object key", detail, expr.key.range)
        state.cause.append(unknown())
        return None
    try:
        value = convert(value, STRING)
    except ConversionError as error:
        detail = f"The key expression produced an invalid result: {error}."
        env.diagnostics.error("Invalid object key", detail, expr.key.range)
        state.cause.append(unknown())
        return None
    state.marks |= value.marks
    if isinstance(value.raw, Unknown):
        state.cause.append(value)
        return None
    return str(value.raw)
