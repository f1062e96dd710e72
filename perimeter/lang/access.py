"""Attributes, indexes and splats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perimeter.diagnostics import Diagnostics, Range, did_you_mean
from perimeter.hcl.nodes import Splat
from perimeter.lang import numbers
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.environment import Environment
from perimeter.lang.marks import unknown_from
from perimeter.lang.text import quote
from perimeter.lang.typenames import type_name
from perimeter.lang.types import (
    DYNAMIC,
    NUMBER,
    STRING,
    List,
    Map,
    Object,
    Primitive,
    Set,
    Tuple,
    Type,
)
from perimeter.lang.unify import unify
from perimeter.lang.values import Unknown, Value, tuple_of, unknown

Locate = Callable[[], Range]
_NO_ELEMENT = "The given key does not identify an element in this collection value"
_SET_INDEX = (
    "Elements of a set are identified only by their value and don't have any separate index or key to "
    "select with, so it's only possible to perform operations across all elements of the set."
)


def attribute(value: Value, name: str, where: Locate, diagnostics: Diagnostics) -> Value:
    """Return ``value.name``; ``where`` locates the step and is asked only when something is wrong."""
    raw, kind = value.raw, value.type
    if raw is None:
        diagnostics.error(
            "Attempt to get attribute from null value",
            "This value is null, so it does not have any attributes.",
            where(),
        )
        return unknown()
    if isinstance(kind, Object):
        if name not in kind.attributes:
            hint = did_you_mean(name, kind.attributes)
            detail = f"This object does not have an attribute named {quote(name)}.{hint}"
            diagnostics.error("Unsupported attribute", detail, where())
            return unknown()
        if isinstance(raw, Unknown):
            return unknown_from((value,), kind.attributes[name], marks=value.marks)
        found: Value = raw[name]
        return found.with_marks(value.marks) if value.marks else found
    if isinstance(kind, Map):
        if isinstance(raw, Unknown):
            return unknown_from((value,), kind.element, marks=value.marks)
        if name not in raw:
            detail = f"This map does not have an element with the key {quote(name)}."
            diagnostics.error("Missing map element", detail, where())
            return unknown()
        element: Value = raw[name]
        return element.with_marks(value.marks)
    if kind == DYNAMIC:
        return unknown_from((value,), marks=value.marks)
    diagnostics.error("Unsupported attribute", _no_attributes(kind, name), where())
    return unknown()


def _no_attributes(kind: Type, name: str) -> str:
    if isinstance(kind, Primitive):
        return f"Can't access attributes on a primitive-typed value ({type_name(kind)})."
    parts: tuple[Type, ...] = ()
    if isinstance(kind, List | Set):
        parts = (kind.element,)
    elif isinstance(kind, Tuple):
        parts = kind.items
    if any(isinstance(part, Object) and name in part.attributes for part in parts):
        across = "" if isinstance(kind, Set) else " a specific element of the list, or"
        noun = "set" if isinstance(kind, Set) else "list"
        return (
            f"Can't access attributes on a {noun} of objects. Did you mean to access attribute "
            f"{quote(name)} for{across} across all elements of the {noun}?"
        )
    return "This value does not have any attributes."


def index(value: Value, key: Value, where: Locate, diagnostics: Diagnostics) -> Value:
    """Return ``value[key]``."""
    marks = value.marks | key.marks
    if value.raw is None:
        return _null_index(where, diagnostics)
    if key.raw is None:
        return _invalid("Can't use a null value as an indexing key.", where, diagnostics)
    kind = value.type
    if kind == DYNAMIC:
        return unknown_from((value, key), marks=marks)
    if isinstance(kind, Set):
        return _invalid(_SET_INDEX, where, diagnostics)
    if isinstance(kind, Primitive):
        return _invalid("This value does not have any indices.", where, diagnostics)
    sequence = isinstance(kind, List | Tuple)
    try:
        key = convert(key, NUMBER if sequence else STRING)
    except ConversionError as error:
        return _invalid(f"{_NO_ELEMENT}: {error}.", where, diagnostics)
    if isinstance(value.raw, Unknown) or isinstance(key.raw, Unknown):
        return unknown_from((value, key), _element_type(kind, key), marks=marks)
    if sequence:
        problem = _sequence_problem(value.raw, key.raw)
        if problem:
            return _invalid(f"{_NO_ELEMENT}: {problem}.", where, diagnostics)
    elif key.raw not in value.raw:
        return _invalid(f"{_NO_ELEMENT}.", where, diagnostics)
    found: Value = value.raw[key.raw]
    return found.with_marks(marks) if marks else found


def _null_index(where: Locate, diagnostics: Diagnostics) -> Value:
    detail = "This value is null, so it does not have any indices."
    diagnostics.error("Attempt to index null value", detail, where())
    return unknown()


def _invalid(detail: str, where: Locate, diagnostics: Diagnostics) -> Value:
    diagnostics.error("Invalid index", detail, where())
    return unknown()


def _element_type(kind: Type, key: Value) -> Type:
    if isinstance(kind, List | Map):
        return kind.element
    if isinstance(kind, Tuple) and isinstance(key.raw, int) and 0 <= key.raw < len(kind.items):
        return kind.items[key.raw]
    if isinstance(kind, Object) and isinstance(key.raw, str):
        return kind.attributes.get(key.raw, DYNAMIC)
    return DYNAMIC


def _sequence_problem(items: tuple[Value, ...], key: Any) -> str:
    if not numbers.is_whole(key):
        return (
            "indexing a sequence requires a whole number, but the given index has a fractional part"
        )
    if key < 0:
        return "a negative number is not a valid index for a sequence"
    if not items:
        return "the collection has no elements"
    if key >= len(items):
        return "the given index is greater than or equal to the length of the collection"
    return ""


def splat(expr: Splat, env: Environment, evaluate: Callable[[Any, Environment], Value]) -> Value:
    """Evaluate ``source[*]…`` or ``source.*…``: what is no sequence is one of one element, null of none."""
    before = len(env.diagnostics.errors)
    source = evaluate(expr.source, env)
    kind, marks = source.type, source.marks
    sequence = isinstance(kind, Tuple | List | Set)
    if source.raw is None:
        if not sequence:
            return tuple_of(()).with_marks(marks)
        detail = "Splat expressions (with the * symbol) cannot be applied to null sequences."
        env.diagnostics.error("Splat of null value", detail, expr.source.range)
        return unknown()
    if kind == DYNAMIC or len(env.diagnostics.errors) > before:
        return unknown_from((source,), marks=marks)
    inner = env.nested()
    if not sequence:
        if isinstance(source.raw, Unknown) and not source.raw.not_null:
            return unknown_from((source,), marks=marks)
        inner.variables[expr.item] = source.without_marks()
        return tuple_of([evaluate(expr.each, inner)]).with_marks(marks)
    if isinstance(source.raw, Unknown):
        return _unknown_splat(expr, source, inner, evaluate)
    items: list[Value] = []
    for element in source.raw:
        inner.variables[expr.item] = element
        items.append(evaluate(expr.each, inner))
    if isinstance(kind, List | Set):
        return _list_of(kind.element, items, expr, inner, evaluate).with_marks(marks)
    return tuple_of(items).with_marks(marks)


def _each_type(expr: Splat, element: Type, env: Environment, evaluate: Any) -> Type:
    trial = env.trial()
    trial.variables = dict(env.variables)
    trial.variables[expr.item] = unknown(element)
    found: Value = evaluate(expr.each, trial)
    return found.type


def _list_of(
    element: Type, items: list[Value], expr: Splat, env: Environment, evaluate: Any
) -> Value:
    if not items:
        return Value(List(_each_type(expr, element, env, evaluate)), ())
    kinds = dict.fromkeys(item.type for item in items)
    common = next(iter(kinds)) if len(kinds) == 1 else unify(kinds)
    if common is None or (common == DYNAMIC and len(kinds) > 1):
        return tuple_of(items)
    try:
        return Value(List(common), tuple(convert(item, common) for item in items))
    except ConversionError:
        return tuple_of(items)


def _unknown_splat(expr: Splat, source: Value, env: Environment, evaluate: Any) -> Value:
    kind = source.type
    if isinstance(kind, Tuple):
        found: Type = Tuple(tuple(_each_type(expr, part, env, evaluate) for part in kind.items))
        return unknown_from((source,), found, Unknown(not_null=True), source.marks)
    assert isinstance(kind, List | Set)
    element = _each_type(expr, kind.element, env, evaluate)
    raw: Unknown = source.raw
    refined = Unknown(not_null=True, length_min=raw.length_min, length_max=raw.length_max)
    return unknown_from((source,), List(element), refined, source.marks)
