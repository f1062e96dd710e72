"""What state holds after an apply, besides what the journal says: refreshed objects, tombstones, outputs; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from perimeter.addresses import ROOT
from perimeter.config.model import Config
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.expiry import record_starts
from perimeter.engine.model import Action, Plan
from perimeter.engine.rotating.memory import looked_into, record_rotations
from perimeter.engine.steps import remembered_steps
from perimeter.lang.plain import mark_paths, to_plain
from perimeter.lang.typenames import type_json
from perimeter.lang.values import SENSITIVE, Value
from perimeter.state.model import Instance, Intent, Outcome, Output, State, StateObject


def recorded(
    state: State,
    plan: Plan,
    evaluation: Evaluation,
    config: Config,
    touched: frozenset[str],
    *,
    partial: bool = False,
) -> State:
    """The state to write.

    ``state``: with the journal's outcomes; ``touched``: printed addresses that a stage of this run changed; ``partial``:
    whether a part of the plan was held back.
    """
    resources = dict(state.resources)
    for address, anew in plan.refreshed.items():
        known = resources.get(address)
        if address not in touched and known is not None:
            resources[address] = _refreshed(known, anew)
    for name in plan.gone:
        address, _, deposed = name.partition("#")
        known = resources.get(address)
        if known is not None:
            kept = tuple(
                item
                for item in known.objects
                if not (item.key == deposed if deposed else item.role == "current")
            )
            resources[address] = msgspec.structs.replace(known, objects=kept)
    for change in plan.changes:
        if (
            change.action is Action.CREATE
            and change.prior is not None
            and change.address is not None
        ):
            _drop_missed(resources, str(change.address), change.prior)
    _tombstones(resources, plan)
    record_starts(resources, plan, touched)
    record_rotations(resources, plan)
    whole = {
        address: instance
        for address, instance in resources.items()
        if instance.objects or instance.expired_at or instance.rotation is not None
    }
    steps = dict(remembered_steps(state, plan))
    found = msgspec.structs.replace(state, resources=whole, steps=steps)
    if partial or not plan.options.whole:
        # Only what the plan decided; what hangs on the rest stays as remembered.
        decided = {change.name for change in plan.outputs}
        fresh = _outputs(state, plan, evaluation, config) if decided else {}
        left = {n: item for n, item in state.outputs.items() if n not in decided}
        some = {n: item for n, item in fresh.items() if n in decided}
        return msgspec.structs.replace(found, outputs={**left, **some})
    return msgspec.structs.replace(found, outputs=_outputs(state, plan, evaluation, config))


def _drop_missed(resources: dict[str, Instance], address: str, missed: StateObject) -> None:
    """Forget what was deposed by its successor although the plan had found that it is gone."""
    known = resources.get(address)
    if known is not None:
        kept = tuple(
            item
            for item in known.objects
            if not (item.role == "deposed" and (item.id, item.tenant) == (missed.id, missed.tenant))
        )
        resources[address] = msgspec.structs.replace(known, objects=kept)


def _refreshed(known: Instance, anew: StateObject) -> Instance:
    objects = tuple(
        anew if (item.role, item.id) == (anew.role, anew.id) else item for item in known.objects
    )
    return msgspec.structs.replace(known, objects=objects)


def _tombstones(resources: dict[str, Instance], plan: Plan) -> None:
    """An expired declaration leaves a tombstone until it is taken away."""
    if plan.options.refresh_only:
        return
    expired = {
        str(change.address)
        for change in plan.changes
        if change.reason == "expired" and change.address is not None
    }
    for address in expired:
        known = resources.get(address, Instance())
        if not known.expired_at:
            resources[address] = msgspec.structs.replace(known, expired_at=plan.timestamp)
    if not plan.options.whole:
        return
    for address, known in list(resources.items()):
        if known.expired_at and address not in expired:
            resources[address] = msgspec.structs.replace(known, expired_at="")


def _outputs(state: State, plan: Plan, evaluation: Evaluation, config: Config) -> dict[str, Output]:
    if plan.options.destroy:
        return {} if not any(state.resources.values()) else dict(state.outputs)
    found: dict[str, Output] = {}
    for name, declared in config.root.outputs.items():
        value = evaluation.output(ROOT, name)
        if declared.ephemeral or value is None or value.is_null:
            continue
        if not value.is_wholly_known:
            if name in state.outputs:
                found[name] = state.outputs[name]
            continue
        found[name] = output_of(value, sensitive=declared.sensitive)
    return found


def output_of(value: Value, *, sensitive: bool = False) -> Output:
    """A root output as state holds it."""
    hidden = sensitive or bool(mark_paths(value, SENSITIVE))
    return Output(value=to_plain(value), type=type_json(value.type), sensitive=hidden)


def settled(pending: Iterable[Intent], plan: Plan, applied: Mapping[str, str]) -> list[Outcome]:
    """Close intents that an earlier run left open and that this run's plan has looked into.

    ``applied``: how this run's stages ended, by printed address. A create that was looked for and is
    not declared any more stays open, so that it is never forgotten.
    """
    looked = {str(change.address): change for change in plan.changes if change.address is not None}
    gone = {name.partition("#")[0] for name in plan.gone}
    outcomes: list[Outcome] = []
    for intent in pending:
        if intent.operation == "invoke":
            outcomes.append(
                Outcome(
                    stage=intent.stage,
                    address=intent.address,
                    status="failed",
                    detail="Reported by a later run: nobody knows whether it ran.",
                )
            )
            continue
        change = looked.get(intent.address)
        if intent.operation in ("create", "issue"):
            if change is None or change.deferred:
                continue
            if intent.operation == "issue" and not looked_into(change):
                continue
            if change.recovered and applied.get(intent.address) != "done":
                continue
        elif change is None and intent.address not in gone and not _is_over(intent, plan):
            continue
        outcomes.append(
            Outcome(
                stage=intent.stage,
                address=intent.address,
                status="failed",
                detail="Settled by a later run, which looked at the tenant.",
            )
        )
    return outcomes


def _is_over(intent: Intent, plan: Plan) -> bool:
    """An update or delete of what is not declared is settled once its tenant was looked at."""
    return any(tenant.id == intent.object.tenant for tenant in plan.tenants.values())
