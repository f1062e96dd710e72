"""What one resource instance declares, evaluated as far as possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perimeter.addresses import Address, ModulePath
from perimeter.config.decode import decode_body
from perimeter.config.model import Resource
from perimeter.diagnostics import Diagnostics
from perimeter.engine.clock import InvalidTimeError, instant
from perimeter.engine.conditions import judge
from perimeter.engine.instances import Declaration
from perimeter.engine.scope import Each
from perimeter.engine.work import ProviderInstance, Work
from perimeter.hcl.nodes import Expr, GetAttr, Index, Variable
from perimeter.lang.marks import apply_marks, mark_paths
from perimeter.lang.plain import from_plain, to_plain
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Value
from perimeter.sdk.contract import Attributes
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.schema import Schema
from perimeter.state.model import Path


def declare(
    work: Work,
    block: Resource,
    instance: ProviderInstance,
    kind: ResourceType,
    address: Address,
    each: Each | None,
    dependencies: tuple[str, ...],
) -> Declaration:
    """Evaluate one instance of a resource block; what is wrong is reported to ``work.diagnostics``."""
    module = address.module
    problems = Diagnostics()
    lifecycle = block.lifecycle
    if lifecycle.preconditions:
        scope = work.evaluation.scope(module, each)
        summary = "Resource precondition failed"
        found = judge(lifecycle.preconditions, scope, str(address), summary, work.diagnostics)
        work.checks.extend(found)
    scope = work.evaluation.scope(module, each)
    decoded = decode_body(
        block.body,
        kind.schema,
        scope,
        problems,
        skip=block.meta,
        where=f'resource "{block.type}" "{block.name}"',
    )
    _refuse_ephemeral(kind.schema, block, decoded.attributes, problems)
    desired = {
        name: to_plain(value) for name, value in decoded.attributes.items() if not value.is_null
    }
    expressions = {
        name: block.body.attributes[name].expr.text
        for name, value in decoded.attributes.items()
        if name in block.body.attributes and not value.is_wholly_known
    }
    sensitive: list[Path] = []
    for name, value in decoded.attributes.items():
        if value.deep_marks():
            sensitive.extend(
                (name, *path) for path in sorted(mark_paths(value, SENSITIVE), key=str)
            )
    integration = _integration(work, block, module, each, problems)
    prevent = lifecycle.prevent_destroy
    if not isinstance(prevent, bool):
        prevent = work.evaluation.value(prevent, module, problems, each).raw is True
    expired = _expired(work, block, integration, module, each, problems)
    triggered = _triggered(work, block, module, each)
    imported = work.imports.get(str(address))
    work.diagnostics.extend(problem.at(address=str(address)) for problem in problems)
    return Declaration(
        address=address,
        block=block,
        instance=instance,
        kind=kind,
        desired=desired,
        sensitive=tuple(sensitive),
        expressions=expressions,
        dependencies=dependencies,
        integration=integration.name,
        prevent_destroy=prevent,
        triggered=triggered,
        expired=expired,
        import_id=imported.id if imported is not None else None,
    )


def _refuse_ephemeral(
    schema: Schema, block: Resource, values: Mapping[str, Value], problems: Diagnostics
) -> None:
    for name, value in values.items():
        attribute = schema.attributes.get(name)
        if EPHEMERAL in value.deep_marks() and not (attribute is not None and attribute.is_secret):
            where = block.body.attributes.get(name)
            problems.error(
                "Invalid use of ephemeral value",
                f'Ephemeral values are not valid for "{name}", because it is kept in state. Use a write-only argument instead.',
                where.expr.range if where is not None else block.range,
            )


@dataclass(frozen=True, slots=True)
class _Joined:
    """The integration a resource belongs to: its name and until when it may exist; both may be empty."""

    name: str = ""
    expires_at: Value | None = None


def _integration(
    work: Work, block: Resource, module: ModulePath, each: Each | None, problems: Diagnostics
) -> _Joined:
    if block.integration is None:
        return _Joined()
    parts = work.evaluation.value(block.integration, module, problems, each).raw
    if not isinstance(parts, dict) or "name" not in parts:
        problems.error(
            "Invalid integration",
            "The integration argument must refer to an integration block, as in integration = integration.NAME.",
            block.integration.range,
        )
        return _Joined()
    return _Joined(str(parts["name"].raw), parts.get("expires_at"))


def _expired(
    work: Work,
    block: Resource,
    integration: _Joined,
    module: ModulePath,
    each: Each | None,
    problems: Diagnostics,
) -> str:
    """Since when the declaration, or the integration it belongs to, means absence; empty while it does not."""
    found: list[Value] = []
    if block.lifecycle.expires_at is not None:
        found.append(work.evaluation.value(block.lifecycle.expires_at, module, problems, each))
    if integration.expires_at is not None:
        found.append(integration.expires_at)
    for value in found:
        if value.is_null or not value.is_known:
            continue
        try:
            if instant(str(value.raw)) <= instant(work.now):
                return str(value.raw)
        except InvalidTimeError as problem:
            problems.error("Invalid expires_at", str(problem), block.range)
    return ""


def _triggered(
    work: Work, block: Resource, module: ModulePath, each: Each | None
) -> tuple[str, ...]:
    """Printed addresses of ``replace_triggered_by`` that will change."""
    found: list[str] = []
    for expr in block.lifecycle.replace_triggered_by:
        steps = _steps(work, expr, module, each)
        if len(steps) < 2:
            continue
        wanted = Address(module, str(steps[0]), str(steps[1]))
        rest = steps[2:]
        key = rest.pop(0) if rest and _is_repeated(work, wanted) else None
        attribute = next((step for step in rest if isinstance(step, str)), None)
        for change in work.changes:
            address = change.address
            if address is None or address.block != wanted or not change.does_something:
                continue
            if key is not None and address.key != key:
                continue
            if attribute is None or attribute in change.changed or change.action.is_replace:
                found.append(str(address))
    return tuple(found)


def _is_repeated(work: Work, block: Address) -> bool:
    instances = work.evaluation.resource(block.module, block.mode, block.type, block.name)
    return instances is not None and instances.repetition.repeated


def _steps(work: Work, expr: Expr, module: ModulePath, each: Each | None) -> list[str | int]:
    """A traversal's root and steps, computed keys evaluated: ``okta_app.crm[each.key].label``."""
    steps: list[str | int] = []
    while not isinstance(expr, Variable):
        if isinstance(expr, GetAttr):
            steps.append(expr.name)
        elif isinstance(expr, Index):
            key = work.evaluation.value(expr.key, module, work.diagnostics, each).raw
            if not isinstance(key, str | int):
                return []
            steps.append(key)
        else:
            return []
        expr = expr.object
    return [expr.name, *reversed(steps)]


def as_value(schema: Schema, attributes: Attributes, sensitive: tuple[Path, ...]) -> Value:
    """An object's attributes as expressions see them, sensitive parts marked."""
    value = from_plain({name: attributes.get(name) for name in schema.type.attributes}, schema.type)
    paths = [
        *sensitive,
        *((name,) for name, attribute in schema.attributes.items() if attribute.sensitive),
    ]
    return apply_marks(value, paths, SENSITIVE) if paths else value
