"""The configuration as the plan's JSON shows it: what each block's arguments are or refer to.

Constants that may be secret are left out: those of provider blocks, and of arguments whose schema says so or is not at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.config.json_files import settled
from perimeter.config.model import (
    ActionBlock,
    Config,
    Module,
    ModuleCall,
    ProviderRef,
    Resource,
)
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block, Body, Call, Expr
from perimeter.hcl.walk import children
from perimeter.lang.evaluate import evaluate
from perimeter.lang.plain import to_plain
from perimeter.lang.references import references
from perimeter.lang.scope import StaticScope, Traversal
from perimeter.sdk.schema import Attribute, NestedBlock, Schema

Schemas = Mapping[str, Schema]


def configuration_json(config: Config, schemas: Schemas | None = None) -> dict[str, Any]:
    """Provider configurations and the module tree as JSON data; schemas by resource type."""
    providers: dict[str, Any] = {}
    for path, module in config.modules.items():
        prefix = f"{module.address}:" if path else ""
        for key, item in module.provider_configs.items():
            data: dict[str, Any] = {"name": item.name, "full_name": _full_name(module, item.name)}
            if item.alias:
                data["alias"] = item.alias
            if path:
                data["module_address"] = module.address
            expressions = _body(item.body, item.meta, None, constants=False)
            providers[prefix + key] = data | ({"expressions": expressions} if expressions else {})
    for module in config.modules.values():
        refs = [item.provider for item in module.resources.values()]
        refs += [item.provider for item in module.actions.values()]
        for ref in refs:
            key = _provider_key(config, module, ref)
            where, _, _ = key.rpartition(":")
            implied = {"name": ref.name, "full_name": _full_name(module, ref.name)}
            providers.setdefault(key, implied | ({"module_address": where} if where else {}))
    return {
        **({"provider_config": dict(sorted(providers.items()))} if providers else {}),
        "root_module": _module(config, config.root, schemas or {}),
    }


def _full_name(module: Module, name: str) -> str:
    required = module.required_providers.get(name)
    return required.entry_point if required is not None else name


def _provider_key(config: Config, module: Module, ref: ProviderRef) -> str:
    """Under which key ``provider_config`` has the configuration that a block uses: its own, a passed or a caller's."""
    own = f"{module.address}:{ref.key}" if module.path else ref.key
    key, path = ref.key, module.path
    while True:
        here = config.modules[path]
        if key in here.provider_configs:
            return f"{here.address}:{key}" if path else key
        if not path:
            return own
        call = config.modules[path[:-1]].calls[path[-1]]
        passed = call.providers.get(key)
        key, path = (passed.key if passed is not None else key), path[:-1]


def _module(config: Config, module: Module, schemas: Schemas) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if module.outputs:
        data["outputs"] = {
            name: ({"sensitive": True} if item.sensitive else {})
            | {"expression": _expression(item.value, constant=not item.sensitive)}
            | ({"description": item.description} if item.description else {})
            for name, item in module.outputs.items()
        }
    if module.resources:
        ordered = sorted(
            module.resources.values(), key=lambda item: (item.mode == "data", item.address)
        )
        data["resources"] = [
            _resource(config, module, item, schemas.get(item.type)) for item in ordered
        ]
    if module.actions:
        data["actions"] = [
            _action(config, module, item, schemas.get(item.type))
            for item in module.actions.values()
        ]
    if module.calls:
        data["module_calls"] = {
            name: _call(config, module, call, schemas) for name, call in module.calls.items()
        }
    if module.variables:
        data["variables"] = {}
        for name, item in module.variables.items():
            shown: dict[str, Any] = {}
            if item.default is not None and not item.sensitive:
                shown = {"default": _expression(item.default).get("constant_value")}
            if item.description:
                shown["description"] = item.description
            if item.sensitive:
                shown["sensitive"] = True
            data["variables"][name] = shown
    return data


