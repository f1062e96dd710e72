"""Which provider configuration a block uses, through the module tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perimeter.config.model import (
    Config,
    Declared,
    Module,
    Path,
    ProviderConfig,
    ProviderRef,
    RequiredProvider,
)
from perimeter.config.shape import header
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.hcl.nodes import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where a provider configuration stands.

    Attributes:
        path: the module that declares it; the root for an empty configuration that nobody wrote.
        key: its key there, such as ``github.eu``.
        config: the block; None where nobody wrote one.
        entry_point: the provider's name in the entry-point group ``perimeter.providers``.
    """

    path: Path
    key: str
    config: ProviderConfig | None
    entry_point: str


def entry_point_of(module: Module, name: str) -> str:
    """The entry-point name behind a module's own name for a provider."""
    required = module.required_providers.get(name)
    return required.entry_point if required else name


def locate(config: Config, path: Path, ref: ProviderRef) -> Located | None:
    """Find the configuration that a reference in a module means; None where nobody declares it.

    Default configurations are inherited from the calling modules; aliased ones must be passed.
    """
    module = config.modules[path]
    entry_point = entry_point_of(module, ref.name)
    while True:
        found = module.provider_configs.get(ref.key)
        if found is not None or (not module.path and ref.alias is None):
            return Located(path=module.path, key=ref.key, config=found, entry_point=entry_point)
        if not module.path:
            return None
        caller = config.modules[module.path[:-1]]
        passed = caller.calls[module.path[-1]].providers.get(ref.key)
        if passed is not None:
            ref = passed
        elif ref.alias is None:
            ref = ProviderRef(name=_name_in(caller, entry_point))
        else:
            return None
        module = caller


def _name_in(module: Module, entry_point: str) -> str:
    for name, required in module.required_providers.items():
        if required.entry_point == entry_point:
            return name
    return entry_point


def _users(module: Module) -> Iterator[tuple[Declared, ProviderRef]]:
    for resource in module.resources.values():
        yield resource, resource.provider
    for action in module.actions.values():
        yield action, action.provider
    for collection in module.collections.values():
        yield collection, collection.provider
    for key, accounts in module.break_glass.items():
        name, _, alias = key.partition(".")
        yield accounts, ProviderRef(name=name, alias=alias or None)
    for call in module.calls.values():
        for ref in call.providers.values():
            yield call, ref


def check_providers(config: Config, diagnostics: Diagnostics) -> None:
    """Report references to provider configurations that nobody declares or passes."""
    located: dict[tuple[Path, str], bool] = {}
    for path, module in config.modules.items():
        where = f"module {module.address}" if path else "the root module"
        for user, ref in _users(module):
            if (path, ref.key) not in located:
                located[path, ref.key] = locate(config, path, ref) is not None
            if located[path, ref.key]:
                continue
            alternatives = [key for key in module.provider_configs if key != ref.key]
            remedy = (
                f'Declare a provider "{ref.name}" block with alias = "{ref.alias}" in the root '
                "module"
            )
            if path:
                remedy += f" and pass it: providers = {{ {ref.key} = … }} in the module block"
            diagnostics.error(
                "Provider configuration not present",
                f"The provider configuration {ref.key} is not declared in {where}."
                f"{did_you_mean(ref.key, alternatives)} {remedy}.",
                ref.range or user.range,
                block=header(user.node) if isinstance(user.node, Block) else None,
            )


def required_everywhere(config: Config) -> dict[str, RequiredProvider]:
    """Every provider that some module requires or uses, by entry-point name, where first named."""
    required: dict[str, RequiredProvider] = {}
    for module in config.modules.values():
        for entry in module.required_providers.values():
            required.setdefault(entry.entry_point, entry)
    for module in config.modules.values():
        used: list[tuple[Declared, str]] = [(user, ref.name) for user, ref in _users(module)]
        used += [(item, item.name) for item in module.provider_configs.values()]
        for user, name in used:
            entry_point = entry_point_of(module, name)
            if entry_point not in required:
                required[entry_point] = RequiredProvider(
                    node=user.node,
                    name=name,
                    source=f"perimeter/{name}",
                    entry_point=entry_point,
                )
    return required
