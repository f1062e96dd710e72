"""Actions while planning: what a trigger or ``-invoke`` invokes, with which configuration; pure.

Blocks are evaluated as the walk reaches them. Which of their instances are invoked is decided once every change is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from perimeter.addresses import Address, InstanceKey, ModulePath, parse_address
from perimeter.config.decode import decode_body
from perimeter.config.model import ActionBlock, ActionRef, ActionTrigger
from perimeter.diagnostics import Diagnostics, Range, did_you_mean
from perimeter.engine.fingerprint import fingerprint
from perimeter.engine.model import Action, Change, Invocation
from perimeter.engine.repetition import Repetition, repetition
from perimeter.engine.scope import Each
from perimeter.engine.work import Pending, ProviderInstance, Work
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.evaluate import evaluate
from perimeter.lang.marks import mark_paths
from perimeter.lang.plain import to_plain
from perimeter.lang.types import BOOL
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Unseen, Value
from perimeter.sdk.actions import ActionType
from perimeter.sdk.contract import Attributes
from perimeter.sdk.schema import Schema
from perimeter.state.model import Intent, Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionInstances:
    """An action block in one module instance, evaluated."""

    block: ActionBlock
    repetition: Repetition
    changes: Mapping[InstanceKey, tuple[Change, ActionType, ProviderInstance]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """An action's configuration: plain values, the expressions of those that are not known, and what nobody is shown."""

    config: Attributes
    expressions: Mapping[str, str]
    sensitive: tuple[Path, ...]


def decode_config(
    block: ActionBlock, schema: Schema, work: Work, address: Address, each: Each | None
) -> Decoded:
    """Evaluate the ``config`` block for one instance; problems are reported."""
    problems = Diagnostics()
    scope = work.evaluation.scope(address.module, each)
    where = f'action "{block.type}" "{block.name}"'
    values = decode_body(block.body, schema, scope, problems, where=where).attributes
    for name, value in values.items():
        attribute = schema.attributes.get(name)
        if EPHEMERAL in value.deep_marks() and not (attribute is not None and attribute.is_secret):
            problems.error(
                "Invalid use of ephemeral value",
                f'Ephemeral values are not valid for "{name}", because the plan shows it. Only a write-only argument '
                "takes one.",
                block.range,
            )
    work.diagnostics.extend(item.at(address=str(address)) for item in problems)
    given = block.body.attributes
    own = [(name,) for name, attribute in schema.attributes.items() if attribute.sensitive]
    marked = [
        (name, *path)
        for name, value in values.items()
        for path in sorted(mark_paths(value, SENSITIVE), key=str)
    ]
    return Decoded(
        config={name: to_plain(value) for name, value in values.items() if not value.is_null},
        expressions={
            name: work.wording.digest(
                [given[name].expr], address.module, each, block.for_each or block.count
            )
            for name, value in values.items()
            if name in given and (work.word_all or not value.is_wholly_known)
        },
        sensitive=tuple(dict.fromkeys((*own, *marked))),
    )


def plan_action(
    work: Work, block: ActionBlock, module: ModulePath, dependencies: tuple[str, ...]
) -> None:
    """Evaluate every instance of an action block into ``work.actions``."""
    found = repetition(block.count, block.for_each, work.evaluation.scope(module), work.diagnostics)
    work.evaluation.expand((module, "action", block.type, block.name), found)
    changes: dict[InstanceKey, tuple[Change, ActionType, ProviderInstance]] = {}
    for key in found.keys:
        each = found.each(key)
        instance = work.provider_of(module, block.provider, each)
        known = instance.provider.actions if instance is not None else {}
        kind = known.get(block.type)
        if instance is None or kind is None:
            _unknown_type(work, block, instance)
            continue
        address = Address(module, block.type, block.name, key, "action")
        decoded = decode_config(block, kind.schema, work, address, each)
        for path, problem in kind.validate(decoded.config):
            given = block.body.attributes.get(str(path[0])) if path else None
            work.diagnostics.error(
                "Invalid configuration",
                problem,
                given.expr.range if given else block.range,
                address=str(address),
            )
        secrets = kind.schema.secret_names
        change = Change(
            address=address,
            type=block.type,
            provider=instance.key,
            provider_name=instance.name,
            action=Action.INVOKE,
            after={name: v for name, v in decoded.config.items() if name not in secrets},
            desired=decoded.config,
            sensitive_after=decoded.sensitive,
            direction=kind.direction(decoded.config),
            dependencies=dependencies,
            changed=frozenset(decoded.config),
            fingerprint="",
            block=f"{block.range.filename}:{block.range.start.line}",
            schema=kind.schema,
        )
        work.expressions[str(address)] = decoded.expressions
        changes[key] = (change, kind, instance)
    work.actions[module, block.type, block.name] = ActionInstances(
        block=block, repetition=found, changes=changes
    )