def _resource(
    config: Config, module: Module, item: Resource, schema: Schema | None
) -> dict[str, Any]:
    data: dict[str, Any] = {
        "address": item.address,
        "mode": item.mode,
        "type": item.type,
        "name": item.name,
        "provider_config_key": _provider_key(config, module, item.provider),
    }
    expressions = _body(item.body, item.meta, schema)
    if expressions:
        data["expressions"] = expressions
    if schema is not None:
        data["schema_version"] = schema.version
    if item.count is not None and (shown := _expression(item.count)):
        data["count_expression"] = shown
    if item.for_each is not None and (shown := _expression(item.for_each)):
        data["for_each_expression"] = shown
    if item.depends_on:
        data["depends_on"] = [str(step) for step in item.depends_on]
    return data


def _action(
    config: Config, module: Module, item: ActionBlock, schema: Schema | None
) -> dict[str, Any]:
    data: dict[str, Any] = {
        "address": item.address,
        "type": item.type,
        "name": item.name,
        "provider_config_key": _provider_key(config, module, item.provider),
        "expressions": _body(item.body, frozenset(), schema),
    }
    if item.count is not None and (shown := _expression(item.count)):
        data["count_expression"] = shown
    if item.for_each is not None and (shown := _expression(item.for_each)):
        data["for_each_expression"] = shown
    return data


def _call(config: Config, module: Module, call: ModuleCall, schemas: Schemas) -> dict[str, Any]:
    data: dict[str, Any] = {
        "source": call.source,
        "expressions": {
            name: _expression(item.expr, constant=False) for name, item in call.inputs.items()
        },
    }
    if call.count is not None and (shown := _expression(call.count)):
        data["count_expression"] = shown
    if call.for_each is not None and (shown := _expression(call.for_each)):
        data["for_each_expression"] = shown
    if call.version:
        data["version_constraint"] = call.version
    if call.depends_on:
        data["depends_on"] = [str(step) for step in call.depends_on]
    child = config.child(module, call.name)
    if child is not None:
        data["module"] = _module(config, child, schemas)
    return data


def _body(
    body: Body,
    meta: frozenset[str],
    schema: Schema | NestedBlock | None,
    *,
    constants: bool = True,
) -> dict[str, Any]:
    attributes: Mapping[str, Attribute] = schema.attributes if schema is not None else {}
    nested: Mapping[str, NestedBlock] = schema.blocks if schema is not None else {}
    found: dict[str, Any] = {}
    body = settled(body, nested, Diagnostics(), escape=bool(meta))
    for name, item in body.attributes.items():
        if name in meta:
            continue
        attribute = attributes.get(name)
        open_ = (
            constants and attribute is not None and not (attribute.is_secret or attribute.sensitive)
        )
        found[name] = _expression(item.expr, constant=open_)
    for block in body.blocks:
        if block.type in meta:
            continue
        kind, inner = _block(block)
        found.setdefault(kind, []).append(
            _body(inner, frozenset(), nested.get(kind), constants=constants)
        )
    return found


def _block(block: Block) -> tuple[str, Body]:
    if block.type == "dynamic" and block.labels:
        content = next(
            (item.body for item in block.body.blocks if item.type == "content"), block.body
        )
        return block.labels[0], content
    return block.type, block.body


def _expression(expr: Expr, *, constant: bool = True) -> dict[str, Any]:
    used = references(expr)
    if used:
        return {"references": [name for traversal in used for name in _prefixes(traversal)]}
    if not constant or _calls(expr):
        return {}
    problems = Diagnostics()
    value = evaluate(expr, StaticScope(), problems)
    if problems.has_errors or not value.is_wholly_known:
        return {}
    return {"constant_value": to_plain(value)}


def _calls(expr: Expr) -> bool:
    """Whether a function takes part: what it gives is no constant of the configuration."""
    return isinstance(expr, Call) or any(_calls(inner) for inner in children(expr))


_ROOTS = {"var": 2, "local": 2, "module": 2, "each": 2, "count": 2, "path": 2, "data": 3}


def _prefixes(traversal: Traversal) -> list[str]:
    """The reference and each shorter one that still names something, longest first, as Terraform lists them."""
    shortest = _ROOTS.get(traversal.root, 2)
    if shortest == 2 and traversal.root in ("var", "local", "each", "count", "path"):
        steps = traversal.steps[:1]
        return [str(Traversal(traversal.root, steps, traversal.range))]
    return [
        str(Traversal(traversal.root, traversal.steps[:length], traversal.range))
        for length in range(len(traversal.steps), shortest - 2, -1)
    ]
