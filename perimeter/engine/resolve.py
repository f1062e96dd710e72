"""Decide at apply time what a plan had to leave open, from the resources applied so far.

Runs in the thread that owns the evaluation; the calls themselves run elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from perimeter.config.decode import decode_body
from perimeter.config.model import Resource
from perimeter.diagnostics import Diagnostic, Diagnostics, error
from perimeter.engine.conditions import judge
from perimeter.engine.diff import difference, is_wholly_known
from perimeter.engine.ends import settle
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.instances import ignoring
from perimeter.engine.model import Action, Change
from perimeter.engine.needs import ListNeed
from perimeter.engine.refinement import kept
from perimeter.engine.scope import Each
from perimeter.engine.snapshot import Snapshot
from perimeter.engine.work import ProviderInstance
from perimeter.lang.plain import to_plain
from perimeter.sdk.contract import Attributes, Direction, Listing, Transition
from perimeter.sdk.provider import DataSource, ResourceType
from perimeter.sdk.schema import Schema

_NOTHING = Snapshot()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A change with nothing left open but what the vendor decides; ``problems`` say why it cannot be made."""

    change: Change
    problems: tuple[Diagnostic, ...] = field(default=())


def resolve(
    evaluation: Evaluation,
    instance: ProviderInstance,
    change: Change,
    snapshot: Snapshot = _NOTHING,
) -> Resolved:
    """Evaluate a create, update or read again where the plan left parts unknown.

    ``snapshot``: what the plan was made on; it tells what else the collection holds.
    """
    if change.address is None:
        return Resolved(change=change)
    block = _block(evaluation, change)
    problems = Diagnostics()
    _preconditions(evaluation, change, block, problems)
    if problems.has_errors:
        return Resolved(change=change, problems=tuple(problems))
    if change.action is Action.READ:
        source = instance.provider.data_sources[change.type]
        desired = _configured(evaluation, change, block, source.schema, problems)
        return _checked(change, replace(change, desired=desired), desired, problems)
    kind = instance.provider.resources[change.type]
    if is_wholly_known(change.desired) and not kind.schema.secret_names & change.desired.keys():
        return Resolved(change=change)
    restored = evaluation.restored.get(str(change.address))
    desired = (
        restored.wanted(evaluation)
        if restored is not None
        else _wanted(evaluation, change, block, kind, problems)
    )
    if change.action is Action.UPDATE and change.before is not None:
        before = change.before
        found = difference(
            kind.schema,
            ignoring(block, desired, before),
            before,
            before,
            secrets=change.changed,
        )
        after, changed = found.after, change.changed | found.changed
    else:
        before = None
        after, changed = difference(kind.schema, desired, None).after, change.changed
    transition = Transition(before=before, after=after, tenant=change.tenant)
    if before is None or changed:
        after = dict(kind.plan(transition))
    decided = replace(change, desired=desired, after=after, changed=changed)
    for problem in (
        _otherwise(kind.schema, change, decided),
        _wider(kind, change, decided, _siblings(snapshot, kind, decided)),
    ):
        if problem is not None:
            problems.add(problem)
    return _checked(change, decided, desired, problems)


def _block(evaluation: Evaluation, change: Change) -> Resource:
    address = change.address
    assert address is not None
    restored = evaluation.restored.get(str(address))
    if restored is not None:
        return restored.block
    module = evaluation.config.modules[address.module.names]
    return module.resources[address.mode, address.type, address.name]


def _each(evaluation: Evaluation, change: Change) -> Each | None:
    address = change.address
    assert address is not None
    found = evaluation.resource(address.module, address.mode, address.type, address.name)
    return found.repetition.each(address.key) if found is not None else None


def _wanted(
    evaluation: Evaluation,
    change: Change,
    block: Resource,
    kind: ResourceType,
    problems: Diagnostics,
) -> Attributes:
    """As the plan settled it: what had ended then is left out."""
    declared = _configured(evaluation, change, block, kind.schema, problems)
    settled = settle(kind, declared, frozenset(end.name for end in change.ends if end.passed))
    return declared if settled is None else settled


