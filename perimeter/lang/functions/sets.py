"""Set algebra."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.functions.function import Context, Function, FunctionError, Parameter
from perimeter.lang.marks import unknown_from
from perimeter.lang.sets import set_of
from perimeter.lang.typenames import type_name
from perimeter.lang.types import DYNAMIC, List, Set, Tuple, Type
from perimeter.lang.unify import unify
from perimeter.lang.values import Unknown, Value, list_of, tuple_of

_KNOWN = Unknown(not_null=True)
_PRODUCT_LIMIT = 1_000_000


def _set_type(values: list[Value]) -> Type:
    """The type of all sets; an empty one of no particular type fits any."""
    elements = []
    for value in values:
        kind = value.type
        assert isinstance(kind, Set)
        if kind.element != DYNAMIC or value.raw:
            elements.append(kind.element)
    found = unify(elements) if elements else DYNAMIC
    if found is None:
        raise FunctionError("given sets must all have compatible element types")
    return Set(found)


def _algebra(
    combine: Callable[[list[dict[Value, None]]], Iterable[Value]], *, whole: bool = True
) -> Function:
    """A function over sets; ``whole`` says whether an unknown element leaves the whole result open."""

    def call(values: list[Value], _context: Context) -> Value:
        kind = _set_type(values)
        assert isinstance(kind, Set)
        if whole and not all(value.is_wholly_known for value in values):
            return unknown_from(values, kind, _KNOWN)
        try:
            converted = [convert(value, kind) for value in values]
        except ConversionError as error:
            raise FunctionError(str(error)) from None
        return set_of(kind.element, combine([dict.fromkeys(value.raw) for value in converted]))

    return Function(
        parameters=(Parameter("first_set", Set(DYNAMIC)),),
        variadic=Parameter("other_sets", Set(DYNAMIC)),
        returns=_set_type,
        call=call,
    )


def _union(sets: list[dict[Value, None]]) -> Iterable[Value]:
    return {item: None for part in sets for item in part}


def _intersection(sets: list[dict[Value, None]]) -> Iterable[Value]:
    first, *others = sets
    return [item for item in first if all(item in part for part in others)]


def _difference(sets: list[dict[Value, None]]) -> Iterable[Value]:
    first, second = sets
    return [item for item in first if item not in second]


def _element_type(value: Value, position: int) -> Type:
    kind = value.type
    if isinstance(kind, List | Set):
        return kind.element
    if isinstance(kind, Tuple):
        found = unify(kind.items) if kind.items else DYNAMIC
        if found is not None:
            return found
        raise FunctionError("all elements must be of the same type", position)
    raise FunctionError(f"a set or a list is required, not {type_name(kind)}", position)


def _product_type(values: list[Value]) -> Type:
    if len(values) < 2:
        raise FunctionError("at least two arguments are required")
    element = Tuple(tuple(_element_type(value, place) for place, value in enumerate(values)))
    ordered = all(isinstance(value.type, List | Tuple) for value in values)
    return List(element) if ordered else Set(element)


def _setproduct(values: list[Value], _context: Context) -> Value:
    kind = _product_type(values)
    assert isinstance(kind, List | Set)
    assert isinstance(kind.element, Tuple)
    size = 1
    for value in values:
        size *= len(value.raw)
    if size > _PRODUCT_LIMIT:
        raise FunctionError(f"the product would have {size} elements")
    columns = [
        [convert(item, wanted) for item in value.raw]
        for value, wanted in zip(values, kind.element.items, strict=True)
    ]
    rows = [tuple_of(row) for row in product(*columns)]
    if isinstance(kind, Set):
        return set_of(kind.element, rows)
    return list_of(kind.element, rows)


_SUBTRACT = _algebra(_difference)

FUNCTIONS: dict[str, Function] = {
    "setunion": _algebra(_union, whole=False),
    "setintersection": _algebra(_intersection),
    "setsubtract": Function(
        parameters=(Parameter("a", Set(DYNAMIC)), Parameter("b", Set(DYNAMIC))),
        returns=_set_type,
        call=_SUBTRACT.call,
    ),
    "setproduct": Function(variadic=Parameter("sets"), returns=_product_type, call=_setproduct),
}
