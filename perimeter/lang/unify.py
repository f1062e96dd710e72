"""The type that several types can all become, and the type a conversion ends in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from perimeter.lang.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    Collection,
    List,
    Map,
    Object,
    Set,
    Tuple,
    Type,
)

_PRIMITIVES = {STRING: {NUMBER, BOOL}, NUMBER: {STRING}, BOOL: {STRING}, DYNAMIC: frozenset()}
_PREFERENCE: dict[type[Type], int] = {List: 1, Map: 1, Set: 2, Object: 2, Tuple: 3}


def unify(types: Iterable[Type]) -> Type | None:
    """Return the type all the given ones convert to, preferring one of them; None when there is none.

    Objects with different attributes become a map, tuples of different lengths a list, if their parts
    unify. The rules are cty's for unsafe unification.
    """
    distinct = tuple(dict.fromkeys(types))
    if len(distinct) < 2:
        return distinct[0] if distinct else None
    return _unify(distinct)


@lru_cache(maxsize=4096)
def _unify(types: tuple[Type, ...]) -> Type | None:
    kinds = {type(kind) for kind in types if kind != DYNAMIC}
    dynamic = DYNAMIC in types
    if len(kinds) == 1:
        kind = next(iter(kinds))
        if kind in _SAME_KIND:
            return DYNAMIC if dynamic else _SAME_KIND[kind](types)
    if kinds == {Map, Object}:
        found = _collect(Map, types)
        if found is not None:
            return found
    if kinds == {List, Tuple}:
        found = _collect(List, types)
        if found is not None:
            return found
    if {Object, Tuple} <= kinds:
        return None
    for wanted in sorted(types, key=_rank):
        if all(converted_type(kind, wanted) is not None for kind in types):
            return wanted
    return None


def _rank(kind: Type) -> int:
    if kind == STRING:
        return 0
    return 9 if kind == DYNAMIC else _PREFERENCE.get(type(kind), 1)


def _parts(kind: Type) -> Iterable[Type]:
    if isinstance(kind, Collection):
        return (kind.element,)
    if isinstance(kind, Tuple):
        return kind.items
    return kind.attributes.values() if isinstance(kind, Object) else ()


def _collect(make: type[Map] | type[List] | type[Set], types: Sequence[Type]) -> Type | None:
    """The collection whose element type all parts of the types share."""
    element = unify(part for kind in types for part in _parts(kind))
    return None if element is None else make(element)


def _objects(types: Sequence[Type]) -> Type | None:
    objects = [kind for kind in types if isinstance(kind, Object)]
    names = objects[0].attributes.keys()
    if any(kind.attributes.keys() != names for kind in objects):
        return _collect(Map, types)
    attributes: dict[str, Type] = {}
    for name in names:
        found = unify(kind.attributes[name] for kind in objects)
        if found is None:
            return None
        attributes[name] = found
    return Object(attributes)


def _tuples(types: Sequence[Type]) -> Type | None:
    tuples = [kind for kind in types if isinstance(kind, Tuple)]
    if len({len(kind.items) for kind in tuples}) > 1:
        return _collect(List, types)
    items: list[Type] = []
    for across in zip(*(kind.items for kind in tuples), strict=True):
        found = unify(across)
        if found is None:
            return None
        items.append(found)
    return Tuple(tuple(items))


_SAME_KIND = {
    List: lambda types: _collect(List, types),
    Set: lambda types: _collect(Set, types),
    Map: lambda types: _collect(Map, types),
    Object: _objects,
    Tuple: _tuples,
}


@lru_cache(maxsize=4096)
def without_optional(kind: Type) -> Type:
    """Return a constraint's type without optional attributes and defaults: what its values have."""
    if isinstance(kind, Collection):
        inner = without_optional(kind.element)
        return kind if inner is kind.element else type(kind)(inner)
    if isinstance(kind, Tuple):
        return Tuple(tuple(map(without_optional, kind.items)))
    if isinstance(kind, Object):
        return Object({name: without_optional(part) for name, part in kind.attributes.items()})
    return kind


@lru_cache(maxsize=4096)
def converted_type(got: Type, want: Type) -> Type | None:
    """Return the type that a value of type ``got`` has after conversion; None when there is no way.

    Values may still fail, as ``"x"`` does on its way to number.
    """
    if want == DYNAMIC or got == want:
        return got
    if got == DYNAMIC:
        return without_optional(want)
    if isinstance(want, List | Set):
        return _to_sequence(got, want)
    if isinstance(want, Map):
        return _to_map(got, want)
    if isinstance(want, Object):
        return _to_object(got, want)
    if isinstance(want, Tuple):
        if not isinstance(got, Tuple) or len(got.items) != len(want.items):
            return None
        items = [converted_type(a, b) for a, b in zip(got.items, want.items, strict=True)]
        return Tuple(tuple(item for item in items if item)) if all(items) else None
    return want if got in _PRIMITIVES.get(want, ()) else None  # type: ignore[call-overload]  # a Primitive


def _to_sequence(got: Type, want: List | Set) -> Type | None:
    if isinstance(got, List | Set):
        element = converted_type(got.element, want.element)
    elif isinstance(got, Tuple):
        element = _element(got.items, want.element)
    else:
        return None
    return None if element is None else type(want)(element)


def _to_map(got: Type, want: Map) -> Type | None:
    if isinstance(got, Map):
        element = converted_type(got.element, want.element)
    elif isinstance(got, Object):
        element = _element(tuple(got.attributes.values()), want.element)
    else:
        return None
    return None if element is None else Map(element)


def _element(parts: Sequence[Type], wanted: Type) -> Type | None:
    if not parts:
        return without_optional(wanted)
    converted = [converted_type(part, wanted) for part in dict.fromkeys(parts)]
    if any(part is None for part in converted):
        return None
    found = unify(part for part in converted if part is not None)
    # A mixture with an untyped null is left undecided by unification; a collection cannot be.
    return None if found == DYNAMIC and set(parts) != {DYNAMIC} else found


def _to_object(got: Type, want: Object) -> Type | None:
    attributes: dict[str, Type] = {}
    for name, wanted in want.attributes.items():
        if isinstance(got, Map):
            source: Type | None = got.element
        elif isinstance(got, Object):
            source = got.attributes.get(name)
        else:
            return None
        if source is None:
            if name not in want.optional:
                return None
            attributes[name] = without_optional(wanted)
            continue
        found = converted_type(source, wanted)
        if found is None:
            return None
        attributes[name] = found
    return Object(attributes) if isinstance(got, Map | Object) else None
