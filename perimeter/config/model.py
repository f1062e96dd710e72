"""What a directory of configuration declares: modules holding unevaluated expressions.

Everything here is data. An ``Expr`` is left as the parser made it; the engine evaluates it, once per instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal as Choice
from typing import TypeAlias

from perimeter.addresses import Address
from perimeter.diagnostics import Range
from perimeter.hcl.nodes import Attribute, Body, Expr, Node
from perimeter.hcl.source import SourceFile
from perimeter.lang.scope import Traversal
from perimeter.lang.types import Type

Path: TypeAlias = tuple[str, ...]
"""The names of the module calls that lead to a module; ``()`` is the root."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Declared:
    """Something that stands in a file.

    Attributes:
        node: the block, attribute or body that declares it.
    """

    node: Node

    @property
    def src(self) -> SourceFile:
        """The file it stands in."""
        return self.node.src

    @property
    def range(self) -> Range:
        """Where a diagnostic about it points: a block's header, else the whole construct."""
        header: Range | None = getattr(self.node, "header_range", None)
        return header or self.node.range


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Condition(Declared):
    """A validation, precondition or postcondition."""

    condition: Expr
    error_message: Expr


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variable(Declared):
    """An input variable.

    Attributes:
        type: what a value is converted to; optional object attributes and their defaults inside.
        default: an expression without references, or None where the variable is required.
    """

    name: str
    type: Type
    default: Expr | None = None
    description: str = ""
    sensitive: bool = False
    ephemeral: bool = False
    nullable: bool = True
    validations: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Local(Declared):
    """One entry of a ``locals`` block."""

    name: str
    expr: Expr


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Output(Declared):
    """An output value."""

    name: str
    value: Expr
    description: str = ""
    sensitive: bool = False
    ephemeral: bool = False
    depends_on: tuple[Traversal, ...] = ()
    preconditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRef:
    """Which provider configuration a block uses, by the module's own names: ``github`` or ``github.eu``."""

    name: str
    alias: str | None = None
    range: Range | None = None

    @property
    def key(self) -> str:
        """``github`` or ``github.eu``."""
        return f"{self.name}.{self.alias}" if self.alias else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """How changes to a resource are made.

    Attributes:
        prevent_destroy: a bool, or the expression that decides it.
        ignore_changes: attribute paths as written, or ``"all"``.
        expires_at: a timestamp or date; from then on the declaration means absence.
    """

    create_before_destroy: bool = False
    prevent_destroy: Expr | bool = False
    ignore_changes: tuple[tuple[str | int, ...], ...] | Choice["all"] = ()
    replace_triggered_by: tuple[Expr, ...] = ()
    preconditions: tuple[Condition, ...] = ()
    postconditions: tuple[Condition, ...] = ()
    expires_at: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource(Declared):
    """A ``resource`` or ``data`` block.

    Attributes:
        mode: ``managed`` or ``data``.
        body: the raw body; what ``meta`` names (attributes and block types) is not the provider's.
        provider_ref: as written, else None; ``provider_key`` answers the default.
    """

    mode: str
    type: str
    name: str
    body: Body
    meta: frozenset[str] = frozenset()
    provider_ref: ProviderRef | None = None
    count: Expr | None = None
    for_each: Expr | None = None
    depends_on: tuple[Traversal, ...] = ()
    integration: Expr | None = None
    lifecycle: Lifecycle = Lifecycle()

    @property
    def key(self) -> tuple[str, str, str]:
        """How ``Module.resources`` finds it: (mode, type, name)."""
        return (self.mode, self.type, self.name)

    @property
    def address(self) -> str:
        """The address inside its module: ``okta_app.crm`` or ``data.okta_group.all``."""
        prefix = "" if self.mode == "managed" else f"{self.mode}."
        return f"{prefix}{self.type}.{self.name}"

    @property
    def provider(self) -> ProviderRef:
        """The provider configuration it uses: as written, else the default one of its type's prefix."""
        return self.provider_ref or ProviderRef(name=self.type.partition("_")[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModuleCall(Declared):
    """A ``module`` block.

    Attributes:
        providers: the child's provider key → the caller's provider configuration.
        inputs: the arguments for the child's variables.
    """

    name: str
    source: str
    version: str | None = None
    count: Expr | None = None
    for_each: Expr | None = None
    providers: Mapping[str, ProviderRef] = field(default_factory=dict)
    depends_on: tuple[Traversal, ...] = ()
    inputs: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProviderConfig(Declared):
    """A ``provider`` block; ``body`` without what ``meta`` names is the provider's own."""

    name: str
    alias: str | None = None
    body: Body
    meta: frozenset[str] = frozenset({"alias", "version"})

    @property
    def key(self) -> str:
        """``github`` or ``github.eu``."""
        return f"{self.name}.{self.alias}" if self.alias else self.name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RequiredProvider(Declared):
    """An entry of ``required_providers``.

    Attributes:
        name: the module's own name for it.
        source: as written, such as ``perimeter/github``; empty where the entry names none.
        entry_point: the name under which the entry-point group ``perimeter.providers`` knows it.
        version: constraint as written; empty for any.
        aliases: provider keys that a caller must pass.
    """

    name: str
    source: str
    entry_point: str
    version: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collection(Declared):
    """What undeclared objects of a type mean.

    Attributes:
        mode: an expression for ``"exclusive"``, ``"additive"`` or ``"report"``; None means report.
        within: an object of attribute values that bounds the scope.
        ignore: a list of objects; an undeclared object matching one of them is left alone.
    """

    type: str
    name: str
    provider_ref: ProviderRef | None = None
    for_each: Expr | None = None
    within: Expr | None = None
    mode: Expr | None = None
    ignore: Expr | None = None

    @property
    def address(self) -> str:
        """How people name it: ``collection.github_deploy_key.acme``."""
        return f"collection.{self.type}.{self.name}"

    @property
    def provider(self) -> ProviderRef:
        """The provider configuration it uses: as written, else the default one of its type's prefix."""
        return self.provider_ref or ProviderRef(name=self.type.partition("_")[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Integration(Declared):
    """One third party's footprint over all tenants."""

    name: str
    owner: Expr | None = None
    purpose: Expr | None = None
    third_party: Expr | None = None
    datasets: Expr | None = None
    expires_at: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BreakGlass(Declared):
    """Who must always get in at one provider; ``provider`` is a provider key."""

    provider: str
    users: Expr


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Import(Declared):
    """An ``import`` block: an object of a tenant becomes a resource instance's.

    Attributes:
        to: the instance.
        id: the vendor's id, in the form that the resource type documents.
    """

    to: Address
    id: Expr


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backend(Declared):
    """Where state lives; the backend itself decodes ``body``."""

    type: str
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module at one place of the tree.

    Attributes:
        path: the names of the calls that lead to it.
        source_dir: its directory as shown to people, relative to where the command runs.
        providers: provider configurations by key (``github``, ``github.eu``).
        collections: by (type, name).
        break_glass: by provider key.
        imports: by the printed address of the instance; only the root module may have any.
        sources: its files by shown name.
    """

    path: Path
    source_dir: str
    variables: Mapping[str, Variable] = field(default_factory=dict)
    locals: Mapping[str, Local] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    resources: Mapping[tuple[str, str, str], Resource] = field(default_factory=dict)
    calls: Mapping[str, ModuleCall] = field(default_factory=dict)
    provider_configs: Mapping[str, ProviderConfig] = field(default_factory=dict)
    required_providers: Mapping[str, RequiredProvider] = field(default_factory=dict)
    required_version: tuple[str, ...] = ()
    collections: Mapping[tuple[str, str], Collection] = field(default_factory=dict)
    integrations: Mapping[str, Integration] = field(default_factory=dict)
    break_glass: Mapping[str, BreakGlass] = field(default_factory=dict)
    imports: Mapping[str, Import] = field(default_factory=dict)
    backend: Backend | None = None
    sources: Mapping[str, SourceFile] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """``module.a.module.b``; empty for the root."""
        return ".".join(f"module.{name}" for name in self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration.

    Attributes:
        modules: every module of the static tree by path, callers before the called; a module called twice stands twice.
        provider_sources: entry-point name → where it was first required; what must be installed.
    """

    root: Module
    modules: Mapping[Path, Module]
    provider_sources: Mapping[str, RequiredProvider] = field(default_factory=dict)

    @property
    def sources(self) -> Mapping[str, SourceFile]:
        """Every file read, by shown name."""
        return {
            name: src for module in self.modules.values() for name, src in module.sources.items()
        }

    def child(self, module: Module, call: str) -> Module | None:
        """The module that a call leads to; None where it could not be read."""
        return self.modules.get((*module.path, call))
