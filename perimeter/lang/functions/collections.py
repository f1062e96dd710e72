"""Functions that look into collections or choose from them."""

from __future__ import annotations

from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    nothing,
)
from perimeter.lang.marks import unknown_from
from perimeter.lang.types import (
    BOOL,
    DYNAMIC,
    STRING,
    List,
    Set,
    Tuple,
    Type,
)
from perimeter.lang.unify import unify
from perimeter.lang.values import Unknown, Value, boolean

_KNOWN = Unknown(not_null=True)


def _verdict(decisive: bool) -> Function:
    """``alltrue`` (false decides) and ``anytrue`` (true decides); null counts as false."""

    def call(values: list[Value], _context: Context) -> Value:
        undecided = [item for item in values[0].raw if not item.is_known]
        for item in values[0].raw:
            if item.is_known and bool(item.raw) is decisive:
                return boolean(decisive)
        return unknown_from(undecided, BOOL, _KNOWN) if undecided else boolean(not decisive)

    return Function(parameters=(Parameter("list", List(BOOL)),), returns=BOOL, call=call)


def _common_type(values: list[Value]) -> Type:
    found = unify(value.type for value in values)
    if found is None:
        raise FunctionError("all arguments must have the same type")
    return found


def _coalesce(values: list[Value], _context: Context) -> Value:
    if not values:
        raise FunctionError("at least one argument is required")
    kind = _common_type(values)
    for position, value in enumerate(values):
        try:
            value = convert(value, kind)
        except ConversionError as error:
            raise FunctionError(str(error), position) from None
        if not value.is_known:
            return unknown_from((value,), kind, _KNOWN)
        if value.raw is None or value.raw == "":
            continue
        return value
    raise FunctionError("no non-null, non-empty-string arguments")


def _coalescelist(values: list[Value], _context: Context) -> Value:
    if not values:
        raise FunctionError("at least one argument is required")
    for value in values:
        if not isinstance(value.type, List | Set | Tuple):
            if not value.is_known:
                return unknown_from((value,))
            raise FunctionError("coalescelist arguments must be lists or tuples")
        if not value.is_known:
            return unknown_from((value,))
        if value.raw:
            return value
    raise FunctionError("no non-null arguments")


def _sort(values: list[Value], _context: Context) -> Value:
    source = values[0]
    if not source.is_wholly_known:
        item = unknown_from((source,), STRING)
        return Value(source.type, (item,) * len(source.raw))
    for place, item in enumerate(source.raw):
        if item.raw is None:
            message = f"given list element {place} is null; a null string cannot be sorted"
            raise FunctionError(message)
    return Value(source.type, tuple(sorted(source.raw, key=lambda item: item.raw)))


def _distinct(values: list[Value], _context: Context) -> Value:
    source = values[0]
    return Value(source.type, tuple(dict.fromkeys(source.raw)))


def _same(values: list[Value]) -> Type:
    return values[0].type


_ANYTHING = Parameter("vals", allow_null=True, allow_unknown=True, allow_dynamic=True)
_WHOLE_LIST = Parameter("list", List(DYNAMIC), whole=True)

FUNCTIONS: dict[str, Function] = {
    "alltrue": _verdict(False),
    "anytrue": _verdict(True),
    "coalesce": Function(variadic=_ANYTHING, call=_coalesce),
    "coalescelist": Function(variadic=_ANYTHING, call=_coalescelist, refine=nothing),
    "distinct": Function(parameters=(_WHOLE_LIST,), returns=_same, call=_distinct),
    "sort": Function(
        parameters=(Parameter("list", List(STRING)),),
        returns=List(STRING),
        call=_sort,
    ),
}
