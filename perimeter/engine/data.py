"""Plan a data source: look it up while planning, or at apply when its arguments are not known yet."""

from __future__ import annotations

from perimeter.addresses import Address, InstanceKey, ModulePath
from perimeter.config.decode import decode_body
from perimeter.config.model import Resource
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.engine.conditions import POSTCONDITION, PRECONDITION, judge
from perimeter.engine.diff import sort_text
from perimeter.engine.instances import data_key
from perimeter.engine.model import Action, Change
from perimeter.engine.needs import DataNeed, Need, StateNeed
from perimeter.engine.remote import read_value
from perimeter.engine.repetition import repetition
from perimeter.engine.scope import Each
from perimeter.engine.work import Pending, ProviderInstance, Work
from perimeter.lang.marks import apply_marks, mark_paths
from perimeter.lang.plain import from_plain, to_plain
from perimeter.lang.values import SENSITIVE, UNKNOWN, Unseen, Value, unknown
from perimeter.sdk.contract import Attributes, Tenant
from perimeter.sdk.provider import DataSource


def plan_data(
    work: Work,
    block: Resource,
    module: ModulePath,
    dependencies: tuple[str, ...],
    *,
    wanted: bool = True,
) -> None:
    """Evaluate every instance of a data block into ``work.evaluation``; it is not read unless it is ``wanted``."""
    found = repetition(
        block.count,
        block.for_each,
        work.evaluation.scope(module),
        work.diagnostics,
        block.lifecycle.enabled,
    )
    instances = work.evaluation.expand((module, "data", block.type, block.name), found)
    one = None if block.provider.instance is not None else work.provider_of(module, block.provider)
    for key in found.keys:
        each = found.each(key)
        own = block.instance_providers.get(
            str(Address(module, block.type, block.name, key, "data"))
        )
        instance = work.provider_of(module, own) if own is not None else one
        instance = instance or work.provider_of(module, block.provider, each)
        source = instance.provider.data_sources.get(block.type) if instance is not None else None
        if instance is None or source is None:
            known = instance.provider.data_sources if instance is not None else {}
            work.diagnostics.error(
                "Invalid data source",
                f'No provider of this configuration supports data source "{block.type}".{did_you_mean(block.type, known)}',
                block.range,
            )
            instances.put(key, unknown())
            continue
        if not wanted:
            instances.put(key, unknown(source.schema.type))
            continue
        if not _judged(work, block, module, key, each, PRECONDITION):
            instances.put(key, unknown(source.schema.type))
            continue
        instances.put(key, _read(work, block, instance, source, module, key, each, dependencies))
        _judged(work, block, module, key, each, POSTCONDITION, instances.values[key])


def _judged(
    work: Work,
    block: Resource,
    module: ModulePath,
    key: InstanceKey,
    each: Each | None,
    summary: str,
    this: Value | None = None,
) -> bool:
    """Judge the conditions that a summary is about; whether none of them failed."""
    lifecycle = block.lifecycle
    found = lifecycle.preconditions if summary == PRECONDITION else lifecycle.postconditions
    if not found:
        return True
    subject = str(Address(module, block.type, block.name, key, "data"))
    scope = work.evaluation.scope(module, each, this)
    results = judge(found, scope, subject, summary, work.diagnostics)
    work.checks.extend(results)
    return all(item.status != "fail" for item in results)


def _read(
    work: Work,
    block: Resource,
    instance: ProviderInstance,
    source: DataSource,
    module: ModulePath,
    key: InstanceKey,
    each: Each | None,
    dependencies: tuple[str, ...],
) -> Value:
    address = Address(module, block.type, block.name, key, "data")
    problems = Diagnostics()
    scope = work.evaluation.scope(module, each)
    decoded = decode_body(
        block.body,
        source.schema,
        scope,
        problems,
        skip=block.meta,
        where=f'data "{block.type}" "{block.name}"',
    )
    work.diagnostics.extend(problem.at(address=str(address)) for problem in problems)
    config = {
        name: to_plain(value) for name, value in decoded.attributes.items() if not value.is_null
    }
    kind = source.schema.type
    waits = [str(step) for step in block.depends_on]
    pending = waits and any(
        change.does_something for change in work.changes if _depends(change, block)
    )
    if (
        instance.config is None
        or pending
        or not all(value.is_wholly_known for value in decoded.attributes.values())
    ):
        reason = "read_because_dependency_pending" if pending else "read_because_config_unknown"
        _later(work, block, instance, source, address, config, dependencies, reason)
        return from_plain({name: config.get(name, UNKNOWN) for name in kind.attributes}, kind)
    if source.reads_states:
        tenant: Tenant | Unseen | Pending = Tenant(id="", name="")
        need: Need = StateNeed(instance.key, source.name, data_key(config), config)
    else:
        tenant = work.tenant(instance)
        need = DataNeed(instance.key, source.name, sort_text(config), config)
    answer = work.see(need)
    if isinstance(answer, Pending) or isinstance(tenant, Pending):
        return unknown(kind)
    if isinstance(tenant, Unseen):
        answer = tenant
    if isinstance(answer, Unseen):
        work.hide(instance.key, str(address), answer)
        return unknown(kind, answer)
    if answer is None:
        work.diagnostics.error(
            "No such object",
            f"{address} found nothing in the tenant that fits its arguments. Check them, or create the object first.",
            block.range,
            address=str(address),
        )
        return unknown(kind)
    marked = [
        (name, *path)
        for name, value in decoded.attributes.items()
        for path in mark_paths(value, SENSITIVE)
    ]
    return apply_marks(read_value(source.schema, answer), marked, SENSITIVE)


def _depends(change: Change, block: Resource) -> bool:
    return change.address is not None and any(
        step.root == change.address.type and step.steps and step.steps[0].key == change.address.name
        for step in block.depends_on
    )


def _later(
    work: Work,
    block: Resource,
    instance: ProviderInstance,
    source: DataSource,
    address: Address,
    config: Attributes,
    dependencies: tuple[str, ...],
    reason: str,
) -> None:
    work.changes.append(
        Change(
            address=address,
            type=source.name,
            provider=instance.key,
            provider_name=instance.name,
            action=Action.READ,
            reason=reason,
            after={name: config.get(name, UNKNOWN) for name in source.schema.type.attributes},
            desired=config,
            dependencies=dependencies,
            block=f"{block.range.filename}:{block.range.start.line}",
            schema=source.schema,
        )
    )
