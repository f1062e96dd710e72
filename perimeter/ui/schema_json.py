"""Provider schemas in the shape of Terraform's ``providers schema -json``, format 1.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.lang.typenames import type_json
from perimeter.sdk.functions import FunctionParameter, ProviderFunction
from perimeter.sdk.provider import Provider
from perimeter.sdk.schema import Attribute, Mode, NestedBlock, Nesting, Schema

FORMAT = "1.0"


def schemas_json(providers: Mapping[str, Provider]) -> dict[str, Any]:
    """All schemas of the given providers."""
    return {
        "format_version": FORMAT,
        "provider_schemas": {
            name: {
                "provider": _schema(provider.schema),
                "resource_schemas": {
                    key: _schema(kind.schema) for key, kind in sorted(provider.resources.items())
                },
                "data_source_schemas": {
                    key: _schema(source.schema)
                    for key, source in sorted(provider.data_sources.items())
                },
                **_actions(provider),
                **_functions(provider),
            }
            for name, provider in sorted(providers.items())
        },
    }


def _actions(provider: Provider) -> dict[str, Any]:
    found = {key: _schema(kind.schema) for key, kind in sorted(provider.actions.items())}
    return {"action_schemas": found} if found else {}


def _functions(provider: Provider) -> dict[str, Any]:
    found = {name: _function(item) for name, item in sorted(provider.functions.items())}
    return {"functions": found} if found else {}


def _function(item: ProviderFunction) -> dict[str, Any]:
    data: dict[str, Any] = {
        "description": item.doc,
        "summary": item.doc,
        "return_type": type_json(item.returns),
    }
    if item.parameters:
        data["parameters"] = [_parameter(one) for one in item.parameters]
    if item.variadic is not None:
        data["variadic_parameter"] = _parameter(item.variadic)
    return data


def _parameter(item: FunctionParameter) -> dict[str, Any]:
    data: dict[str, Any] = {"name": item.name, "type": type_json(item.type)}
    if item.doc:
        data["description"] = item.doc
    if item.allow_null:
        data["is_nullable"] = True
    return data


def _schema(schema: Schema) -> dict[str, Any]:
    return {
        "version": schema.version,
        "block": _block(schema.attributes, schema.blocks, schema.doc),
    }


def _block(
    attributes: Mapping[str, Attribute], blocks: Mapping[str, NestedBlock], doc: str
) -> dict[str, Any]:
    data: dict[str, Any] = {
        "attributes": {name: _attribute(item) for name, item in sorted(attributes.items())}
    }
    if blocks:
        data["block_types"] = {name: _nested(item) for name, item in sorted(blocks.items())}
    if doc:
        data |= {"description": doc, "description_kind": "markdown"}
    return data


def _nested(item: NestedBlock) -> dict[str, Any]:
    data: dict[str, Any] = {
        "nesting_mode": item.nesting.value,
        "block": _block(item.attributes, item.blocks, item.doc),
    }
    if item.required:
        data["min_items"] = 1
    if item.nesting is Nesting.SINGLE:
        data["max_items"] = 1
    if item.label:
        data["label"] = item.label
    return data


def _attribute(item: Attribute) -> dict[str, Any]:
    facts = {
        "required": item.required,
        "optional": item.optional,
        "computed": item.computed,
        "sensitive": item.sensitive or item.is_secret,
        "write_only": item.mode is Mode.WRITE_ONLY,
        "forces_replacement": item.replace,
    }
    data: dict[str, Any] = {
        "type": type_json(item.type),
        "description": item.doc,
        "description_kind": "plain",
        **{name: True for name, holds in facts.items() if holds},
    }
    if item.default is not None:
        data["default"] = item.default
    if item.values:
        data["values"] = list(item.values)
    if item.mode is Mode.OBSERVED:
        data["mode"] = item.mode.value
    return data