def _configured(
    evaluation: Evaluation,
    change: Change,
    block: Resource,
    schema: Schema,
    problems: Diagnostics,
) -> Attributes:
    assert change.address is not None
    scope = evaluation.scope(change.address.module, _each(evaluation, change))
    decoded = decode_body(
        block.body, schema, scope, problems, skip=block.meta, where=f"{block.mode} {block.address}"
    )
    return {
        name: to_plain(value) for name, value in decoded.attributes.items() if not value.is_null
    }


def _preconditions(
    evaluation: Evaluation, change: Change, block: Resource, problems: Diagnostics
) -> None:
    conditions = block.lifecycle.preconditions
    if conditions and change.address is not None:
        scope = evaluation.scope(change.address.module, _each(evaluation, change))
        judge(conditions, scope, str(change.address), "Resource precondition failed", problems)


def _checked(
    planned: Change, decided: Change, desired: Mapping[str, object], problems: Diagnostics
) -> Resolved:
    left = [name for name, value in desired.items() if not is_wholly_known(value)]
    if left and not problems.has_errors:
        problems.add(
            error(
                "Value still unknown",
                f"{planned.name}: {', '.join(sorted(left))} could not be decided, because what it refers to was not "
                "applied. Nothing was sent. Plan again.",
                address=planned.name,
            )
        )
    found = tuple(problem.at(address=planned.name) for problem in problems)
    return Resolved(change=decided, problems=found)


def _siblings(snapshot: Snapshot, kind: ResourceType, change: Change) -> tuple[Attributes, ...]:
    above = kind.identity.parent
    parent = None
    if above is not None:
        parent = str((change.before or change.after or {}).get(above.attribute))
    answer = snapshot.answers.get(ListNeed(change.provider, kind.name, parent))
    return tuple(item.attributes for item in answer.objects) if isinstance(answer, Listing) else ()


def _otherwise(schema: Schema, planned: Change, decided: Change) -> Diagnostic | None:
    """What was planned as unknown must become one of the values that were possible, and the rest what it was."""
    names = sorted(
        name
        for name, value in planned.desired.items()
        if name not in schema.secret_names and not kept(value, decided.desired.get(name))
    )
    if not names:
        return None
    return error(
        "Otherwise than planned",
        f"{planned.name}: {', '.join(names)} would become something that the plan did not say. Nothing was sent. Plan again "
        "and review it.",
        address=planned.name,
    )


def _wider(
    kind: ResourceType, planned: Change, decided: Change, siblings: tuple[Attributes, ...]
) -> Diagnostic | None:
    """Less than approved is fine, more is not: what was planned as harmless must not widen once it is known."""
    if planned.direction in (Direction.WIDENS, Direction.UNKNOWN):
        return None
    transition = Transition(
        before=decided.before, after=decided.after, siblings=siblings, tenant=decided.tenant
    )
    if kind.direction(transition) not in (Direction.WIDENS, Direction.UNKNOWN):
        return None
    return error(
        "Wider than planned",
        f"{planned.name} was planned as a change that does not widen access; now that all values are known, it would. "
        "Nothing was sent. Plan again and review it.",
        address=planned.name,
    )


def data_source(instance: ProviderInstance, change: Change) -> DataSource:
    """The data source that a ``read`` change asks."""
    return instance.provider.data_sources[change.type]


def postconditions(evaluation: Evaluation, change: Change, diagnostics: Diagnostics) -> None:
    """Judge the postconditions of an instance whose value has just been put into the evaluation."""
    address = change.address
    if address is None:
        return
    block = _block(evaluation, change)
    found = evaluation.resource(address.module, address.mode, address.type, address.name)
    if not block.lifecycle.postconditions or found is None:
        return
    scope = evaluation.scope(address.module, _each(evaluation, change), found.values[address.key])
    judge(
        block.lifecycle.postconditions,
        scope,
        str(address),
        "Resource postcondition failed",
        diagnostics,
    )
