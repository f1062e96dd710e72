"""State as ``show -json`` prints it: Terraform's format 1.0. Sensitive values are in it, secrets are nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perimeter import __version__
from perimeter.addresses import Address, parse_address
from perimeter.sdk.schema import Schema
from perimeter.state.model import State, StateObject
from perimeter.ui.masks import sensitive_mask, whole
from perimeter.ui.resource_tree import identity, tree

FORMAT = "1.0"

TERRAFORM = "1.11.4"
"""The release of Terraform whose JSON this is: tools that read it go by that member, and refuse it without."""

Schemas = Mapping[str, Schema]


def state_json(state: State, schemas: Schemas | None = None) -> dict[str, Any]:
    """The whole state as JSON data; with schemas by type, attributes without a value are null and not left out."""
    data: dict[str, Any] = {
        "format_version": FORMAT,
        "terraform_version": TERRAFORM,
        "perimeter_version": __version__,
    }
    if state.resources or state.outputs:
        data["values"] = state_values(state, schemas)
    return data


def state_values(state: State, schemas: Schemas | None = None) -> dict[str, Any]:
    """Its ``values``: outputs and the module tree."""
    data: dict[str, Any] = {}
    if state.outputs:
        data["outputs"] = outputs_json(state)
    data["root_module"] = tree(_resources(state, schemas or {}))
    return data


def outputs_json(state: State) -> dict[str, Any]:
    """Root outputs by name: sensitive, type, value."""
    return {
        name: {"sensitive": item.sensitive, "type": item.type, "value": item.value}
        for name, item in sorted(state.outputs.items())
    }


def _resources(state: State, schemas: Schemas) -> Iterator[tuple[Address, dict[str, Any]]]:
    for text, instance in state.resources.items():
        address = parse_address(text)
        for item in instance.objects:
            yield address, object_json(address, item, schemas.get(item.type))


def object_json(
    address: Address, item: StateObject, schema: Schema | None = None
) -> dict[str, Any]:
    """One object of an instance."""
    data = {
        **identity(address),
        "provider_name": item.provider,
        "schema_version": item.schema_version,
        "values": whole(schema, item.attributes),
        "sensitive_values": sensitive_mask(item.attributes, item.sensitive),
    }
    if item.dependencies:
        data["depends_on"] = list(item.dependencies)
    if item.tainted:
        data["tainted"] = True
    if item.role == "deposed":
        data["deposed_key"] = item.key
    elif item.role != "current":
        data["role"] = item.role
    return {**data, "id": item.id, "tenant": item.tenant, "protected": item.protected}
