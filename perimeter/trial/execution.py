"""One run: plan, apply, judge; and the teardown of a state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from perimeter.addresses import ROOT
from perimeter.config.graph import build_graph
from perimeter.config.model import Config
from perimeter.diagnostics import Diagnostic, Diagnostics
from perimeter.engine.apply import StopSignal
from perimeter.engine.conditions import judge as judge_conditions
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.model import Applied, Options, Plan
from perimeter.engine.session import Loaded, Session
from perimeter.hcl.source import SourceFile
from perimeter.lang.values import Value
from perimeter.sdk.provider import Provider
from perimeter.sdk.schema import Schema
from perimeter.state.lockinfo import new_lock_info
from perimeter.state.model import State
from perimeter.trial.arrange import arrange, teardown_config
from perimeter.trial.judging import CHECK_FAILED, Expectations, judge
from perimeter.trial.model import File, Run
from perimeter.trial.results import Status
from perimeter.trial.scope import AssertionScope, outputs_of
from perimeter.trial.states import Basis, Held
from perimeter.trial.variables import RunVariables


@dataclass(slots=True, kw_only=True)
class Executed:
    """What a run came to; ``outputs`` are there once it was planned."""

    status: Status
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    failed: list[str] = field(default_factory=list)
    outputs: Value | None = None
    plan: Plan | None = None
    state: State | None = None
    config: Config | None = None
    schemas: Mapping[str, Schema] = field(default_factory=dict)


def execute(
    *,
    directory: Path,
    config: Config,
    providers: Mapping[str, Provider],
    sources: Mapping[str, SourceFile],
    file: File,
    run: Run,
    variables: RunVariables,
    held: Held,
    environment: Mapping[str, str],
    parallelism: int,
    before: Iterable[Diagnostic] = (),
    stop: StopSignal,
) -> Executed:
    """Carry out a run on a state."""
    made = Executed(status=Status.PASS, diagnostics=Diagnostics(before))
    expectations = Expectations(run, config)
    arranged = arrange(config, providers, file, run, variables.scope)
    graph, problems = build_graph(arranged.config)
    inputs_problems = Diagnostics()
    inputs = variables.inputs(arranged.config, inputs_problems)
    expected, others = expectations.sort(inputs_problems)
    made.diagnostics.extend([*arranged.diagnostics, *problems, *others])
    if made.diagnostics.has_errors or expected:
        return _ended_early(made, run, expectations, expected)
    loaded = Loaded(
        directory=directory,
        config=arranged.config,
        graph=graph,
        sources=sources,
        inputs=inputs,
        providers=arranged.providers,
    )
    held.basis = Basis(directory=directory, config=arranged.config, sources=sources, inputs=inputs)
    held.providers.update(arranged.providers)
    held.configs.update(arranged.configs)
    made.config = arranged.config
    made.schemas = {
        name: kind.schema
        for provider in arranged.providers.values()
        for name, kind in provider.resources.items()
    }
    with Session(
        loaded=loaded, backend=held.backend, environment=environment, parallelism=parallelism
    ) as session:
        return _carried_out(session, run, variables, expectations, made, held, stop)


def _ended_early(
    made: Executed, run: Run, expectations: Expectations, expected: list[Diagnostic]
) -> Executed:
    """A run that cannot go on: as expected, which is well for a plan, or not."""
    if expected and run.apply:
        made.diagnostics.extend(expectations.too_early(expected))
    if not made.diagnostics.has_errors:
        made.diagnostics.extend(expectations.missing())
    if made.diagnostics.has_errors:
        made.status = Status.ERROR
    return made


def _carried_out(
    session: Session,
    run: Run,
    variables: RunVariables,
    expectations: Expectations,
    made: Executed,
    held: Held,
    stop: StopSignal,
) -> Executed:
    options = Options(
        refresh=run.options.refresh,
        refresh_only=run.options.refresh_only,
        targets=run.options.targets,
        replace=run.options.replace,
    )
    with held.backend.lock(new_lock_info("OperationTypeApply", f"run {run.name}")):
        remembered = held.backend.load()
        request = session.request(remembered, options)
        planned, seen = session.plan(request)
        made.plan = planned.plan if not run.apply else None
        found = planned.diagnostics
        if run.apply and not found.has_errors:
            found = Diagnostics(
                item for item in found if not item.summary.startswith("Check block")
            )
        expected, others = expectations.sort(found)
        failures = Diagnostics(expected)
        made.diagnostics.extend(others)
        if planned.plan is None or planned.evaluation is None or _stops(made, failures, run):
            return _ended_early(made, run, expectations, failures.errors)
        evaluation = planned.evaluation
        if run.apply:
            applied, problems = session.apply(planned, request, seen, remembered, stop=stop)
            _preconditions(evaluation, problems)
            _failures(applied, problems)
            _, others = expectations.sort(problems)
            made.diagnostics.extend(others)
            made.state = held.state
    return _judged(made, run, variables, expectations, evaluation)


def _stops(made: Executed, expected: Diagnostics, run: Run) -> bool:
    """Whether the plan cannot be used: problems that nobody expects, or expected ones before an apply."""
    return made.diagnostics.has_errors or (run.apply and expected.has_errors)


def _judged(
    made: Executed,
    run: Run,
    variables: RunVariables,
    expectations: Expectations,
    evaluation: Evaluation,
) -> Executed:
    made.outputs = outputs_of(evaluation)
    if not made.diagnostics.has_errors:
        made.diagnostics.extend(expectations.missing())
    if made.diagnostics.has_errors:
        made.status = Status.ERROR
        return made
    scope = AssertionScope(inner=evaluation.scope(ROOT), outer=variables.scope)
    judgement = judge(run.assertions, scope)
    made.status = judgement.status
    made.failed = judgement.failed
    made.diagnostics.extend(judgement.diagnostics)
    return made


def _preconditions(evaluation: Evaluation, diagnostics: Diagnostics) -> None:
    """Judge the outputs' preconditions again, now that everything is known."""
    for name, output in evaluation.config.root.outputs.items():
        judge_conditions(
            output.preconditions,
            evaluation.scope(ROOT),
            f"output.{name}",
            "Module output value precondition failed",
            diagnostics,
        )


