"""How another tool's configuration and state for the same vendor translate: tables, no code.

A provider package holds one ``Migration`` per foreign provider and returns them from ``Provider.migrations``;
``perimeter migrate`` does the rest. A foreign *argument* is one that configuration gives, a foreign *attribute* one that
configuration refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

TERRAFORM = "terraform"
"""The tool whose files and state version 4 are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A foreign argument that becomes one of ours.

    Attributes:
        name: ours.
        template: our expression with ``{}`` where the foreign one goes: ``split(",", {})``; empty to take it as it is.
        values: ours for literal foreign values: ``{"1": True}``.
        refused: literal foreign values that have no counterpart, and why.
    """

    name: str
    template: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A foreign argument or block that is left out, and why: a clause that completes "NAME: …"."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A foreign argument that is a secret: ours, if any, is kept as a reference but never as a literal.

    Attributes:
        name: ours; empty where perimeter takes none.
    """

    name: str = ""


Rule: TypeAlias = str | Renamed | Dropped | Secret
"""What becomes of an argument; a text is our name for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flattened:
    """A foreign block whose arguments become arguments of what it stands in."""

    arguments: Mapping[str, Rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """A foreign block that is one of ours."""

    name: str
    arguments: Mapping[str, Rule]


BlockRule: TypeAlias = Flattened | Nested | Dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Into:
    """A foreign resource that becomes a block of another one.

    Attributes:
        foreign: the other one's foreign type.
        by: the foreign argument that refers to it.
        block: our block's type.
        label: our block's label: the foreign argument that fills it, a literal.
        order: the foreign argument by whose number the blocks are ordered.
    """

    foreign: str
    by: str
    block: str
    label: str
    order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A foreign resource that stands for one of our objects per element of a set of texts.

    Attributes:
        argument: the foreign argument that holds the set; the rule for it names ours.
    """

    argument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A foreign resource that stands for one of our objects per nested block.

    Attributes:
        block: the foreign block's type.
        arguments: the rules for what stands in it.
        name: the foreign argument in it that tells the objects apart.
    """

    block: str
    arguments: Mapping[str, Rule]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeMapping:
    """What becomes of a foreign resource type or data source.

    Attributes:
        foreign: its name there.
        type: its name here.
        arguments: by foreign name. What is not listed becomes a comment.
        blocks: nested blocks by foreign type.
        attributes: our names of further foreign attributes that others may refer to.
        withheld: foreign attributes that have no counterpart, and why.
        constants: arguments of ours that every such object has.
        import_id: our import id as a format over the foreign state's attributes; empty where nothing is imported.
        import_values: by foreign attribute, how its value appears in ``import_id``.
        into, spread, split: where one foreign resource is not one of our objects.
    """

    foreign: str
    type: str
    arguments: Mapping[str, Rule]
    blocks: Mapping[str, BlockRule] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    import_id: str = "{id}"
    import_values: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    into: Into | None = None
    spread: Spread | None = None
    split: Split | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Foreign provider arguments that make one of ours together.

    Attributes:
        name: ours.
        template: a text with the foreign names in braces: ``https://{org_name}.{base_url}``.
        defaults: for foreign arguments that may be missing.
    """

    name: str
    template: str
    defaults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """Everything that is known of one foreign provider.

    Attributes:
        sources: its addresses there, the usual one first: ``integrations/github``.
        arguments: of its configuration, by foreign name.
        blocks: of its configuration.
        joined: arguments that several foreign ones make.
        resources: by foreign name.
        tool: whose it is.
        data_sources: by foreign name.
        without: foreign resource types that have no counterpart for a reason of their own, and the reason.
    """

    sources: tuple[str, ...]
    arguments: Mapping[str, Rule]
    resources: Mapping[str, TypeMapping]
    tool: str = TERRAFORM
    blocks: Mapping[str, BlockRule] = field(default_factory=dict)
    joined: tuple[Joined, ...] = ()
    data_sources: Mapping[str, TypeMapping] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)


def mappings(*items: TypeMapping) -> Mapping[str, TypeMapping]:
    """Mappings by their foreign names."""
    return {item.foreign: item for item in items}


def same(*names: str) -> Mapping[str, Rule]:
    """Rules for arguments that have the same name here."""
    return {name: name for name in names}


def dropped(reason: str, *names: str) -> Mapping[str, Rule]:
    """Rules for arguments that are left out for one reason."""
    return dict.fromkeys(names, Dropped(reason=reason))
