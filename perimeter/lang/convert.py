"""Conversion of values between types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perimeter.lang import numbers
from perimeter.lang.sets import set_of
from perimeter.lang.text import quote
from perimeter.lang.typenames import mismatch
from perimeter.lang.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    List,
    Map,
    Object,
    Set,
    Tuple,
    Type,
)
from perimeter.lang.unify import converted_type, unify, without_optional
from perimeter.lang.values import FALSE, TRUE, Unknown, Unseen, Value, null

__all__ = ["ConversionError", "convert", "unify"]

Path = tuple[str | int, ...]


class ConversionError(Exception):
    """A value does not become a type.

    Attributes:
        path: where in the value; a string is an attribute or map key, an int an index.
        message: what is required there, without any of the value.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message

    def __str__(self) -> str:
        steps = (
            f"attribute {quote(step)}: " if isinstance(step, str) else f"element {step}: "
            for step in self.path
        )
        return "".join(steps) + self.message


def convert(value: Value, wanted: Type) -> Value:
    """Return the value as a type; ``any`` inside it is whatever fits all parts.

    An object constraint's optional attributes may be missing; where they have a default it replaces a
    missing or null one. Marks stay where they are; elements' marks become the set's.

    Raises:
        ConversionError: there is no way from one to the other.
    """
    kind = value.type
    if wanted is DYNAMIC or kind is wanted or wanted == DYNAMIC:
        return value
    raw = value.raw
    if raw is None or isinstance(raw, Unknown):
        found = converted_type(kind, wanted)
        if found is None:
            raise ConversionError((), mismatch(kind, wanted))
        return Value(found, raw and _narrowed(raw, kind, found), value.marks)
    if kind == wanted:
        return value
    step = _STEPS.get((type(kind), type(wanted)))
    if step is None:
        raise ConversionError((), mismatch(kind, wanted))
    return step(value, wanted)


def _narrowed(raw: Unknown, before: Type, after: Type) -> Unknown:
    """What is still known of an unknown after its conversion."""
    if isinstance(raw, Unseen) or before == after:
        return raw
    low, high = raw.length_min, raw.length_max
    if isinstance(after, Set):
        low = min(low, 1)
    return Unknown(not_null=raw.not_null, length_min=low, length_max=high)


def _primitive(value: Value, wanted: Type) -> Value:
    raw, kind = value.raw, value.type
    if wanted == STRING:
        if kind == BOOL:
            return Value(STRING, "true" if raw else "false", value.marks)
        return Value(STRING, numbers.text(raw), value.marks)
    if kind == STRING and wanted == NUMBER:
        try:
            return Value(NUMBER, numbers.parse(raw), value.marks)
        except ValueError as error:
            raise ConversionError((), str(error)) from None
    if kind == STRING and wanted == BOOL:
        return _bool_from(raw).with_marks(value.marks)
    raise ConversionError((), mismatch(kind, wanted))


def _bool_from(text: str) -> Value:
    if text in {"true", "1"}:
        return TRUE
    if text in {"false", "0"}:
        return FALSE
    hint = ""
    if text.lower() in {"true", "false"}:
        hint = f'; to convert from string, use lowercase "{text.lower()}"'
    raise ConversionError((), f"a bool is required{hint}")


def _parts(parts: list[tuple[Any, Value]], wanted: Type) -> list[Value]:
    """Convert parts, each under its key, to one type."""
    converted: list[Value] = []
    for key, part in parts:
        try:
            converted.append(convert(part, wanted))
        except ConversionError as error:
            raise ConversionError((key, *error.path), error.message) from None
    return converted


def _uniform(
    parts: list[tuple[Any, Value]], wanted: Type, source: Type, target: Type
) -> tuple[Type, list[Value]]:
    """Convert parts to one element type, which is found by unification where ``any`` is wanted."""
    if not wanted.has_dynamic:
        return without_optional(wanted), _parts(parts, wanted)
    if not parts:
        inner = converted_type(source, target)
        element = inner.element if isinstance(inner, List | Set | Map) else without_optional(wanted)
        return element, []
    converted = _parts(parts, wanted)
    kinds = dict.fromkeys(part.type for part in converted)
    if len(kinds) == 1:
        return next(iter(kinds)), converted
    element = unify(kinds) or DYNAMIC
    if element == DYNAMIC:
        raise ConversionError((), mismatch(source, target))
    return element, _parts(
        [(key, part) for (key, _), part in zip(parts, converted, strict=True)], element
    )


def _sequence(value: Value, wanted: Type) -> Value:
    assert isinstance(wanted, List | Set)
    parts = list(enumerate(value.raw))
    element, items = _uniform(parts, wanted.element, value.type, wanted)
    if isinstance(wanted, Set):
        return set_of(element, items).with_marks(value.marks)
    return Value(List(element), tuple(items), value.marks)


def _map(value: Value, wanted: Type) -> Value:
    assert isinstance(wanted, Map)
    parts = [(key, value.raw[key]) for key in sorted(value.raw)]
    element, items = _uniform(parts, wanted.element, value.type, wanted)
    found = {key: item for (key, _), item in zip(parts, items, strict=True)}
    return Value(Map(element), found, value.marks)


def _object(value: Value, wanted: Type) -> Value:
    assert isinstance(wanted, Object)
    raw: dict[str, Value] = value.raw
    attributes: dict[str, Value] = {}
    missing: list[str] = []
    for name, kind in wanted.attributes.items():
        part = raw.get(name)
        if part is None or part.raw is None:
            default = wanted.defaults.get(name)
            if isinstance(default, Value):
                part = default.with_marks(part.marks) if part is not None else default
        if part is not None:
            attributes[name] = _parts([(name, part)], kind)[0]
        elif name in wanted.optional:
            attributes[name] = null(without_optional(kind))
        else:
            missing.append(name)
    if missing:
        raise ConversionError((), mismatch(Object(), Object(dict.fromkeys(missing, DYNAMIC))))
    if wanted.has_dynamic:
        found: Type = Object({name: part.type for name, part in attributes.items()})
    else:
        found = without_optional(wanted)
    return Value(found, attributes, value.marks)


def _tuple(value: Value, wanted: Type) -> Value:
    assert isinstance(wanted, Tuple)
    if len(value.raw) != len(wanted.items):
        raise ConversionError((), f"a tuple of {len(wanted.items)} elements is required")
    items: list[Value] = []
    for index, (part, kind) in enumerate(zip(value.raw, wanted.items, strict=True)):
        items += _parts([(index, part)], kind)
    return Value(Tuple(tuple(item.type for item in items)), tuple(items), value.marks)


_Primitive = type(STRING)
_STEPS: dict[tuple[type[Type], type[Type]], Callable[[Value, Type], Value]] = {
    (_Primitive, _Primitive): _primitive,
    **{(source, target): _sequence for source in (List, Set, Tuple) for target in (List, Set)},
    (Map, Map): _map,
    (Object, Map): _map,
    (Object, Object): _object,
    (Map, Object): _object,
    (Tuple, Tuple): _tuple,
}
