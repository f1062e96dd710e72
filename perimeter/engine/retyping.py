"""``moved`` blocks across resource types: what state remembers as one type becomes another's; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from perimeter.addresses import Address, ModulePath, parse_address
from perimeter.config.model import Config, ProviderRef
from perimeter.config.moved import named
from perimeter.config.providers import locate
from perimeter.diagnostics import Diagnostics
from perimeter.sdk.provider import Provider, ResourceType
from perimeter.state.model import Instance, State, StateObject


def retyped(
    config: Config, providers: Mapping[str, Provider], state: State
) -> tuple[State, frozenset[str]]:
    """State with the objects that stand at another type's address converted, as far as that type can; and which those are.

    An object gets there by a move; its conversion is remembered only when the apply that moved it ends.
    """
    found: dict[str, Instance] = {}
    for text, instance in state.resources.items():
        if all(f".{item.type}." in f".{text}" for item in instance.objects):
            continue
        kind = _kind(config, providers, parse_address(text))
        if kind is None:
            continue
        objects = tuple(_converted(kind, item) for item in instance.objects)
        if objects != instance.objects:
            found[text] = msgspec.structs.replace(instance, objects=objects)
    if not found:
        return state, frozenset()
    resources = {**state.resources, **found}
    return msgspec.structs.replace(state, resources=resources), frozenset(found)


def _converted(kind: ResourceType, item: StateObject) -> StateObject:
    if item.type == kind.name:
        return item
    taken = kind.move_from(item.type, item.attributes)
    if taken is None:
        return item
    return msgspec.structs.replace(
        item,
        type=kind.name,
        attributes=dict(taken),
        sensitive=tuple(path for path in item.sensitive if path and path[0] in taken),
        schema_version=kind.schema.version,
    )


def _kind(
    config: Config, providers: Mapping[str, Provider], address: Address
) -> ResourceType | None:
    """The type at an address, by the provider that its declaration uses, or else that its name begins with."""
    module = config.modules.get(address.module.names)
    block = module.resources.get(("managed", address.type, address.name)) if module else None
    ref = block.provider if block is not None else ProviderRef(name=address.type.partition("_")[0])
    at = locate(config, module.path, ref) if module is not None else None
    provider = providers.get(at.entry_point) if at is not None else None
    return provider.resources.get(address.type) if provider is not None else None


def check_retyping(
    config: Config, providers: Mapping[str, Provider], diagnostics: Diagnostics
) -> None:
    """Report moves to another type where that type takes nothing over from the first."""
    for module in config.modules.values():
        for block in module.moved:
            source, target = block.source.resource, block.target.resource
            if source is None or target is None or source.type == target.type:
                continue
            base = ModulePath(tuple((name, None) for name in module.path))
            steps = (*base.steps, *block.target.module.steps)
            kind = _kind(config, providers, replace(target, module=ModulePath(steps)))
            if kind is not None and kind.move_from(source.type, {}) is not None:
                continue
            diagnostics.error(
                "Unsupported `moved` across resource types",
                f"This statement declares a move from {named(module, block.source)} to "
                f"{named(module, block.target)}, but {target.type} takes nothing over from {source.type}. Declare the new "
                "resource with an import block, and let the old one go with a removed block.",
                block.range,
            )
