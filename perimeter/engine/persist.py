"""What state remembers of an object: its plain attributes, without secrets and without what is not known; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from perimeter.engine.model import Change
from perimeter.lang.values import Unknown
from perimeter.sdk.contract import Attributes
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.schema import Attribute, Mode, NestedBlock, Nesting, Schema
from perimeter.state.model import StateObject


def persistable(schema: Schema, values: Attributes) -> dict[str, Any]:
    """Attributes as state may hold them: no secret, no null, nothing unknown or unseen."""
    return _object(schema.attributes, schema.blocks, values)


def _object(
    attributes: Mapping[str, Attribute], blocks: Mapping[str, NestedBlock], values: Attributes
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, attribute in attributes.items():
        if not attribute.is_secret and (value := _known(values.get(name))) is not None:
            found[name] = value
    for name, block in blocks.items():
        value = values.get(name)
        if value is None or isinstance(value, Unknown):
            continue
        if block.nesting is Nesting.SINGLE:
            found[name] = _object(block.attributes, block.blocks, value)
        else:
            found[name] = [_object(block.attributes, block.blocks, item) for item in value]
    return found


def _known(value: Any) -> Any:
    if isinstance(value, Unknown):
        return None
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]
    return value


def without_secrets(schema: Schema, values: Attributes | None) -> Attributes | None:
    """Attributes without the secrets of nested blocks; unknown and unseen parts stay. Top-level ones never get that far."""
    if values is None or not any(_has_secret(block) for block in schema.blocks.values()):
        return values
    stripped = {
        name: _stripped(block, values[name])
        for name, block in schema.blocks.items()
        if name in values
    }
    return {**values, **stripped}


def _has_secret(block: NestedBlock) -> bool:
    return any(attribute.is_secret for attribute in block.attributes.values()) or any(
        _has_secret(inner) for inner in block.blocks.values()
    )


def _stripped(block: NestedBlock, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_stripped(block, item) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept = {
        name: item
        for name, item in value.items()
        if name not in block.attributes or not block.attributes[name].is_secret
    }
    for name, inner in block.blocks.items():
        if name in kept:
            kept[name] = _stripped(inner, kept[name])
    return kept


def local_attributes(schema: Schema, values: Attributes) -> dict[str, Any]:
    """The attributes that only state knows."""
    return {
        name: values[name]
        for name, attribute in schema.attributes.items()
        if attribute.mode is Mode.LOCAL and values.get(name) is not None
    }


def state_object(
    change: Change,
    kind: ResourceType,
    *,
    id: str,  # noqa: A002 - the vendor's word
    tenant: str,
    attributes: Attributes,
    now: str,
    unconfirmed: bool = False,
    prior: StateObject | None = None,
) -> StateObject:
    """The object as state remembers it from now on; ``prior``: as it remembered the same object before."""
    schema = kind.schema
    made = StateObject(
        type=kind.name,
        id=id,
        tenant=tenant,
        provider=change.provider,
        attributes=persistable(schema, attributes),
        sensitive=change.sensitive_after,
        dependencies=change.dependencies,
        protected=change.protected,
        create_before_destroy=change.create_before_destroy,
        retained=change.retained,
        unconfirmed=unconfirmed,
        schema_version=schema.version,
        created_at=now,
    )
    if prior is None:
        return made
    return msgspec.structs.replace(
        made,
        role=prior.role,
        key=prior.key,
        revision=prior.revision + 1,
        created_at=prior.created_at,
        digests=prior.digests,
    )
