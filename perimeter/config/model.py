"""What a directory of configuration declares: modules holding unevaluated expressions.

Everything here is data. An ``Expr`` is left as the parser made it; the engine evaluates it, once per instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal as Choice
from typing import TypeAlias

from perimeter.addresses import Address, InstanceKey, Target
from perimeter.diagnostics import Range
from perimeter.hcl.nodes import Attribute, Body, Expr, Node
from perimeter.hcl.source import SourceFile
from perimeter.lang.scope import Traversal
from perimeter.lang.types import Type
from perimeter.lang.values import Value

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
        const: whether its value must be known before anything is planned, so that module sources may use it.
        deprecated: what to use instead; empty while it is not deprecated.
    """

    name: str
    type: Type
    default: Expr | None = None
    description: str = ""
    sensitive: bool = False
    ephemeral: bool = False
    nullable: bool = True
    const: bool = False
    deprecated: str = ""
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
    deprecated: str = ""
    depends_on: tuple[Traversal, ...] = ()
    preconditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRef:
    """Which provider configuration a block uses, by the module's own names: ``github`` or ``github.eu``.

    Attributes:
        instance: which of a configuration with ``for_each``: the key in ``github.by_org[each.key]``.
    """

    name: str
    alias: str | None = None
    range: Range | None = None
    instance: Expr | None = None

    @property
    def key(self) -> str:
        """``github`` or ``github.eu``."""
        return f"{self.name}.{self.alias}" if self.alias else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRef:
    """An action that a trigger names; ``key`` decides the instance of one that is repeated."""

    type: str
    name: str
    key: Expr | None = None
    range: Range | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ActionTrigger(Declared):
    """An ``action_trigger`` block: which actions are invoked before or after which changes of its resource."""

    events: tuple[str, ...]
    actions: tuple[ActionRef, ...]
    condition: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ManualRule(Declared):
    """A ``manual`` block: who does by hand what no API does, and within what time (``14d``)."""

    assignee: Expr | None = None
    due_in: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """How changes to a resource are made.

    Attributes:
        prevent_destroy: a bool, or the expression that decides it.
        destroy: whether removing the declaration destroys the object; otherwise it is forgotten.
        enabled: whether the resource exists at all; without it always.
        ignore_changes: attribute paths as written, or ``"all"``.
        expires_at: a timestamp or date; from then on the declaration means absence.
        manual: who does what no API does, and within what time.
    """

    create_before_destroy: bool = False
    prevent_destroy: Expr | bool = False
    destroy: bool = True
    enabled: Expr | None = None
    ignore_changes: tuple[tuple[str | int, ...], ...] | Choice["all"] = ()
    ignored_at: Range | None = None
    replace_triggered_by: tuple[Expr, ...] = ()
    preconditions: tuple[Condition, ...] = ()
    postconditions: tuple[Condition, ...] = ()
    expires_at: Expr | None = None
    manual: ManualRule | None = None
    triggers: tuple[ActionTrigger, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """One entry of ``deliver_to``: the sink's resource, and which member of the secret it gets (empty for all)."""

    to: Expr
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RotationRule(Declared):
    """A ``rotation`` block: ``arguments`` and those of its ``verify`` block by name, and where the secret goes."""

    arguments: Mapping[str, Expr] = field(default_factory=dict)
    verify: Mapping[str, Expr] = field(default_factory=dict)
    deliver_to: tuple[Delivery, ...] = ()

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """Everything that it says."""
        sinks = (item.to for item in self.deliver_to)
        return (*self.arguments.values(), *self.verify.values(), *sinks)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Consumer(Declared):
    """A ``consumer`` block: who uses a credential, and what proves that it has moved to a new one.

    Attributes:
        uses: the credentials' resources.
        evidence: ``attestation``, ``last_used`` or ``http``.
        url: for ``http``: what answers with JSON …
        path: … whose member of this name (dotted) must equal the new credential's id.
    """

    name: str
    uses: tuple[Traversal, ...] = ()
    owner: Expr | None = None
    evidence: str = "attestation"
    url: Expr | None = None
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource(Declared):
    """A ``resource``, ``data`` or ``ephemeral`` block.

    Attributes:
        mode: ``managed``, ``data`` or ``ephemeral``.
        body: the raw body; what ``meta`` names (attributes and block types) is not the provider's.
        provider_ref: as written, else None; ``provider_key`` answers the default.
        check: name of the check block it stands in, which alone may refer to it; else empty.
        rotation: how the credential that it is grows old and is replaced.
        instance_providers: provider configurations of single instances, by printed address, instead of ``provider``.
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
    check: str = ""
    rotation: RotationRule | None = None
    instance_providers: Mapping[str, ProviderRef] = field(default_factory=dict)

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
class ActionBlock(Declared):
    """An ``action`` block; ``body`` is that of its ``config`` block, the provider's own."""

    type: str
    name: str
    body: Body
    provider_ref: ProviderRef | None = None
    count: Expr | None = None
    for_each: Expr | None = None

    @property
    def address(self) -> str:
        """The address inside its module: ``action.okta_clear_user_sessions.leaver``."""
        return f"action.{self.type}.{self.name}"

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
        early: ``source`` and ``version`` where they refer to something; the texts are filled in while loading.
    """

    name: str
    source: str
    version: str | None = None
    count: Expr | None = None
    for_each: Expr | None = None
    providers: Mapping[str, ProviderRef] = field(default_factory=dict)
    depends_on: tuple[Traversal, ...] = ()
    enabled: Expr | None = None
    inputs: Mapping[str, Attribute] = field(default_factory=dict)
    early: Mapping[str, Expr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProviderConfig(Declared):
    """A ``provider`` block; ``body`` without what ``meta`` names is the provider's own."""

    name: str
    alias: str | None = None
    for_each: Expr | None = None
    body: Body
    meta: frozenset[str] = frozenset({"alias", "version", "for_each"})

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
        max_removals: a number; the most objects that one plan may remove.
        max_removal_percent: likewise, in percent of the collection.
        min_population: from how many objects on the percentage counts.
    """

    type: str
    name: str
    provider_ref: ProviderRef | None = None
    for_each: Expr | None = None
    within: Expr | None = None
    mode: Expr | None = None
    ignore: Expr | None = None
    max_removals: Expr | None = None
    max_removal_percent: Expr | None = None
    min_population: Expr | None = None

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
    """Who must always get in at one provider.

    Attributes:
        provider: a provider key.
        minimum: the least number of accounts that can sign in and administer after every step; one without it.
    """

    provider: str
    users: Expr
    minimum: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Check(Declared):
    """A ``check`` block: conditions that warn when they do not hold, and a data source for them alone."""

    name: str
    data: Resource | None = None
    asserts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Import(Declared):
    """An ``import`` block: an object of a tenant becomes a resource instance's.

    Attributes:
        to: the instance; without those of its keys that are in ``keys``.
        keys: computed instance keys by their place: the index of a module step, or -1 for the resource's own.
        id: the vendor's id, in the form that the resource type documents; or (``by_identity``) an object of attributes.
    """

    to: Address
    keys: Mapping[int, Expr] = field(default_factory=dict)
    id: Expr
    by_identity: bool = False
    for_each: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moved(Declared):
    """A ``moved`` block; both ends are relative to the module it stands in."""

    source: Target
    target: Target

    @property
    def whole(self) -> bool:
        """Whether all instances move, each keeping its key: neither end names one."""
        return last_key(self.source) is None and last_key(self.target) is None


def last_key(end: Target) -> InstanceKey:
    """The instance key at the end of an address."""
    return end.resource.key if end.resource is not None else end.module.steps[-1][1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Removed(Declared):
    """A ``removed`` block; ``source`` is relative to the module it stands in.

    Attributes:
        destroy: whether the objects are destroyed; otherwise they are forgotten.
    """

    source: Target
    destroy: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backend(Declared):
    """Where state lives; the backend itself decodes ``body``.

    Attributes:
        arguments: its arguments, evaluated while loading.
    """

    type: str
    body: Body
    arguments: Mapping[str, Value] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Approver(Declared):
    """Somebody whose approvals count: ``login`` as in ``approve -by``, and their Ed25519 public key."""

    name: str
    login: str
    public_key: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encryption(Declared):
    """How what is written is protected; see ``perimeter.config.encryption``, which evaluates ``body``."""

    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module at one place of the tree.

    Attributes:
        path: the names of the calls that lead to it.
        source_dir: its directory as shown to people, relative to where the command runs.
        package_dir: the installed package that it is a part of, shown likewise; empty for a local module.
        providers: provider configurations by key (``github``, ``github.eu``).
        actions: by (type, name).
        collections: by (type, name).
        break_glass: by provider key.
        imports: by the printed address of the instance, or with for_each as written; only the root module may have any.
        sources: its files by shown name.
    """

    path: Path
    source_dir: str
    package_dir: str = ""
    variables: Mapping[str, Variable] = field(default_factory=dict)
    locals: Mapping[str, Local] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    resources: Mapping[tuple[str, str, str], Resource] = field(default_factory=dict)
    actions: Mapping[tuple[str, str], ActionBlock] = field(default_factory=dict)
    calls: Mapping[str, ModuleCall] = field(default_factory=dict)
    provider_configs: Mapping[str, ProviderConfig] = field(default_factory=dict)
    required_providers: Mapping[str, RequiredProvider] = field(default_factory=dict)
    required_version: tuple[str, ...] = ()
    collections: Mapping[tuple[str, str], Collection] = field(default_factory=dict)
    integrations: Mapping[str, Integration] = field(default_factory=dict)
    break_glass: Mapping[str, BreakGlass] = field(default_factory=dict)
    consumers: Mapping[str, Consumer] = field(default_factory=dict)
    imports: Mapping[str, Import] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    moved: tuple[Moved, ...] = ()
    removed: tuple[Removed, ...] = ()
    backend: Backend | None = None
    encryption: Encryption | None = None
    approvers: tuple[Approver, ...] = ()
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
        workspace: the selected one, ``perimeter.workspace``.
    """

    root: Module
    modules: Mapping[Path, Module]
    provider_sources: Mapping[str, RequiredProvider] = field(default_factory=dict)
    workspace: str = "default"

    @property
    def sources(self) -> Mapping[str, SourceFile]:
        """Every file read, by shown name."""
        return {
            name: src for module in self.modules.values() for name, src in module.sources.items()
        }

    def child(self, module: Module, call: str) -> Module | None:
        """The module that a call leads to; None where it could not be read."""
        return self.modules.get((*module.path, call))
