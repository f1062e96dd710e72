"""What a test file says, as the parser left it: nothing here is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from perimeter.addresses import Address, ModulePath
from perimeter.config.model import ProviderConfig, ProviderRef
from perimeter.diagnostics import Range
from perimeter.hcl.nodes import Attribute, Block, Expr
from perimeter.hcl.source import SourceFile
from perimeter.lang.scope import Traversal


class During(Enum):
    """From when on an overridden or mocked value is known."""

    APPLY = "apply"
    PLAN = "plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """An ``assert`` block."""

    condition: Expr
    error_message: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An entry of ``expect_failures``.

    Attributes:
        object: what is expected to fail, printed: ``var.x``, ``output.y``, ``check.z``, or a resource or data block or
            instance such as ``okta_app.crm["eu"]``.
    """

    object: str
    traversal: Traversal

    @property
    def range(self) -> Range:
        """Where it stands."""
        return self.traversal.range

    def covers(self, name: str) -> bool:
        """Whether a failure of that object, or of an instance of that block, is the expected one."""
        return name == self.object or name.startswith(f"{self.object}[")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """How a run plans."""

    refresh_only: bool = False
    refresh: bool = True
    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """An ``override_resource``, ``override_data`` or ``override_module`` block.

    Attributes:
        kind: ``resource``, ``data`` or ``module``.
        target: the resource or data block or instance; the module for a module.
        values: an object of attribute values (of outputs, for a module); None for generated ones only.
        during: None where the block does not say.
    """

    block: Block
    kind: str
    target: Address | ModulePath
    target_range: Range
    values: Expr | None = None
    during: During | None = None

    @property
    def key(self) -> str:
        """The target, printed."""
        return str(self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """A ``mock_resource`` or ``mock_data`` block: what objects of a type get for what nobody configures."""

    block: Block
    type: str
    values: Expr | None = None
    during: During | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MockProvider:
    """A ``mock_provider`` block with what its ``source`` directory adds.

    Attributes:
        resources: defaults by resource type.
        data: defaults by data source.
        overrides: those that stand inside it, by target.
    """

    block: Block
    name: str
    alias: str | None = None
    during: During = During.APPLY
    resources: Mapping[str, Defaults] = field(default_factory=dict)
    data: Mapping[str, Defaults] = field(default_factory=dict)
    overrides: Mapping[str, Override] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """``github`` or ``github.eu``."""
        return f"{self.name}.{self.alias}" if self.alias else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A ``run`` block.

    Attributes:
        apply: whether it applies what it plans.
        module: the directory of another module to run instead of the configuration, as written; empty for none.
        providers: the module's provider key → a provider of the test file; None where the block does not say.
        state_key: which of the file's states it works on; empty for the module's own.
        parallel: whether it may run at the same time as its neighbours.
    """

    block: Block
    name: str
    apply: bool = True
    variables: Mapping[str, Attribute] = field(default_factory=dict)
    module: str = ""
    module_range: Range | None = None
    assertions: tuple[Assertion, ...] = ()
    expected: tuple[Expected, ...] = ()
    options: PlanOptions = PlanOptions()
    providers: Mapping[str, ProviderRef] | None = None
    overrides: Mapping[str, Override] = field(default_factory=dict)
    state_key: str = ""
    parallel: bool = False

    @property
    def state(self) -> str:
        """The name of its state among the file's: its key, else its module, else empty."""
        return self.state_key or self.module


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A test file.

    Attributes:
        name: as shown.
        directory: the folder it lies in, as shown.
        mocks: by provider key.
        providers: ``provider`` blocks by provider key.
        overrides: by target.
    """

    name: str
    source: SourceFile
    directory: str = "."
    runs: tuple[Run, ...] = ()
    variables: Mapping[str, Attribute] = field(default_factory=dict)
    mocks: Mapping[str, MockProvider] = field(default_factory=dict)
    providers: Mapping[str, ProviderConfig] = field(default_factory=dict)
    overrides: Mapping[str, Override] = field(default_factory=dict)
