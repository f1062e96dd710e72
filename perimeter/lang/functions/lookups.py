"""Functions that find something in a collection."""

from __future__ import annotations

from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.equality import equals
from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    integer,
    nothing,
)
from perimeter.lang.marks import unknown_from
from perimeter.lang.sets import is_complete
from perimeter.lang.text import grapheme_count, quote
from perimeter.lang.typenames import type_name
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
from perimeter.lang.unify import unify
from perimeter.lang.values import FALSE, TRUE, Unknown, Value, null, number

_KNOWN = Unknown(not_null=True)


def _contains(values: list[Value], _context: Context) -> Value:
    source, wanted = values
    if not isinstance(source.type, List | Set | Tuple):
        raise FunctionError("argument must be list, tuple, or set")
    undecided = []
    for item in source.raw:
        answer = equals(item, wanted)
        if not answer.is_known:
            undecided.append(answer)
        elif answer.raw:
            return TRUE
    return unknown_from(undecided, BOOL, _KNOWN) if undecided else FALSE


def _index(values: list[Value], _context: Context) -> Value:
    source, wanted = values
    if not isinstance(source.type, List | Tuple):
        raise FunctionError("argument must be a list or tuple")
    if not source.raw:
        raise FunctionError("cannot search an empty list")
    for place, item in enumerate(source.raw):
        answer = equals(item, wanted)
        if not answer.is_known:
            return unknown_from((answer,), NUMBER, _KNOWN)
        if answer.raw:
            return number(place)
    raise FunctionError("item not found")


def _element_type(values: list[Value]) -> Type:
    source, place = values
    kind = source.type
    if isinstance(kind, List):
        return kind.element
    if not isinstance(kind, Tuple):
        raise FunctionError(f"cannot read elements from {type_name(kind)}")
    if kind.items and isinstance(place.raw, int):
        return kind.items[place.raw % len(kind.items)]
    return DYNAMIC


def _element(values: list[Value], _context: Context) -> Value:
    source, place = values
    kind = _element_type(values)
    wanted = integer(place, "invalid index: ")
    if not source.is_known:
        return unknown_from((source,), kind, marks=source.marks)
    if not source.raw:
        raise FunctionError("cannot use element function with an empty list")
    if wanted < 0:
        raise FunctionError("cannot use element function with a negative index")
    found: Value = source.raw[wanted % len(source.raw)]
    return found.with_marks(source.marks)


def _length(values: list[Value], _context: Context) -> Value:
    value = values[0]
    raw, kind = value.raw, value.type
    if kind == STRING:
        if isinstance(raw, Unknown):
            least = grapheme_count(raw.prefix)
            size: Value = unknown_from((value,), NUMBER, Unknown(not_null=True, minimum=least))
        else:
            size = number(grapheme_count(raw))
    elif isinstance(kind, Tuple):
        size = number(len(kind.items))
    elif isinstance(kind, Object):
        size = number(len(kind.attributes))
    elif kind == DYNAMIC:
        size = unknown_from((value,), NUMBER, Unknown(not_null=True, minimum=0))
    elif not isinstance(kind, List | Set | Map):
        raise FunctionError("argument must be a string, a collection type, or a structural type")
    elif isinstance(raw, Unknown):
        low, high = raw.length_min, raw.length_max
        size = number(low) if low == high else _undecided_length(value, low, high)
    elif isinstance(kind, Set) and not is_complete(value):
        size = _undecided_length(value, 1, len(raw))
    else:
        size = number(len(raw))
    return size.with_marks(value.marks)


def _undecided_length(value: Value, low: int, high: int | None) -> Value:
    return unknown_from((value,), NUMBER, Unknown(not_null=True, minimum=low, maximum=high))


def _lookup_type(values: list[Value]) -> Type:
    source, key, *defaults = values
    kind = source.type
    if isinstance(kind, Object):
        if isinstance(key.raw, str):
            if key.raw in kind.attributes:
                return kind.attributes[key.raw]
            if defaults:
                return defaults[0].type
            raise FunctionError(f"the given object has no attribute {quote(key.raw)}", 0)
        return DYNAMIC
    if isinstance(kind, Map):
        return kind.element
    raise FunctionError("lookup() requires a map as the first argument", 0)


