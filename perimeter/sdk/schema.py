"""Schemas: what a resource type, data source or provider configuration consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from perimeter.lang.types import STRING, List, Map, Object, Set, Type

Plain = Any
"""JSON-like data in which an ``Unknown`` may stand at any leaf; see ``perimeter.lang.values``."""


class Mode(Enum):
    """Who decides an attribute."""

    MANAGED = "managed"
    """perimeter writes it where configuration names it."""
    OBSERVED = "observe-only"
    """The tenant shows it; no API writes it. Configuration that differs becomes a manual step where one is declared."""
    WRITE_ONLY = "write-only"
    """Sent, never shown again; it is a secret and never persisted."""
    LOCAL = "local"
    """Known to perimeter's state only, such as the version of a write-only argument."""


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One attribute.

    Attributes:
        type: its type; ``Set`` where order means nothing, ``List`` where it does.
        doc: one sentence for the reference.
        required: configuration must give it.
        optional: configuration may give it. Omitted and null are one: unmanaged, kept, shown, never reset.
        computed: the tenant gives it a value when configuration does not.
        default: what a create sends when configuration omits it; an existing object is never reset to it.
        mode: who decides it.
        sensitive: shown to nobody, persisted in state as in Terraform.
        secret: never persisted, logged or shown anywhere; implied by ``Mode.WRITE_ONLY``.
        replace: a change needs a new object.
        canonical: pure; the one form used by diff, key match, fingerprint and digest; ``canonical(canonical(x)) ==
            canonical(x)``. Never called with null, unknown or unseen.
        values: the allowed values of a string, or of a collection's elements; empty for any.
            Enforced on configuration, never on answers.
    """

    type: Type
    doc: str
    required: bool = False
    optional: bool = False
    computed: bool = False
    default: Plain = None
    mode: Mode = Mode.MANAGED
    sensitive: bool = False
    secret: bool = False
    replace: bool = False
    canonical: Callable[[Plain], Plain] | None = None
    values: tuple[str, ...] = ()

    @property
    def configurable(self) -> bool:
        """Whether configuration may name it."""
        return self.required or self.optional

    @property
    def is_secret(self) -> bool:
        """Whether its value may be persisted nowhere."""
        return self.secret or self.mode is Mode.WRITE_ONLY


class Nesting(Enum):
    """How often a nested block may stand, and what its plain form is."""

    SINGLE = "single"
    """At most once; a dict or None."""
    LIST = "list"
    """In an order that means something; a list of dicts."""
    SET = "set"
    """In no particular order; a list of dicts compared by ``key``."""


@dataclass(frozen=True, kw_only=True)
class NestedBlock:
    """A nested block.

    Attributes:
        nesting: how often, and in what form.
        attributes: its attributes.
        blocks: blocks inside it.
        label: the attribute that the block's label fills (``rule "mfa" {}``), if it has one.
        key: attributes that identify an element of a list or set, for the diff.
        required: at least one must stand.
        computed: the tenant has such blocks even where configuration names none; omitted is then unmanaged.
        expires: the optional text attribute (a date, or a duration counted from the first apply) from which on the block
            counts as not written; empty where blocks do not end. The engine keeps it: no provider is ever given it. For
            blocks at the top level of a resource type's schema, and not for ``Nesting.SINGLE``.
    """

    nesting: Nesting
    doc: str
    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, NestedBlock] = field(default_factory=dict)
    label: str | None = None
    key: tuple[str, ...] = ()
    required: bool = False
    computed: bool = True
    expires: str = ""

    def __post_init__(self) -> None:
        """Refuse an end that the engine could not keep.

        Raises:
            ValueError: ``expires`` names no attribute that can be one.
        """
        known = self.attributes.get(self.expires)
        fits = known is not None and known.type == STRING and known.optional
        if self.expires and not (fits and self.nesting is not Nesting.SINGLE):
            raise ValueError(f"{self.expires} is no optional text of a block that may stand often.")

    @cached_property
    def object_type(self) -> Object:
        """The type of one such block."""
        return _object(self.attributes, self.blocks)

    @cached_property
    def type(self) -> Type:
        """The type of all such blocks together."""
        if self.nesting is Nesting.SINGLE:
            return self.object_type
        return List(self.object_type) if self.nesting is Nesting.LIST else Set(self.object_type)


@dataclass(frozen=True, kw_only=True)
class Schema:
    """A whole schema.

    Attributes:
        version: raised by one with each incompatible change; ``ResourceType.upgrade`` takes a step each.
        attributes: by name.
        blocks: nested blocks by type.
        doc: what it is, in Markdown.
    """

    version: int = 1
    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, NestedBlock] = field(default_factory=dict)
    doc: str = ""

    @cached_property
    def type(self) -> Object:
        """The type of a whole object."""
        return _object(self.attributes, self.blocks)

    @cached_property
    def secret_names(self) -> frozenset[str]:
        """Top-level attributes whose values may be persisted nowhere."""
        return frozenset(name for name, attribute in self.attributes.items() if attribute.is_secret)

    def walk(self) -> Iterator[tuple[tuple[str, ...], Attribute]]:
        """Every attribute with its path, those of nested blocks included."""
        yield from _walk((), self.attributes, self.blocks)


def _walk(
    path: tuple[str, ...], attributes: Mapping[str, Attribute], blocks: Mapping[str, NestedBlock]
) -> Iterator[tuple[tuple[str, ...], Attribute]]:
    for name, attribute in attributes.items():
        yield (*path, name), attribute
    for name, block in blocks.items():
        yield from _walk((*path, name), block.attributes, block.blocks)


def _object(attributes: Mapping[str, Attribute], blocks: Mapping[str, NestedBlock]) -> Object:
    types: dict[str, Type] = {name: attribute.type for name, attribute in attributes.items()}
    types.update({name: block.type for name, block in blocks.items()})
    return Object(types)


__all__ = [
    "Attribute",
    "List",
    "Map",
    "Mode",
    "NestedBlock",
    "Nesting",
    "Object",
    "Plain",
    "Schema",
    "Set",
]
