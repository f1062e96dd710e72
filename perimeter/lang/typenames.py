"""What messages call types, and why one type does not fit another. The wording is Terraform's."""

from __future__ import annotations

from perimeter.lang.text import english_list, quote
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


def type_name(kind: Type) -> str:
    """Name a value's type as messages do: ``list of string``, ``object``, ``dynamic``."""
    if isinstance(kind, Collection):
        return f"{_kind(kind)} of {type_name(kind.element)}"
    if isinstance(kind, Object):
        return "object"
    if isinstance(kind, Tuple):
        return "tuple"
    return kind.friendly


def constraint_name(kind: Type) -> str:
    """Name a wanted type as messages do: ``list of any single type``, ``map of string``."""
    if isinstance(kind, Collection):
        if kind.element == DYNAMIC:
            return f"{_kind(kind)} of any single type"
        return f"{_kind(kind)} of {constraint_name(kind.element)}"
    if kind == DYNAMIC:
        return "any type"
    return type_name(kind)


def _kind(kind: Collection) -> str:
    return {List: "list", Set: "set", Map: "map"}[type(kind)]


def mismatch(got: Type, want: Type) -> str:
    """Say what is required where the types alone show that no conversion exists."""
    if isinstance(got, Object) and isinstance(want, Object):
        required = want.attributes.keys() - want.optional - got.attributes.keys()
        if required:
            names = english_list([quote(name) for name in sorted(required)])
            plural = len(required) > 1
            return f"attribute{'s' * plural} {names} {'are' if plural else 'is'} required"
    if isinstance(want, Collection) and want.element == DYNAMIC:
        if isinstance(got, Tuple) and not isinstance(want, Map):
            return f"all {_kind(want)} elements must have the same type"
        if isinstance(got, Object) and isinstance(want, Map):
            return "all map elements must have the same type"
    return f"{constraint_name(want)} required"


def conditional_mismatch(then: Type, otherwise: Type) -> str:
    """Say where the two results of a conditional differ too much to have a type in common."""
    if isinstance(then, Object) and isinstance(otherwise, Object):
        for name in sorted(then.attributes):
            if name not in otherwise.attributes:
                return _absent(name, "true", "false")
        for name in sorted(otherwise.attributes):
            if name not in then.attributes:
                return _absent(name, "false", "true")
        for name in sorted(then.attributes):
            inner = _nested(then.attributes[name], otherwise.attributes[name])
            if inner:
                return f"Type mismatch for object attribute {quote(name)}: {inner}"
    if isinstance(then, Tuple) and isinstance(otherwise, Tuple):
        counts = len(then.items), len(otherwise.items)
        if counts[0] != counts[1]:
            return (
                f"The 'true' tuple has length {counts[0]}, but the 'false' tuple has length "
                f"{counts[1]}."
            )
        for index, (left, right) in enumerate(zip(then.items, otherwise.items, strict=True)):
            inner = _nested(left, right)
            if inner:
                return f"Type mismatch for tuple element {index}: {inner}"
    return (
        f"The 'true' value is {type_name(then)}, but the 'false' value is {type_name(otherwise)}."
    )


def _absent(name: str, there: str, missing: str) -> str:
    return (
        f"The '{there}' value includes object attribute {quote(name)}, which is absent in the "
        f"'{missing}' value."
    )


def _nested(left: Type, right: Type) -> str:
    from perimeter.lang.unify import unify

    return "" if unify((left, right)) else conditional_mismatch(left, right)


def type_json(kind: Type) -> object:
    """A type as Terraform's JSON outputs encode it: ``"string"``, ``["list", "string"]``, ``["object", {…}]``."""
    if isinstance(kind, Collection):
        return [_kind(kind), type_json(kind.element)]
    if isinstance(kind, Object):
        return ["object", {name: type_json(part) for name, part in kind.attributes.items()}]
    if isinstance(kind, Tuple):
        return ["tuple", [type_json(part) for part in kind.items]]
    return kind.friendly


def type_from_json(data: object) -> Type:
    """The reverse of ``type_json``.

    Raises:
        ValueError: it encodes no type.
    """
    if isinstance(data, str) and data in _PRIMITIVES:
        return _PRIMITIVES[data]
    if isinstance(data, list) and len(data) == 2:
        kind, inner = data
        if kind in _COLLECTIONS:
            return _COLLECTIONS[kind](type_from_json(inner))
        if kind == "object" and isinstance(inner, dict):
            return Object({name: type_from_json(part) for name, part in inner.items()})
        if kind == "tuple" and isinstance(inner, list):
            return Tuple(tuple(type_from_json(part) for part in inner))
    raise ValueError(f"no type: {data!r}")


_PRIMITIVES = {kind.friendly: kind for kind in (STRING, NUMBER, BOOL, DYNAMIC)}
_COLLECTIONS: dict[str, type[Collection]] = {"list": List, "set": Set, "map": Map}
