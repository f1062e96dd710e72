"""A module while its blocks are being decoded."""

from __future__ import annotations

from collections.abc import Hashable, MutableMapping
from dataclasses import dataclass, field
from typing import TypeVar

from perimeter.config.model import (
    ActionBlock,
    Approver,
    Backend,
    BreakGlass,
    Check,
    Collection,
    Consumer,
    Declared,
    Encryption,
    Import,
    Integration,
    Local,
    Module,
    ModuleCall,
    Moved,
    Output,
    ProviderConfig,
    Removed,
    RequiredProvider,
    Resource,
    Variable,
)
from perimeter.config.shape import place
from perimeter.diagnostics import Diagnostics, Range
from perimeter.hcl.source import SourceFile

_K = TypeVar("_K", bound=Hashable)
_D = TypeVar("_D", bound=Declared)


@dataclass(slots=True)
class Draft:
    """The declarations found so far; ``finish`` makes the module."""

    variables: dict[str, Variable] = field(default_factory=dict)
    locals: dict[str, Local] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    resources: dict[tuple[str, str, str], Resource] = field(default_factory=dict)
    actions: dict[tuple[str, str], ActionBlock] = field(default_factory=dict)
    calls: dict[str, ModuleCall] = field(default_factory=dict)
    provider_configs: dict[str, ProviderConfig] = field(default_factory=dict)
    required_providers: dict[str, RequiredProvider] = field(default_factory=dict)
    required_at: Range | None = None
    required_version: list[str] = field(default_factory=list)
    collections: dict[tuple[str, str], Collection] = field(default_factory=dict)
    integrations: dict[str, Integration] = field(default_factory=dict)
    break_glass: dict[str, BreakGlass] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)
    backend: Backend | None = None
    encryption: Encryption | None = None
    approvers: list[Approver] = field(default_factory=list)

    def finish(self, source_dir: str, sources: dict[str, SourceFile]) -> Module:
        """The module, standing at the root until it is placed."""
        return Module(
            path=(),
            source_dir=source_dir,
            variables=self.variables,
            locals=self.locals,
            outputs=self.outputs,
            resources=self.resources,
            actions=self.actions,
            calls=self.calls,
            provider_configs=self.provider_configs,
            required_providers=self.required_providers,
            required_version=tuple(self.required_version),
            collections=self.collections,
            integrations=self.integrations,
            break_glass=self.break_glass,
            consumers=self.consumers,
            imports=self.imports,
            checks=self.checks,
            moved=tuple(self.moved),
            removed=tuple(self.removed),
            backend=self.backend,
            encryption=self.encryption,
            approvers=tuple(self.approvers),
            sources=sources,
        )


def declare(
    into: MutableMapping[_K, _D],
    key: _K,
    item: _D,
    diagnostics: Diagnostics,
    *,
    summary: str,
    detail: str,
) -> None:
    """Add a declaration, or report that its name is taken; ``{}`` in the detail is the first's place."""
    first = into.get(key)
    if first is None:
        into[key] = item
    else:
        diagnostics.error(summary, detail.replace("{}", place(first.range)), item.range)