def _failures(applied: Applied, diagnostics: Diagnostics) -> None:
    """An error for each stage that failed and was not reported otherwise."""
    reported = {item.address for item in diagnostics.errors}
    for result in applied.results:
        if result.status == "failed" and result.name not in reported:
            diagnostics.error("Change failed", result.text, address=result.name)


def tear_down(held: Held, environment: Mapping[str, str], parallelism: int) -> Diagnostics:
    """Destroy everything in a state; what stays is still in it."""
    basis = held.basis
    assert basis is not None
    found = Diagnostics()
    config = teardown_config(basis.config, held.configs)
    graph, _ = build_graph(config)
    loaded = Loaded(
        directory=basis.directory,
        config=config,
        graph=graph,
        sources=basis.sources,
        inputs=basis.inputs,
        providers=held.providers,
    )
    held.unprotect()
    with (
        Session(
            loaded=loaded, backend=held.backend, environment=environment, parallelism=parallelism
        ) as session,
        held.backend.lock(new_lock_info("OperationTypeApply", "teardown")),
    ):
        remembered = held.backend.load()
        request = session.request(remembered, Options(destroy=True))
        planned, seen = session.plan(request)
        found.extend(_about_removal(planned.diagnostics))
        if planned.plan is None or found.has_errors:
            return found
        applied, problems = session.apply(planned, request, seen, remembered)
        found.extend(problems)
        _failures(applied, found)
    return found


def _about_removal(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Without conditions: what no longer holds must not keep anything from being removed."""
    return (
        item
        for item in found
        if item.summary not in (CHECK_FAILED, "Module output value precondition failed")
        and not item.summary.startswith("Check block")
    )
