"""What state remembers in the form that today's providers understand: their own upgrade steps, applied; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from perimeter.diagnostics import Diagnostics
from perimeter.sdk.provider import Provider, ResourceType
from perimeter.sdk.redact import SECRETS
from perimeter.state.model import Instance, Intent, State, StateObject


def upgrade_state(state: State, providers: Mapping[str, Provider], found: Diagnostics) -> State:
    """Bring every object whose schema has moved on to the installed provider's version of it.

    An object of a newer version, or one that its provider cannot upgrade, stays as it is and is an error.
    Objects of providers that are not installed stay as they are.
    """
    kinds = _kinds(providers)
    changed: dict[str, Instance] = {}
    for address, instance in state.resources.items():
        if not any(_is_other(item, kinds) for item in instance.objects):
            continue
        objects = tuple(_upgraded(address, item, kinds, found) for item in instance.objects)
        changed[address] = msgspec.structs.replace(instance, objects=objects)
    if not changed:
        return state
    return msgspec.structs.replace(state, resources={**state.resources, **changed})


def upgrade_pending(
    pending: Mapping[str, Intent], providers: Mapping[str, Provider], found: Diagnostics
) -> Mapping[str, Intent]:
    """Likewise for the objects that open calls are about."""
    kinds = _kinds(providers)
    if not any(_is_other(intent.object, kinds) for intent in pending.values()):
        return pending
    return {
        address: msgspec.structs.replace(
            intent, object=_upgraded(address, intent.object, kinds, found)
        )
        for address, intent in pending.items()
    }


def _kinds(providers: Mapping[str, Provider]) -> dict[str, ResourceType]:
    return {
        name: kind for provider in providers.values() for name, kind in provider.resources.items()
    }


def _is_other(item: StateObject, kinds: Mapping[str, ResourceType]) -> bool:
    kind = kinds.get(item.type)
    return kind is not None and kind.schema.version != item.schema_version


def _upgraded(
    address: str, item: StateObject, kinds: Mapping[str, ResourceType], found: Diagnostics
) -> StateObject:
    if not _is_other(item, kinds):
        return item
    kind = kinds[item.type]
    name = item.type.partition("_")[0]
    if item.schema_version > kind.schema.version:
        found.error(
            "Resource instance managed by newer provider version",
            f"The current state of {address} was created by a newer provider version than is currently installed: its "
            f"schema has version {item.schema_version}, this one {kind.schema.version}. Upgrade the {name} provider to "
            "work with this state.",
            address=address,
        )
        return item
    attributes: dict[str, Any] = dict(item.attributes)
    try:
        for version in range(item.schema_version, kind.schema.version):
            attributes = dict(kind.upgrade(version, attributes))
    except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
        text = SECRETS.redact(f"{type(problem).__name__}: {problem}")
        found.error(
            "Remembered object cannot be upgraded",
            f"{address} is remembered by version {item.schema_version} of its schema, and the {name} provider failed to "
            f"bring it to version {kind.schema.version} ({text}). This is a bug of the provider; nothing was changed. "
            "Please report it, and use the provider's earlier release meanwhile.",
            address=address,
        )
        return item
    return msgspec.structs.replace(item, attributes=attributes, schema_version=kind.schema.version)
