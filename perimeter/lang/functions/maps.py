"""Functions that make maps and objects, or take them apart."""

from __future__ import annotations

from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
)
from perimeter.lang.marks import unknown_from
from perimeter.lang.typenames import type_name
from perimeter.lang.types import DYNAMIC, STRING, List, Map, Object, Tuple, Type
from perimeter.lang.values import (
    NO_MARKS,
    Mark,
    Unknown,
    Value,
    list_of,
    map_of,
    object_of,
    string,
)


def _marks(values: list[Value]) -> frozenset[Mark]:
    return NO_MARKS.union(*(value.marks for value in values))


_KNOWN = Unknown(not_null=True)


def _keys_type(values: list[Value]) -> Type:
    kind = values[0].type
    if isinstance(kind, Map):
        return List(STRING)
    if isinstance(kind, Object):
        return Tuple((STRING,) * len(kind.attributes))
    raise FunctionError("must have map or object type", 0)


def _keys(values: list[Value], _context: Context) -> Value:
    source = values[0]
    kind = _keys_type(values)
    if isinstance(source.type, Object):
        names = sorted(source.type.attributes)
    elif source.is_known:
        names = sorted(source.raw)
    else:
        return unknown_from((source,), kind, _KNOWN, source.marks)
    return Value(kind, tuple(string(name) for name in names), source.marks)


def _values_type(values: list[Value]) -> Type:
    kind = values[0].type
    if isinstance(kind, Map):
        return List(kind.element)
    if isinstance(kind, Object):
        return Tuple(tuple(kind.attributes[name] for name in sorted(kind.attributes)))
    raise FunctionError("values() requires a map as the first argument")


def _values(values: list[Value], _context: Context) -> Value:
    source = values[0]
    kind = _values_type(values)
    if not source.is_known:
        return unknown_from((source,), kind, _KNOWN, source.marks)
    return Value(kind, tuple(source.raw[name] for name in sorted(source.raw)), source.marks)


def _merge(values: list[Value], _context: Context) -> Value:
    marks = _marks(values)
    given = [value for value in values if value.raw is not None]
    for value in values:
        if value.type == DYNAMIC and not value.is_known:
            return unknown_from((value,), marks=marks)
        if value.raw is not None and not isinstance(value.type, Map | Object):
            raise FunctionError(f"arguments must be maps or objects, got {type_name(value.type)}")
    kinds = dict.fromkeys(value.type for value in given)
    same = len(kinds) == 1 and isinstance(next(iter(kinds)), Map)
    if not all(value.is_known for value in given):
        kind = next(iter(kinds)) if same else DYNAMIC
        return unknown_from(given, kind, _KNOWN, marks)
    merged: dict[str, Value] = {}
    for value in given:
        merged.update(value.raw)
    if same:
        kind = next(iter(kinds))
        return Value(kind, {key: merged[key] for key in sorted(merged)}, marks)
    return object_of(merged).with_marks(marks)


def _transpose(values: list[Value], _context: Context) -> Value:
    found: dict[str, list[Value]] = {}
    for key in sorted(values[0].raw):
        part = values[0].raw[key]
        for item in part.raw or ():
            if item.raw is None:
                raise FunctionError("input list contains null string")
            found.setdefault(item.raw, []).append(string(key))
    return map_of(List(STRING), {key: list_of(STRING, items) for key, items in found.items()})


def _zipmap(values: list[Value], _context: Context) -> Value:
    keys, source = values
    if not isinstance(source.type, List | Tuple):
        raise FunctionError("values must be a list or tuple value")
    marks = keys.marks | source.marks
    if not keys.is_wholly_known or not source.is_known:
        kind = Map(source.type.element) if isinstance(source.type, List) else DYNAMIC
        return unknown_from((keys, source), kind, _KNOWN, marks)
    if len(keys.raw) != len(source.raw):
        raise FunctionError(
            f"number of keys ({len(keys.raw)}) does not match number of values ({len(source.raw)})"
        )
    found: dict[str, Value] = {}
    for place, (key, item) in enumerate(zip(keys.raw, source.raw, strict=True)):
        if key.raw is None:
            raise FunctionError(f"keys list has null value at index {place}")
        marks |= key.marks
        found[key.raw] = item
    if isinstance(source.type, List):
        return map_of(source.type.element, found).with_marks(marks)
    return object_of(found).with_marks(marks)


FUNCTIONS: dict[str, Function] = {
    "keys": Function(
        parameters=(Parameter("inputMap", allow_unknown=True, allow_marked=True),),
        returns=_keys_type,
        call=_keys,
    ),
    "values": Function(
        parameters=(Parameter("mapping", allow_unknown=True, allow_marked=True),),
        returns=_values_type,
        call=_values,
    ),
    "merge": Function(
        variadic=Parameter(
            "maps", allow_null=True, allow_unknown=True, allow_dynamic=True, allow_marked=True
        ),
        call=_merge,
    ),
    "transpose": Function(
        parameters=(Parameter("values", Map(List(STRING)), whole=True),),
        returns=Map(List(STRING)),
        call=_transpose,
    ),
    "zipmap": Function(
        parameters=(
            Parameter("keys", List(STRING), allow_unknown=True, allow_marked=True),
            Parameter("values", allow_unknown=True, allow_marked=True),
        ),
        call=_zipmap,
    ),
}