def _lookup(values: list[Value], _context: Context) -> Value:
    source, key, *defaults = values
    if len(defaults) > 1:
        raise FunctionError("lookup() takes two or three arguments")
    kind = _lookup_type(values)
    marks = source.marks | key.marks
    if not source.is_known or not key.is_known:
        return unknown_from((source, key), kind, marks=marks)
    found = source.raw.get(key.raw)
    if found is not None:
        return Value(found.type, found.raw, found.marks | marks)
    if not defaults:
        shown = "the given key" if marks else quote(key.raw)
        raise FunctionError(f"lookup failed to find key {shown}")
    default = defaults[0]
    if isinstance(source.type, Map):
        try:
            default = convert(default, kind)
        except ConversionError:
            raise FunctionError(
                "the default value must have the same type as the map elements", 2
            ) from None
    return default.with_marks(marks)


def _matchkeys(values: list[Value], _context: Context) -> Value:
    source, keys, wanted = values
    kind = unify([keys.type, wanted.type])
    if kind is None:
        raise FunctionError("keys and searchset must be of the same type", 1)
    if len(source.raw) != len(keys.raw):
        raise FunctionError("length of keys and values should be equal")
    sought = convert(wanted, kind).raw
    found = []
    for item, key in zip(source.raw, convert(keys, kind).raw, strict=True):
        if any(equals(key, other).raw is True for other in sought):
            found.append(item)
    return Value(source.type, tuple(found))


def _one_type(values: list[Value]) -> Type:
    kind = values[0].type
    if isinstance(kind, List | Set):
        return kind.element
    if isinstance(kind, Tuple) and len(kind.items) < 2:
        return kind.items[0] if kind.items else DYNAMIC
    raise FunctionError("must be a list, set, or tuple value with either zero or one elements", 0)


def _one(values: list[Value], _context: Context) -> Value:
    source = values[0]
    kind = _one_type(values)
    if not source.is_known:
        return unknown_from((source,), kind, marks=source.marks)
    if not source.raw:
        return null(kind).with_marks(source.marks)
    if len(source.raw) > 1:
        if isinstance(source.type, Set) and not is_complete(source):
            return unknown_from((source,), kind, marks=source.marks)
        raise FunctionError(
            "must be a list, set, or tuple value with either zero or one elements", 0
        )
    found: Value = source.raw[0]
    return found.with_marks(source.marks)


_LIST = Parameter("list")


_MARKED = Parameter("list", allow_marked=True, allow_unknown=True)


FUNCTIONS: dict[str, Function] = {
    "contains": Function(parameters=(_LIST, Parameter("value")), returns=BOOL, call=_contains),
    "index": Function(parameters=(_LIST, Parameter("value")), returns=NUMBER, call=_index),
    "element": Function(
        parameters=(_MARKED, Parameter("index", NUMBER)),
        returns=_element_type,
        call=_element,
        refine=nothing,
    ),
    "length": Function(
        parameters=(Parameter("value", allow_unknown=True, allow_dynamic=True, allow_marked=True),),
        returns=NUMBER,
        call=_length,
    ),
    "lookup": Function(
        parameters=(
            Parameter("inputMap", allow_marked=True, allow_unknown=True),
            Parameter("key", STRING, allow_marked=True, allow_unknown=True),
        ),
        variadic=Parameter(
            "default", allow_null=True, allow_unknown=True, allow_dynamic=True, allow_marked=True
        ),
        returns=_lookup_type,
        call=_lookup,
        refine=nothing,
    ),
    "matchkeys": Function(
        parameters=(
            Parameter("values", List(DYNAMIC)),
            Parameter("keys", List(DYNAMIC), whole=True),
            Parameter("searchset", List(DYNAMIC), whole=True),
        ),
        returns=lambda values: values[0].type,
        call=_matchkeys,
    ),
    "one": Function(parameters=(_MARKED,), returns=_one_type, call=_one, refine=nothing),
}
