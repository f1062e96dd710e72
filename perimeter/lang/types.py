"""The types of the language: string, number, bool, any, list, set, map, tuple, object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Type:
    """Any type; compared by value."""

    def __str__(self) -> str:
        return self.friendly

    @property
    def friendly(self) -> str:
        """How messages and ``type()`` name it."""
        raise NotImplementedError(type(self))

    @cached_property
    def has_dynamic(self) -> bool:
        """Whether ``any`` occurs in it."""
        return False


@dataclass(frozen=True)
class Primitive(Type):
    """string, number, bool, or dynamic (``any``, the type of untyped null and unknown)."""

    name: str

    @property
    def friendly(self) -> str:
        """How messages name it."""
        return self.name

    @cached_property
    def has_dynamic(self) -> bool:
        """Whether ``any`` occurs in it."""
        return self.name == "dynamic"


STRING = Primitive("string")
NUMBER = Primitive("number")
BOOL = Primitive("bool")
DYNAMIC = Primitive("dynamic")


@dataclass(frozen=True)
class Collection(Type):
    """A collection of one element type."""

    element: Type

    @cached_property
    def has_dynamic(self) -> bool:
        """Whether ``any`` occurs in it."""
        return self.element.has_dynamic


@dataclass(frozen=True)
class List(Collection):
    """list(T)."""

    @property
    def friendly(self) -> str:
        """How messages name it."""
        return f"list({_argument(self.element)})"


@dataclass(frozen=True)
class Set(Collection):
    """set(T)."""

    @property
    def friendly(self) -> str:
        """How messages name it."""
        return f"set({_argument(self.element)})"


@dataclass(frozen=True)
class Map(Collection):
    """map(T)."""

    @property
    def friendly(self) -> str:
        """How messages name it."""
        return f"map({_argument(self.element)})"


@dataclass(frozen=True)
class Tuple(Type):
    """tuple([T, …])."""

    items: tuple[Type, ...] = ()

    @property
    def friendly(self) -> str:
        """How messages name it."""
        return "tuple([" + ", ".join(_argument(item) for item in self.items) + "])"

    @cached_property
    def has_dynamic(self) -> bool:
        """Whether ``any`` occurs in it."""
        return any(item.has_dynamic for item in self.items)


@dataclass(frozen=True, eq=False)
class Object(Type):
    """object({name = T, …}); in a type constraint some attributes may be ``optional``, with a default.

    Attributes:
        attributes: type by attribute name.
        optional: names that may be missing; only in constraints, never in a value's own type.
        defaults: ``perimeter.lang.values.Value`` by optional name that has a default.
    """

    attributes: Mapping[str, Type] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    defaults: Mapping[str, object] = field(default_factory=dict)

    @property
    def friendly(self) -> str:
        """How messages name it."""
        inner = ", ".join(
            f"{name}={_argument(kind)}" for name, kind in sorted(self.attributes.items())
        )
        return "object({" + inner + "})"

    @cached_property
    def _hash(self) -> int:
        return hash((frozenset(self.attributes.items()), self.optional))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Object)
            and self.optional == other.optional
            and self.attributes == other.attributes
        )

    @cached_property
    def has_dynamic(self) -> bool:
        """Whether ``any`` occurs in it."""
        return any(kind.has_dynamic for kind in self.attributes.values())


def _argument(kind: Type) -> str:
    return "any" if kind is DYNAMIC or kind == DYNAMIC else kind.friendly
