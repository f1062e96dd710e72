"""Apply a plan: run its stages, keep going on independent branches, remember everything.

One thread owns the evaluation and hands out stages as their groups complete; others make the calls.
"""

from __future__ import annotations

import os
import time
import uuid
from collections import defaultdict
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from perimeter.addresses import ROOT
from perimeter.diagnostics import Diagnostics
from perimeter.engine import invocation
from perimeter.engine.apply_request import ApplyRequest
from perimeter.engine.conditions import judge_check
from perimeter.engine.consent import soft
from perimeter.engine.declaration import as_value
from perimeter.engine.ephemeral import Openings
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.exclusivity import claim, publish
from perimeter.engine.execute import NOWHERE, Done, Executor, Job
from perimeter.engine.gate import Gate
from perimeter.engine.model import Applied, Change, Event, Plan, StageResult
from perimeter.engine.pending import pending_creates
from perimeter.engine.proof import evidence_entry
from perimeter.engine.record import recorded, settled
from perimeter.engine.remote import read_value
from perimeter.engine.resolve import data_source, postconditions, resolve
from perimeter.engine.rotating.execute import rotate
from perimeter.engine.rotating.job import RotationJob, Rotations
from perimeter.engine.rotating.prepare import OPERATIONS, Preparer
from perimeter.engine.stages import Stage, stages
from perimeter.engine.stopping import StopSignal, without_core_files
from perimeter.engine.upgrading import upgrade_state
from perimeter.engine.waits import Waits
from perimeter.sdk.contract import Tenant
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.provider import ResourceType, WritePermit
from perimeter.sdk.redact import SECRETS
from perimeter.state.digests import SecretDigests, keyed, new_digest_key
from perimeter.state.errors import StateError
from perimeter.state.evidence import Evidence, EvidenceLog
from perimeter.state.journal import Journal, replay
from perimeter.state.model import Intent, Operation
from perimeter.state.saving import save

__all__ = ["Applied", "ApplyRequest", "StopSignal", "apply", "pending_creates"]

_Job = TypeVar("_Job", RotationJob, invocation.InvocationJob)

EVIDENCE_EVERY = 0.2
"""Seconds between writes of the evidence log: each waits for the disk."""


def apply(request: ApplyRequest) -> tuple[Applied, Diagnostics]:
    """Carry out a plan.

    Never raises for what a tenant or a disk does: each stage's end is in the result, and what could not be
    remembered is in the diagnostics.
    """
    plan, evaluation = request.planned.plan, request.planned.evaluation
    assert plan is not None
    assert evaluation is not None
    diagnostics = Diagnostics()
    if plan.options.now:
        diagnostics.error(
            "The plan is about another time",
            f"It tells what would be due at {plan.options.now}. Nothing was changed.",
        )
        return Applied(cancelled=True), diagnostics
    try:
        run = _Run(request, plan, evaluation, diagnostics)
    except StateError as problem:
        diagnostics.extend(problem.diagnostics)
        return Applied(cancelled=True), diagnostics
    if not run.tenants_are_as_planned() or not run.claimed():
        return Applied(cancelled=True, serial=request.remembered.state.serial), diagnostics
    evaluation.live = True
    evaluation.opener = run.openings.open
    try:
        run.execute()
        return run.finish(), diagnostics
    finally:
        run.openings.close()
        run.shared.forget()