def _unknown_type(work: Work, block: ActionBlock, instance: ProviderInstance | None) -> None:
    if instance is None:
        work.diagnostics.error(
            "Provider configuration not present",
            f'{block.address} needs the provider configuration "{block.provider.key}", which this configuration does '
            "not have. Add a provider block, or check the provider argument.",
            block.provider.range or block.range,
        )
        return
    known = instance.provider.actions
    work.diagnostics.error(
        "Invalid action type",
        f'The provider {instance.name} does not support action type "{block.type}".'
        f"{did_you_mean(block.type, known)}",
        block.range,
    )


def plan_triggered(work: Work) -> None:
    """Plan the invocations that the planned changes of resources trigger."""
    for change in list(work.changes):
        address = change.address
        if address is None or address.mode != "managed" or change.deposed:
            continue
        words = _words(change.action)
        module = work.config.modules.get(address.module.names)
        key = ("managed", address.type, address.name)
        block = module.resources.get(key) if module is not None else None
        if not words or block is None or not block.lifecycle.triggers:
            continue
        instances = work.evaluation.resource(address.module, "managed", address.type, address.name)
        each = instances.repetition.each(address.key) if instances is not None else None
        this = instances.values.get(address.key) if instances is not None else None
        for position, trigger in enumerate(block.lifecycle.triggers):
            events = [event for event in trigger.events if event.partition("_")[2] in words]
            if not events or not _holds(work, trigger, address, each, this):
                continue
            for event in events:
                for index, ref in enumerate(trigger.actions):
                    _trigger(work, change, trigger, ref, each, (event, position, index))


def _words(action: Action) -> frozenset[str]:
    """What happens to the resource, as events name it."""
    if action is Action.CREATE or action.is_replace:
        return frozenset({"create"})
    return frozenset({"update"}) if action is Action.UPDATE else frozenset()


def _holds(
    work: Work, trigger: ActionTrigger, address: Address, each: Each | None, this: Value | None
) -> bool:
    if trigger.condition is None:
        return True
    problems = Diagnostics()
    before = any(event.startswith("before_") for event in trigger.events)
    scope = work.evaluation.scope(address.module, each, None if before else this)
    value = evaluate(trigger.condition, scope, problems)
    where = trigger.condition.range
    if not problems.has_errors and not value.is_known:
        problems.error(
            "Condition must be known",
            "The condition expression resulted in an unknown value, but it must be a known boolean value while "
            "planning. Let it refer to arguments that configuration gives.",
            where,
        )
    verdict = False
    if not problems.has_errors:
        try:
            result = convert(value, BOOL).raw
        except ConversionError:
            result = None
        if isinstance(result, bool):
            verdict = result
        else:
            problems.error(
                "Invalid condition expression",
                "The condition expression must evaluate to a boolean value, either true or false.",
                where,
            )
    work.diagnostics.extend(item.at(address=str(address)) for item in problems)
    return verdict


