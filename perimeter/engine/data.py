"""Plan a data source: look it up while planning, or at apply when its arguments are not known yet."""

from __future__ import annotations

from perimeter.addresses import Address, InstanceKey, ModulePath
from perimeter.config.decode import decode_body
from perimeter.config.model import Resource
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.engine.diff import sort_text
from perimeter.engine.model import Action, Change
from perimeter.engine.needs import DataNeed
from perimeter.engine.repetition import repetition
from perimeter.engine.scope import Each
from perimeter.engine.work import Pending, ProviderInstance, Work
from perimeter.lang.plain import from_plain, to_plain
from perimeter.lang.values import UNKNOWN, Unseen, Value, unknown
from perimeter.sdk.contract import Attributes
from perimeter.sdk.provider import DataSource


def plan_data(
    work: Work, block: Resource, module: ModulePath, dependencies: tuple[str, ...]
) -> None:
    """Evaluate every instance of a data block into ``work.evaluation``."""
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
        instance = one or work.provider_of(module, block.provider, each)
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
        instances.put(key, _read(work, block, instance, source, module, key, each, dependencies))


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
    return from_plain({name: answer.get(name) for name in kind.attributes}, kind)


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
