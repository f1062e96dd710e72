"""What people must do by hand, tracked: who, until when, since when, and whether it was done; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import msgspec

from perimeter.addresses import ROOT, Address
from perimeter.config.model import Config, Resource
from perimeter.diagnostics import Diagnostics
from perimeter.engine.clock import InvalidDurationError, duration, instant, rfc3339
from perimeter.engine.diff import canonical_object, sort_text
from perimeter.engine.model import Change, Plan
from perimeter.engine.work import Work
from perimeter.state.model import OpenStep, State


def track_steps(work: Work, plan: Plan) -> Plan:
    """The plan with each manual step's record: as state remembers it, or opened now."""
    if not plan.by_hand:
        return plan
    changes = tuple(
        change if change.manual is None else replace(change, step=_record(work, change))
        for change in plan.changes
    )
    return replace(plan, changes=changes)


def _record(work: Work, change: Change) -> OpenStep:
    manual = change.manual
    assert manual is not None
    identity = step_identity(change)
    known = work.state.steps.get(change.key)
    same = known is not None and known.identity == identity
    opened = known.opened_at if known is not None and same else work.now
    assignee, due_in = _rule(work, change)
    return OpenStep(
        identity=identity,
        name=change.name,
        reason=manual.reason,
        instructions=manual.instructions,
        url=manual.url,
        assignee=assignee,
        opened_at=opened,
        due_at=rfc3339(instant(opened) + due_in) if due_in is not None else "",
        attested_at=known.attested_at if known is not None and same else "",
        attested_by=known.attested_by if known is not None and same else "",
        note=known.note if known is not None and same else "",
    )


def step_identity(change: Change) -> str:
    """What is to be reached, hashed: an attestation counts for this and nothing else."""
    paths = change.manual.paths if change.manual is not None else ()
    wanted: object = change.after is not None
    if change.after is not None and change.schema is not None and paths:
        wanted = canonical_object(change.schema, change.after, frozenset(paths))
    tenant = change.tenant.id if change.tenant is not None else ""
    body = [tenant, change.type, change.id or change.key, wanted]
    return hashlib.sha256(sort_text(body).encode()).hexdigest()[:16]


def _rule(work: Work, change: Change) -> tuple[str, timedelta | None]:
    """Who shall do it and within what time: the resource's own rule, then its integration's owner."""
    if change.address is None:
        return "", None
    block = _block(work.config, change.address)
    owner = _owner(work, change)
    rule = block.lifecycle.manual if block is not None else None
    if rule is None:
        return owner, None
    module, problems = change.address.module, work.diagnostics
    assignee, due_in = owner, None
    if rule.assignee is not None:
        found = work.evaluation.value(rule.assignee, module, problems)
        assignee = str(found.raw) if found.is_known and not found.is_null else owner
    if rule.due_in is not None:
        found = work.evaluation.value(rule.due_in, module, problems)
        if found.is_known and not found.is_null:
            try:
                due_in = duration(str(found.raw))
            except InvalidDurationError as problem:
                problems.error("Invalid due_in", str(problem), rule.due_in.range)
    return assignee, due_in


def _block(config: Config, address: Address) -> Resource | None:
    module = config.modules.get(address.module.names)
    return module.resources.get((address.mode, address.type, address.name)) if module else None


def _owner(work: Work, change: Change) -> str:
    if not change.integration or change.address is None:
        return ""
    for module in (change.address.module, ROOT):
        parts = work.evaluation.integration(module, change.integration).raw
        owner = parts.get("owner") if isinstance(parts, dict) else None
        if owner is not None and owner.is_known and not owner.is_null:
            return str(owner.raw)
    return ""


def warn_of_steps(plan: Plan, diagnostics: Diagnostics) -> None:
    """Tell of steps that were attested and that the tenant does not show, and of those that are overdue."""
    for change in plan.by_hand:
        step = change.step
        if step is None:
            continue
        if step.attested_at:
            diagnostics.warning(
                "Attested, but the tenant does not show it",
                f"{step.attested_by or 'Somebody'} attested at {step.attested_at} that {change.name} was done by hand. The "
                "tenant still shows it as it was. Do it, or take the attestation back with: perimeter attest -withdraw "
                f"'{change.key}'",
                address=change.name,
            )
        elif step.due_at and instant(step.due_at) <= instant(plan.timestamp):
            diagnostics.warning(
                "Manual step overdue",
                f"{change.name} was to be done by hand until {step.due_at}"
                + (f" by {step.assignee}" if step.assignee else "")
                + f". {step.instructions}",
                address=change.name,
            )


def remembered_steps(state: State, plan: Plan) -> Mapping[str, OpenStep]:
    """The steps that state holds after an apply: those still open, each since it was first recorded."""
    if plan.options.refresh_only:
        return state.steps
    found = {change.key: change.step for change in plan.by_hand if change.step is not None}
    if plan.options.restricted:
        seen = {change.key for change in plan.changes}
        return {
            **{key: step for key, step in state.steps.items() if key not in seen},
            **found,
        }
    return found


def attested(step: OpenStep, *, by: str, at: str, note: str) -> OpenStep:
    """The step, said to be done."""
    return msgspec.structs.replace(step, attested_at=at, attested_by=by, note=note)


def withdrawn(step: OpenStep) -> OpenStep:
    """The step, open again."""
    return msgspec.structs.replace(step, attested_at="", attested_by="", note="")
