"""Invoke an action during an apply: decide what the plan left open, write the intent, call, note the outcome.

An invocation cannot be looked up afterwards. One whose answer is lost is reported as just that, and never repeated by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from perimeter.config.decode import decode_body
from perimeter.diagnostics import Diagnostic, Diagnostics, error
from perimeter.engine.connections import Connections
from perimeter.engine.diff import is_wholly_known
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.execute import NOWHERE, Done, Executor
from perimeter.engine.model import Change
from perimeter.engine.plan import Planned
from perimeter.engine.stages import Stage
from perimeter.lang.plain import to_plain
from perimeter.sdk.actions import ActionType, Invoked, InvokeRequest
from perimeter.sdk.contract import Direction, Tenant
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.provider import WritePermit
from perimeter.sdk.redact import SECRETS
from perimeter.state.evidence import Evidence
from perimeter.state.model import Intent, Outcome, StateObject


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationJob:
    """One invocation with all it needs; ``change`` is decided."""

    stage: Stage
    change: Change
    kind: ActionType
    tenant: Tenant
    writer: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Why an invocation cannot be made."""

    text: str
    diagnostics: tuple[Diagnostic, ...] = ()


def prepare(
    stage: Stage, planned: Planned, connections: Connections, permit: WritePermit
) -> InvocationJob | Undecided:
    """Decide what the plan left open, and reach the tenant."""
    assert planned.plan is not None
    assert planned.evaluation is not None
    instance = planned.instances[stage.change.provider]
    kind = instance.provider.actions[stage.change.type]
    change, problems = decide(planned.evaluation, kind, stage.change)
    if problems:
        return Undecided(text=problems[0].summary, diagnostics=problems)
    key = change.provider
    tenant = change.tenant or planned.plan.tenants.get(key) or NOWHERE
    try:
        connections.reader(key, instance.name, instance.config or {})
        writer = connections.writer(key, permit)
    except ProviderError as problem:
        return Undecided(text=SECRETS.redact(problem.message))
    return InvocationJob(stage=stage, change=change, kind=kind, tenant=tenant, writer=writer)


def decide(
    evaluation: Evaluation, kind: ActionType, change: Change
) -> tuple[Change, tuple[Diagnostic, ...]]:
    """Evaluate the configuration again where the plan left parts unknown, or leaves out secrets."""
    secrets = kind.schema.secret_names
    if is_wholly_known(change.desired) and not secrets & change.desired.keys():
        return change, ()
    address = change.address
    assert address is not None
    block = evaluation.config.modules[address.module.names].actions[address.type, address.name]
    found = evaluation.resource(address.module, "action", address.type, address.name)
    each = found.repetition.each(address.key) if found is not None else None
    problems = Diagnostics()
    decoded = decode_body(
        block.body,
        kind.schema,
        evaluation.scope(address.module, each),
        problems,
        where=f'action "{block.type}" "{block.name}"',
    )
    config = {
        name: to_plain(value) for name, value in decoded.attributes.items() if not value.is_null
    }
    left = sorted(name for name, value in config.items() if not is_wholly_known(value))
    if left and not problems.has_errors:
        problems.add(
            error(
                "Value still unknown",
                f"{change.name}: {', '.join(left)} could not be decided, because what it refers to was not applied. "
                "Nothing was invoked.",
            )
        )
    if not problems.has_errors:
        for _, text in kind.validate(config):
            problems.add(error("Invalid configuration", text, block.range))
    harmless = change.direction not in (Direction.WIDENS, Direction.UNKNOWN)
    if harmless and not left and kind.direction(config) is Direction.WIDENS:
        problems.add(
            error(
                "Wider than planned",
                f"{change.name} was planned as an action that does not widen access; now that all values are known, it "
                "would. Nothing was invoked. Plan again and review it.",
            )
        )
    shown = {name: value for name, value in config.items() if name not in secrets}
    decided = replace(change, desired=config, after=shown)
    return decided, tuple(item.at(address=change.name) for item in problems)


def invoke(executor: Executor, job: InvocationJob) -> Done:
    """Invoke an action once; never raises what a provider raises."""
    change = job.change
    executor.journal.begin([_intent(job)])
    executor.failpoint(f"call.before:{job.stage.id}")
    request = InvokeRequest(tenant=job.tenant, config=change.desired)
    try:
        answer = job.kind.invoke(job.writer, request)
    except ProviderError as problem:
        return _failed(executor, job, problem)
    except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
        text = SECRETS.redact(f"{type(problem).__name__}: {problem}")
        bug = ProviderError(
            f"This is a bug of the provider: {text}. Please report it.", committed=None
        )
        return _failed(executor, job, bug)
    executor.failpoint(f"call.after:{job.stage.id}")
    _finish(executor, job, "done", answer)
    text = SECRETS.redact(answer.text)
    return Done(
        status="done",
        text=f"invoked, {text}" if text else "invoked",
        request_id=answer.request_id,
    )


def _failed(executor: Executor, job: InvocationJob, problem: ProviderError) -> Done:
    message = SECRETS.redact(problem.message)
    refused = problem.committed is not None
    _finish(
        executor,
        job,
        "failed" if refused else "unknown",
        Invoked(request_id=problem.request_id),
        message,
    )
    if refused:
        again = f"To try again: perimeter apply -invoke={job.change.name}"
    else:
        again = (
            "It is not known whether it ran, and it is not repeated by itself. Look at the tenant; if it is to run "
            f"(again): perimeter apply -invoke={job.change.name}"
        )
    return Done(
        status="failed",
        text=f"{message} {again}",
        result="failed" if refused else "unknown",
        request_id=problem.request_id,
    )


def _intent(job: InvocationJob) -> Intent:
    change = job.change
    about = StateObject(
        type=change.type, id="", tenant=job.tenant.id, provider=change.provider, attributes={}
    )
    return Intent(
        stage=job.stage.id,
        address=change.name,
        operation="invoke",
        object=about,
        fingerprint=change.fingerprint,
    )


def _finish(
    executor: Executor, job: InvocationJob, status: Any, answer: Invoked, detail: str = ""
) -> None:
    executor.journal.finish(
        Outcome(
            stage=job.stage.id,
            address=job.change.name,
            status=status,
            detail=detail,
            request_id=answer.request_id,
        )
    )


def unanswered(pending: Iterable[Intent]) -> tuple[Intent, ...]:
    """Invocations whose end nobody knows."""
    return tuple(intent for intent in pending if intent.operation == "invoke")


def evidence(pending: Iterable[Intent], run: str, at: str) -> list[Evidence]:
    """The entries that say so, made by the run that found them."""
    return [
        Evidence(
            at=at,
            run=run,
            address=intent.address,
            tenant=intent.object.tenant,
            operation="invoke",
            fingerprint=intent.fingerprint,
            result="unknown",
        )
        for intent in unanswered(pending)
    ]