class _Run:
    """One apply under way."""

    def __init__(
        self,
        request: ApplyRequest,
        plan: Plan,
        evaluation: Evaluation,
        diagnostics: Diagnostics,
    ) -> None:
        self.request = request
        self.plan = plan
        self.evaluation = evaluation
        self.diagnostics = diagnostics
        self.id = str(uuid.uuid4())
        self.permit = WritePermit(f"apply {self.id}")
        self.types: dict[str, ResourceType] = {}
        for instance in request.planned.instances.values():
            self.types.update(instance.provider.resources)
        self.stages = stages(plan, self.types)
        found = replay(request.remembered.state, request.remembered.records)
        self.pending: tuple[Intent, ...] = found.pending
        self.begun = pending_creates(found.pending)
        self.held: dict[str, set[str]] = defaultdict(set)
        for known in found.state.resources.values():
            for item in known.objects:
                self.held[item.type].add(item.id)
        self.journal = Journal(
            request.backend, request.remembered, self.id, request.now, failpoint=request.failpoint
        )
        self.evidence = EvidenceLog(request.backend)
        self.digests = request.request.digests
        if request.keyed and self.digests is None:
            self.digests = SecretDigests(new_digest_key())
        self.executor = Executor(
            journal=self.journal,
            now=request.now,
            failpoint=request.failpoint,
            digests=self.digests,
        )
        self.openings = Openings(
            evaluation=evaluation,
            connections=request.connections,
            providers=request.planned.instances,
            places=request.planned.ephemeral,
            tenants=plan.tenants,
            diagnostics=diagnostics,
        )
        self.agreed = request.planned.agreed
        consent = request.request.consent
        self.approvers = consent.by if consent is not None else {}
        self.waits = Waits(
            tuple(soft(stage) if stage.id in self.agreed.stages else stage for stage in self.stages)
        )
        self.gate = Gate(
            kept=request.planned.kept,
            allowed=frozenset(plan.options.allow_lockout),
            sequence=frozenset(plan.sequence),
        )
        self.shared = Rotations()
        self.results: list[StageResult] = []
        self.by_address: dict[str, str] = {}
        self.entries = invocation.evidence(found.pending, self.id, request.now())
        self.written_at = 0.0
        self.fatal: BaseException | None = None

    def tenants_are_as_planned(self) -> bool:
        """Establish the tenant of each provider instance that has stages, unless this run has done so."""
        for key in sorted({stage.change.provider for stage in self.stages}):
            instance = self.request.planned.instances[key]
            expected = self.plan.tenants.get(key)
            if expected is None or self.request.connections.is_open(key):
                continue
            try:
                reader = self.request.connections.reader(key, instance.name, instance.config or {})
                found = instance.provider.tenant(reader)
            except ProviderError as problem:
                self.diagnostics.error(
                    "The tenant cannot be reached",
                    f"{SECRETS.redact(problem.message)} Nothing was changed.",
                    address=f'provider "{key}"',
                )
                return False
            if found.id != expected.id:
                self.diagnostics.error(
                    "Another tenant answers",
                    f"The plan was made for tenant {expected.id} ({expected.name}), but the {key} provider now reaches "
                    f"tenant {found.id} ({found.name}). Nothing was changed. Point the provider back to its tenant.",
                    address=f'provider "{key}"',
                )
                return False
        return True

    def claimed(self) -> bool:
        """Claim what the plan's exclusive collections remove from, so that no other state can by now."""
        try:
            refused = claim(
                self.request.backend,
                self.plan,
                self.request.planned.claims,
                self.journal,
                place=self.request.place,
                at=self.request.now(),
            )
        except StateError as problem:
            self.diagnostics.extend(problem.diagnostics)
            return False
        self.diagnostics.extend(refused)
        return not refused.has_errors

    def execute(self) -> None:
        """Run all stages."""
        if not self._move() or not self._settle_early():
            return
        self.rotations = self._rotations()
        running: dict[Future[Done], tuple[Stage, Change, float]] = {}
        with ThreadPoolExecutor(self.request.parallelism, thread_name_prefix="apply") as pool:
            while True:
                self.openings.renew()
                self._start(pool, running)
                if not running:
                    break
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    stage, change, started = running.pop(future)
                    self._ended(stage, change, _outcome(future), time.monotonic() - started)
                self._write_evidence()
        reason = (
            "the run was interrupted" if self.request.stop.stopped else "an earlier step failed"
        )
        for stage in self.waits.left():
            self._note(stage, "skipped", f"because {reason}")

    def finish(self) -> Applied:
        """Write state and evidence; what cannot be written is reported, and the journal holds it."""
        request = self.request
        self._write_evidence(force=True)
        touched = frozenset(
            address for address, status in self.by_address.items() if status == "done"
        )
        saved = save(
            request.backend,
            self.journal,
            settled(self.pending, self.plan, self.by_address),
            lambda state: recorded(
                upgrade_state(keyed(state, self.digests), request.request.providers, Diagnostics()),
                self.plan,
                self.evaluation,
                request.request.config,
                touched,
                partial=bool(self.agreed.held),
            ),
            evidence=self.evidence.head,
            failpoint=request.failpoint,
        )
        self.diagnostics.extend(saved.problems)
        if saved.written:
            try:
                publish(
                    request.backend,
                    saved.state,
                    place=request.place,
                    at=request.now(),
                    ended=self.plan.options.destroy,
                )
            except StateError as problem:
                self.diagnostics.extend(problem.diagnostics)
        self._checks()
        applied = Applied(
            results=tuple(self.results),
            outputs={
                name: value
                for name in request.request.config.root.outputs
                if not self.agreed.held or name in {item.name for item in self.plan.outputs}
                if (value := self.evaluation.output(ROOT, name)) is not None
            },
            evidence_entry=self.evidence.head.sequence,
            evidence_head=self.evidence.head.digest,
            cancelled=request.stop.stopped,
            serial=saved.state.serial if saved.written else request.remembered.state.serial,
            unsaved=None if saved.written else saved.state,
        )
        request.on_event(Event(kind="apply_done", data={"failed": applied.count("failed")}))
        return applied

    def _move(self) -> bool:
        """Remember what moved under its new address, before anything is done to it."""
        if not self.plan.moves:
            return True
        try:
            self.journal.move(self.plan.moves)
        except StateError as problem:
            self._give_up(problem)
            for stage in self.waits.left():
                self._note(stage, "skipped", "because the journal cannot be written")
            return False
        held = self.journal.remembered
        self.pending = replay(held.state, held.records).pending
        self.begun = pending_creates(self.pending)
        return True

    def _settle_early(self) -> bool:
        """Close what earlier runs left open and this plan does anew, before it begins anew."""
        early = [
            outcome
            for outcome in settled(self.pending, self.plan, {})
            if outcome.address in {str(stage.change.address) for stage in self.stages}
        ]
        if not early:
            return True
        try:
            for outcome in early:
                self.journal.finish(outcome)
            self.journal.flush()
        except StateError as problem:
            self._give_up(problem)
            for stage in self.waits.left():
                self._note(stage, "skipped", "because the journal cannot be written")
            return False
        closed = {(outcome.stage, outcome.address) for outcome in early}
        self.pending = tuple(
            item for item in self.pending if (item.stage, item.address) not in closed
        )
        return True

    def _start(
        self, pool: ThreadPoolExecutor, running: dict[Future[Done], tuple[Stage, Change, float]]
    ) -> None:
        while len(running) < self.request.parallelism:
            if self.request.stop.stopped or self.fatal is not None:
                return
            stage, because = self.waits.next()
            if stage is None:
                return
            held = self.agreed.stages.get(stage.id)
            if held or (because and stage.id in self.agreed.idle):
                self._note(stage, "held", held or f"because {because} is held back")
                self.waits.end(stage, well=False)
                continue
            if because:
                self._note(stage, "skipped", f"because {because} failed")
                self.waits.end(stage, well=False)
                continue
            if stage.operation == "manual":
                self._by_hand(stage)
                continue
            job = self._job(stage)
            if job is None:
                self.waits.end(stage, well=False)
                continue
            self.request.on_event(
                Event(
                    kind="stage_start",
                    subject=stage.change.name,
                    provider=stage.change.provider,
                    text=stage.operation,
                    data={"id": "" if stage.operation == "create" else stage.change.id},
                )
            )
            if isinstance(job, RotationJob):
                future = pool.submit(rotate, self.executor, job)
            elif isinstance(job, invocation.InvocationJob):
                future = pool.submit(invocation.invoke, self.executor, job)
            else:
                future = pool.submit(self.executor.run, job)
            running[future] = (stage, job.change, time.monotonic())

    def _by_hand(self, stage: Stage) -> None:
        manual = stage.change.manual
        text = manual.instructions if manual is not None else ""
        self._note(stage, "by hand", text)
        self.request.on_event(Event(kind="stage_manual", subject=stage.change.name, text=text))
        self.waits.end(stage, well=True)

    def _job(self, stage: Stage) -> Job | invocation.InvocationJob | RotationJob | None:
        """Decide what is open; None once the stage has failed for what cannot be decided."""
        if stage.operation in OPERATIONS:
            return self._decided(stage, self.rotations.prepare(stage))
        if stage.operation == "invoke":
            plan, links = self.request.planned, self.request.connections
            return self._decided(stage, invocation.prepare(stage, plan, links, self.permit))
        change = stage.change
        instance = self.request.planned.instances[change.provider]
        if stage.operation in ("create", "read", "update"):
            decided = resolve(self.evaluation, instance, change, self.request.snapshot)
            if decided.problems:
                self.diagnostics.extend(decided.problems)
                self._failed(stage, decided.problems[0].summary)
                return None
            change = decided.change
        kind = None if stage.operation == "read" else instance.provider.resources[change.type]
        tenant: Tenant = change.tenant or self.plan.tenants.get(change.provider) or NOWHERE
        source = data_source(instance, change) if kind is None else None
        reader: Any = None
        writer: Any = None
        if source is not None and source.reads_states:
            reader = self.request.connections.states
        elif kind is None or not kind.local:
            try:
                reader = self.request.connections.reader(
                    change.provider, instance.name, instance.config or {}
                )
                if kind is not None and stage.operation in ("create", "update", "delete"):
                    writer = self.request.connections.writer(change.provider, self.permit)
            except ProviderError as problem:
                self._failed(stage, SECRETS.redact(problem.message))
                return None
        return Job(
            stage=stage,
            change=change,
            kind=kind,
            source=source,
            tenant=tenant,
            reader=reader,
            writer=writer,
            token=self._token(change),
            held=frozenset(self.held[change.type]) if stage.operation == "create" else frozenset(),
            refusal=partial(self.gate.refusal, stage, change, instance.provider, tenant, reader)
            if writer is not None
            else str,
        )

    def _rotations(self) -> Preparer:
        held, request = self.journal.remembered, self.request
        if any(stage.operation in OPERATIONS for stage in self.stages):
            without_core_files()
        return Preparer(
            planned=request.planned,
            connections=request.connections,
            snapshot=request.snapshot,
            state=replay(held.state, held.records).state,
            pending=self.pending,
            permit=self.permit,
            now=request.now,
            shared=self.shared,
        )

    def _decided(self, stage: Stage, found: _Job | invocation.Undecided) -> _Job | None:
        if not isinstance(found, invocation.Undecided):
            return found
        self.diagnostics.extend(found.diagnostics)
        self._failed(stage, found.text)
        return None

    def _token(self, change: Change) -> str:
        intent = self.begun.get(str(change.address))
        return intent.token if intent is not None and intent.operation == "create" else ""

    def _failed(self, stage: Stage, text: str) -> None:
        self._note(stage, "failed", text)
        self.request.on_event(Event(kind="stage_failed", subject=stage.change.name, text=text))

    def _ended(self, stage: Stage, change: Change, done: Done, seconds: float) -> None:
        if done.fatal is not None:
            self._give_up(done.fatal)
        if done.id and done.status == "done" and stage.operation in ("create", "adopt"):
            self.held[change.type].add(done.id)
        self.rotations.ended(stage, change, done)
        if stage.operation != "read" and stage.operation != "manual":
            self.entries.append(self._entry(stage.operation, change, done))
        if done.status == "failed" and self._is_checks_own(change):
            self.diagnostics.warning("Check could not be made", done.text, address=change.name)
            done = replace(done, status="done")
        well = done.status == "done"
        self._note(stage, done.status, done.text)
        if well:
            self._put(stage, change, done)
            if done.warning:
                self.diagnostics.warning(
                    "Read back differs" if "otherwise" in done.warning else "Not visible yet",
                    done.warning,
                    address=change.name,
                )
        kind = "stage_done" if well else "stage_failed"
        self.request.on_event(
            Event(
                kind=kind,
                subject=change.name,
                provider=change.provider,
                text=done.text,
                seconds=seconds,
                data={"id": done.id, "operation": stage.operation},
            )
        )
        self.waits.end(stage, well=well)

    def _is_checks_own(self, change: Change) -> bool:
        """Whether it is a check's data source, which blocks nothing."""
        address = change.address
        if address is None or address.mode != "data":
            return False
        module = self.request.request.config.modules[address.module.names]
        return bool(module.resources["data", address.type, address.name].check)

    def _checks(self) -> None:
        """Judge the check blocks again, now that everything is decided that can be."""
        if not self.plan.options.declares:
            return
        for path, module in self.request.request.config.modules.items():
            for check in module.checks.values():
                for instance in self.evaluation.modules.get(path, ()):
                    scope = self.evaluation.scope(instance)
                    judge_check(check, scope, self.diagnostics, planning=False)

    def _give_up(self, problem: BaseException) -> None:
        self.fatal = problem
        if isinstance(problem, StateError):
            self.diagnostics.extend(problem.diagnostics)

    def _put(self, stage: Stage, change: Change, done: Done) -> None:
        """Let the evaluation know what a stage made."""
        address = change.address
        if address is None or done.attributes is None or change.schema is None:
            return
        found = self.evaluation.resource(address.module, address.mode, address.type, address.name)
        if found is None or address.key not in found.repetition.keys:
            return
        value = (
            read_value(change.schema, done.attributes)
            if stage.operation == "read"
            else as_value(change.schema, done.attributes, change.sensitive_after)
        )
        found.put(address.key, value)
        if stage.operation in ("create", "update", "read"):
            postconditions(self.evaluation, change, self.diagnostics)

    def _note(self, stage: Stage, status: str, text: str) -> None:
        change = stage.change
        self.results.append(
            StageResult(
                name=change.name,
                status=status,
                text=text,
                operation=stage.operation,
                direction=change.direction,
            )
        )
        if change.address is not None and stage.operation != "manual":
            key = str(change.address)
            worse = self.by_address.get(key, "done") == "done"
            self.by_address[key] = status if worse else self.by_address[key]
        if status in ("skipped", "held"):
            self.request.on_event(Event(kind="stage_skipped", subject=change.name, text=text))

    def _entry(self, operation: Operation, change: Change, done: Done) -> Evidence:
        tenant = change.tenant or self.plan.tenants.get(change.provider)
        return evidence_entry(
            operation,
            change,
            done,
            at=self.request.now(),
            run=self.id,
            tenant=tenant.id if tenant is not None else "",
            commit=self.request.commit,
            approver=self.approvers.get(change.fingerprint, self.request.approver),
            digests=self.digests,
        )

    def _write_evidence(self, *, force: bool = False) -> None:
        if not self.entries or (not force and time.monotonic() - self.written_at < EVIDENCE_EVERY):
            return
        try:
            self.evidence.append(*self.entries)
            self.entries.clear()
        except StateError as problem:
            self._give_up(problem)
        self.written_at = time.monotonic()


def _outcome(future: Future[Done]) -> Done:
    problem = future.exception()
    if problem is None:
        return future.result()
    if isinstance(problem, StateError):
        text = "It was not started: the journal cannot be written."
        return Done(status="failed", text=text, result="refused", fatal=problem)
    if isinstance(problem, Exception):
        text = SECRETS.redact(f"This is a bug of perimeter: {type(problem).__name__}: {problem}.")
        return Done(status="failed", text=text, result="unknown", fatal=problem)
    # A failpoint or the interpreter's end: nothing may be written any more.
    os._exit(70)
