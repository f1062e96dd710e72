"""Conversion functions, and those that speak about a value's marks and type."""

from __future__ import annotations

from typing import Any

from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.functions.function import Context, Function, FunctionError, Parameter, nothing
from perimeter.lang.marks import is_secret, unknown_from
from perimeter.lang.render import type_text
from perimeter.lang.text import quote
from perimeter.lang.typenames import constraint_name, type_name
from perimeter.lang.types import BOOL, DYNAMIC, NUMBER, STRING, List, Map, Set, Type
from perimeter.lang.values import (
    EPHEMERAL,
    SENSITIVE,
    TYPE_NAME,
    Mark,
    Unknown,
    Value,
    boolean,
    null,
    string,
)

_ANY = Parameter("v", allow_null=True, allow_unknown=True, allow_dynamic=True, allow_marked=True)
_VALUE = Parameter(
    "value", allow_null=True, allow_unknown=True, allow_dynamic=True, allow_marked=True
)
_HINTS: dict[Type, str] = {
    NUMBER: "given string must be a decimal representation of a number",
    BOOL: 'only the strings "true" or "false" are allowed',
}


def _conversion(wanted: Type) -> Function:
    def call(values: list[Value], _context: Context) -> Value:
        value = values[0]
        try:
            return convert(value, wanted)
        except ConversionError as error:
            raise FunctionError(_reason(value, wanted, error), 0, discreet=True) from None

    return Function(parameters=(_ANY,), returns=wanted, call=call, refine=nothing)


def _reason(value: Value, wanted: Type, error: ConversionError) -> str:
    hint = _HINTS.get(wanted)
    if hint is not None and value.type == STRING:
        if is_secret(value):
            return f"cannot convert this sensitive string to {constraint_name(wanted)}"
        return f"cannot convert {quote(value.raw)} to {constraint_name(wanted)}; {hint}"
    reason = f"cannot convert {type_name(value.type)} to {constraint_name(wanted)}"
    return f"{reason}: {error}" if error.path else reason


def _sensitive(values: list[Value], _context: Context) -> Value:
    return values[0].with_marks((SENSITIVE,))


def _nonsensitive(values: list[Value], _context: Context) -> Value:
    value = values[0]
    return Value(value.type, value.raw, value.marks - {SENSITIVE})


def _issensitive(values: list[Value], _context: Context) -> Value:
    value = values[0]
    if SENSITIVE in value.marks:
        return boolean(True)
    if isinstance(value.raw, Unknown):
        return unknown_from((value,), BOOL, Unknown(not_null=True))
    return boolean(False)


def _ephemeral_as_null(values: list[Value], _context: Context) -> Value:
    return _without(values[0], EPHEMERAL)


def _without(value: Value, mark: Mark) -> Value:
    """The value with typed nulls where it carries a mark."""
    if mark in value.marks:
        return null(value.type).with_marks(value.marks - {mark})
    raw: Any = value.raw
    if isinstance(raw, tuple):
        return Value(value.type, tuple(_without(part, mark) for part in raw), value.marks)
    if isinstance(raw, dict):
        parts = {key: _without(part, mark) for key, part in raw.items()}
        return Value(value.type, parts, value.marks)
    return value


def _type(values: list[Value], _context: Context) -> Value:
    return string(type_text(values[0].type)).with_marks((TYPE_NAME,))


FUNCTIONS: dict[str, Function] = {
    "tostring": _conversion(STRING),
    "tonumber": _conversion(NUMBER),
    "tobool": _conversion(BOOL),
    "tolist": _conversion(List(DYNAMIC)),
    "toset": _conversion(Set(DYNAMIC)),
    "tomap": _conversion(Map(DYNAMIC)),
    "sensitive": Function(parameters=(_VALUE,), call=_sensitive, refine=nothing),
    "nonsensitive": Function(parameters=(_VALUE,), call=_nonsensitive, refine=nothing),
    "issensitive": Function(parameters=(_VALUE,), returns=BOOL, call=_issensitive),
    "ephemeralasnull": Function(parameters=(_VALUE,), call=_ephemeral_as_null, refine=nothing),
    "type": Function(
        parameters=(_VALUE,),
        returns=STRING,
        call=_type,
        available=lambda scope: bool(getattr(scope, "console", False)),
    ),
}
