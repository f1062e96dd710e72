"""What one resource instance declares, evaluated as far as possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perimeter.addresses import Address, ModulePath
from perimeter.config.decode import decode_body
from perimeter.config.model import Resource
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.engine.conditions import judge
from perimeter.engine.ending import Remainder, remainder
from perimeter.engine.expiry import expiry
from perimeter.engine.instances import Declaration
from perimeter.engine.scope import Each
from perimeter.engine.work import ProviderInstance, Work
from perimeter.hcl.nodes import Block, Expr, GetAttr, Index, Variable
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
        name: _wording(work, block, (name,), module, each)
        for name, value in decoded.attributes.items()
        if name not in kind.schema.secret_names
        and not (value.is_wholly_known and (value.is_null or not work.word_all))
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
    own = lifecycle.expires_at
    ends = expiry(
        work,
        block,
        work.evaluation.value(own, module, problems, each) if own is not None else None,
        integration.expires_at,
        address,
        problems,
    )
    left = remainder(
        work,
        block,
        kind,
        address,
        Remainder(
            desired=desired,
            expressions=expressions,
            sensitive=tuple(sensitive),
            ends=(),
            expiry=ends,
        ),
        lambda names: _wording(work, block, names, module, each),
        problems,
    )
    triggered = _triggered(work, block, module, each)
    imported = work.imports.get(str(address))
    work.diagnostics.extend(problem.at(address=str(address)) for problem in problems)
    return Declaration(
        address=address,
        block=block,
        instance=instance,
        kind=kind,
        desired=left.desired,
        declared=desired,
        sensitive=left.sensitive,
        expressions=left.expressions,
        dependencies=dependencies,
        integration=integration.name,
        prevent_destroy=prevent,
        triggered=triggered,
        expiry=left.expiry,
        ends=left.ends,
        import_id=imported.id if imported is not None else None,
    )


def _wording(
    work: Work, block: Resource, names: tuple[str, ...], module: ModulePath, each: Each | None
) -> str:
    """The digest of what decides arguments, or all nested blocks of some types."""
    written: list[Expr | Block] = []
    for name in names:
        given = block.body.attributes.get(name)
        if given is not None:
            written.append(given.expr)
            continue
        written += [
            item
            for item in block.body.blocks
            if item.type == name or (item.type == "dynamic" and name in item.labels)
        ]
    by = block.for_each or block.count
    return work.wording.digest(written, module, each, by)


def check_ignored(block: Resource, kind: ResourceType, problems: Diagnostics) -> None:
    """Report ``ignore_changes`` entries that name nothing of the type."""
    names = kind.schema.type.attributes
    for path in block.lifecycle.ignore_changes:
        if path == "all" or isinstance(path, str):
            return
        if path[0] not in names:
            problems.error(
                "Unsupported attribute",
                f'This object has no argument, nested block, or exported attribute named "{path[0]}".'
                f"{did_you_mean(str(path[0]), names)}",
                block.lifecycle.ignored_at or block.range,
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