def _trigger(
    work: Work,
    change: Change,
    trigger: ActionTrigger,
    ref: ActionRef,
    each: Each | None,
    at: tuple[str, int, int],
) -> None:
    assert change.address is not None
    module = change.address.module
    found = work.actions.get((module, ref.type, ref.name))
    if found is None:
        return
    key: InstanceKey = None
    if ref.key is not None:
        raw = work.evaluation.value(ref.key, module, work.diagnostics, each).raw
        whole = int(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw
        key = whole if isinstance(whole, str | int) else None
    planned = found.changes.get(key)
    where = ref.range or trigger.range
    if planned is None:
        if found.repetition.kind != "unknown" and key not in found.repetition.keys:
            _no_instance(work, found, key, where, change)
        return
    event, position, index = at
    _plan(
        work,
        planned,
        Invocation(
            change=planned[0],
            trigger=str(change.address),
            event=event,
            block=position,
            index=index,
        ),
    )


def _no_instance(
    work: Work, found: ActionInstances, key: InstanceKey, where: Range, change: Change
) -> None:
    known = ", ".join(f"[{one!r}]".replace("'", '"') for one in found.repetition.keys[:10])
    if key is None:
        why = f"{found.block.address} is repeated, so a reference to it needs an instance key"
    else:
        why = f"{found.block.address} has no instance with the key {key!r}".replace("'", '"')
    work.diagnostics.error(
        "Reference to non-existent action instance",
        f"{why}{f'; there are: {known}' if found.repetition.repeated else ''}.",
        where,
        address=change.name,
    )


def plan_invoked(work: Work) -> None:
    """Plan the invocation that ``-invoke`` asks for."""
    for text in work.options.invoke:
        wanted = parse_address(text)
        found = work.actions.get((wanted.module, wanted.type, wanted.name))
        if found is None:
            others = [
                str(Address(module, kind, name, None, "action"))
                for module, kind, name in work.actions
            ]
            listed = "".join(f"\n  -invoke={name}" for name in sorted(others)[:10])
            work.diagnostics.error(
                "Invalid action target",
                f"{text} is not declared, so it cannot be invoked."
                + (
                    f" These actions are:{listed}"
                    if listed
                    else " Declare it with an action block."
                ),
            )
            continue
        keys = found.repetition.keys if wanted.key is None else (wanted.key,)
        for key in keys:
            planned = found.changes.get(key)
            if planned is not None:
                _plan(work, planned, Invocation(change=planned[0]))
            elif key not in found.repetition.keys:
                known = "".join(
                    f"\n  -invoke='{replace(wanted, key=one)}'"
                    for one in found.repetition.keys[:10]
                )
                work.diagnostics.error(
                    "Invalid action target",
                    f"{text} is not an instance of {found.block.address}. There are:{known or ' none.'}",
                )


def _plan(
    work: Work, planned: tuple[Change, ActionType, ProviderInstance], wanted: Invocation
) -> None:
    change, _, instance = planned
    if instance.config is None:
        work.diagnostics.warning(
            "Action cannot be planned yet",
            f"The configuration of the {instance.key} provider is known only after the apply, so {change.name} is left "
            f"out. Invoke it then: -invoke={change.name}",
            address=change.name,
        )
        return
    tenant = work.tenant(instance)
    if isinstance(tenant, Pending):
        return
    if isinstance(tenant, Unseen):
        work.hide(instance.key, change.name, tenant)
        return
    change = replace(
        change,
        tenant=tenant,
        worded=work.expressions.get(change.name, {}),
        secrets={"$trigger": f"{wanted.event} {wanted.trigger}".strip()},
    )
    work.invocations.append(
        replace(wanted, change=replace(change, fingerprint=fingerprint(change)))
    )


def warn_of_unanswered(work: Work, intents: tuple[Intent, ...]) -> None:
    """Say which invocations of earlier runs nobody knows the end of."""
    for intent in intents:
        work.diagnostics.warning(
            "Action may have been invoked",
            f"An earlier apply began to invoke {intent.address} at {intent.at} and never learned whether it ran. It is "
            "not repeated by itself. Look at the tenant; if it is to run (again): "
            f"perimeter apply -invoke={intent.address}",
            address=intent.address,
        )
