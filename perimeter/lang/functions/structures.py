"""Functions that make new collections out of given ones."""

from __future__ import annotations

from typing import Any

from perimeter.lang import numbers
from perimeter.lang.convert import convert
from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    integer,
    nothing,
)
from perimeter.lang.marks import unknown_from
from perimeter.lang.typenames import type_name
from perimeter.lang.types import DYNAMIC, NUMBER, List, Set, Tuple, Type
from perimeter.lang.unify import unify
from perimeter.lang.values import (
    NO_MARKS,
    Mark,
    Unknown,
    Value,
    list_of,
    number,
    tuple_of,
)

_KNOWN = Unknown(not_null=True)
_RANGE_LIMIT = 1024


def _chunklist(values: list[Value], _context: Context) -> Value:
    source, size_value = values
    size = integer(size_value, "invalid size: ")
    if size < 0:
        raise FunctionError("the size argument must be positive")
    items = source.raw
    step = size or max(len(items), 1)
    chunks = [items[at : at + step] for at in range(0, len(items), step)]
    return list_of(source.type, [Value(source.type, chunk) for chunk in chunks])


def _chunks(values: list[Value]) -> Type:
    return List(values[0].type)


def _concat_type(values: list[Value]) -> Type:
    kinds = [value.type for value in values]
    for position, kind in enumerate(kinds):
        if kind == DYNAMIC:
            return DYNAMIC
        if not isinstance(kind, List | Tuple):
            raise FunctionError(
                f"all arguments must be lists or tuples; got {type_name(kind)}", position
            )
    if all(isinstance(kind, List) for kind in kinds):
        found = unify(kinds)
        if found is not None:
            return found
    if any(isinstance(value.type, List) and not value.is_known for value in values):
        return DYNAMIC
    items: list[Type] = []
    for value, kind in zip(values, kinds, strict=True):
        items += kind.items if isinstance(kind, Tuple) else [part.type for part in value.raw]
    return Tuple(tuple(items))


def _concat(values: list[Value], _context: Context) -> Value:
    if not values:
        raise FunctionError("at least one argument is required")
    kind = _concat_type(values)
    marks = _marks(values)
    if not all(value.is_known for value in values):
        return unknown_from(values, kind, _KNOWN, marks)
    if isinstance(kind, List):
        items = [item for value in values for item in convert(value, kind).raw]
        return Value(kind, tuple(items), marks)
    return tuple_of([item for value in values for item in value.raw]).with_marks(marks)


def _marks(values: list[Value]) -> frozenset[Mark]:
    return NO_MARKS.union(*(value.marks for value in values))


def _flatten(values: list[Value], _context: Context) -> Value:
    source = values[0]
    if not isinstance(source.type, List | Set | Tuple):
        raise FunctionError("can only flatten lists, sets and tuples")
    found: list[Value] = []
    marks: set[Mark] = set()
    undecided: list[Value] = []
    _spill(source, found, marks, undecided)
    if undecided:
        return unknown_from(undecided, marks=frozenset(marks))
    return tuple_of(found).with_marks(marks)


def _spill(source: Value, found: list[Value], marks: set[Mark], undecided: list[Value]) -> None:
    marks |= source.marks
    if not source.is_known:
        undecided.append(source)
        return
    for item in source.raw:
        if isinstance(item.type, List | Set | Tuple) and item.raw is not None:
            _spill(item, found, marks, undecided)
        elif item.type == DYNAMIC and not item.is_known:
            undecided.append(item)
        else:
            found.append(item)


def _range(values: list[Value], _context: Context) -> Value:
    if not 1 <= len(values) <= 3:
        raise FunctionError("must have one, two, or three arguments")
    raws: list[Any] = [value.raw for value in values]
    start, end = (0, raws[0]) if len(raws) == 1 else (raws[0], raws[1])
    step = raws[2] if len(raws) == 3 else (-1 if end < start else 1)
    if step == 0:
        raise FunctionError("step must not be zero")
    if step > 0 and end < start:
        raise FunctionError("end must be greater than start when step is positive", 1)
    if step < 0 and end > start:
        raise FunctionError("end must be less than start when step is negative", 1)
    found: list[Value] = []
    current = start
    while current < end if step > 0 else current > end:
        if len(found) == _RANGE_LIMIT:
            raise FunctionError(
                f"more than {_RANGE_LIMIT} values were generated; either decrease the difference "
                "between start and end or use a smaller step"
            )
        found.append(number(current))
        current = numbers.add(current, step)
    return list_of(NUMBER, found)


def _reverse_type(values: list[Value]) -> Type:
    kind = values[0].type
    if isinstance(kind, List | Set):
        return List(kind.element)
    if isinstance(kind, Tuple):
        return Tuple(kind.items[::-1])
    raise FunctionError(f"can only reverse list or tuple values, not {type_name(kind)}", 0)


def _reverse(values: list[Value], _context: Context) -> Value:
    source = values[0]
    kind = _reverse_type(values)
    if not source.is_known:
        return unknown_from((source,), kind, _KNOWN, source.marks)
    return Value(kind, source.raw[::-1], source.marks)


def _slice(values: list[Value], _context: Context) -> Value:
    source, first, last = values
    if isinstance(source.type, Set):
        raise FunctionError(
            "cannot slice a set, because its elements do not have indices; explicitly convert to a "
            "list if the ordering of the result is not important",
            0,
        )
    if not isinstance(source.type, List | Tuple):
        raise FunctionError("must be a list or tuple value", 0)
    if not source.is_known:
        kind = source.type if isinstance(source.type, List) else DYNAMIC
        return unknown_from((source,), kind, _KNOWN, source.marks)
    start, end = integer(first, argument=1), integer(last, argument=2)
    if start < 0:
        raise FunctionError("start index must not be less than zero", 1)
    if end > len(source.raw):
        raise FunctionError("end index must not be greater than the length of the list", 2)
    if start > end:
        raise FunctionError("start index must not be greater than end index", 1)
    items = source.raw[start:end]
    found = Value(source.type, items) if isinstance(source.type, List) else tuple_of(items)
    return found.with_marks(source.marks)


_SEQUENCE = Parameter("list", allow_unknown=True, allow_marked=True)

FUNCTIONS: dict[str, Function] = {
    "chunklist": Function(
        parameters=(Parameter("list", List(DYNAMIC)), Parameter("size", NUMBER)),
        returns=_chunks,
        call=_chunklist,
    ),
    "concat": Function(
        variadic=Parameter("seqs", allow_unknown=True, allow_marked=True),
        returns=_concat_type,
        call=_concat,
    ),
    "flatten": Function(
        parameters=(Parameter("list", allow_marked=True),), call=_flatten, refine=nothing
    ),
    "range": Function(variadic=Parameter("params", NUMBER), returns=List(NUMBER), call=_range),
    "reverse": Function(parameters=(_SEQUENCE,), returns=_reverse_type, call=_reverse),
    "slice": Function(
        parameters=(_SEQUENCE, Parameter("start_index", NUMBER), Parameter("end_index", NUMBER)),
        call=_slice,
    ),
}
