"""A configuration with everything it takes to plan and apply it: providers, clients, state.

What the command line, the tests of providers and the benchmarks have in common; it decides nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from perimeter.config.assignments import Assignments, Given, Origin, collect
from perimeter.config.graph import Graph, build_graph
from perimeter.config.load import load
from perimeter.config.model import Config
from perimeter.config.variables import bind
from perimeter.diagnostics import Diagnostics
from perimeter.engine.apply import ApplyRequest, StopSignal, apply, pending_creates
from perimeter.engine.boundary import allowed_outside
from perimeter.engine.clock import rfc3339
from perimeter.engine.connections import Connections
from perimeter.engine.model import Applied, Event, Options
from perimeter.engine.observe import Driver
from perimeter.engine.plan import Planned, PlanRequest
from perimeter.engine.requests import with_requests
from perimeter.engine.snapshot import Snapshot
from perimeter.hcl.source import SourceFile
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Value
from perimeter.sdk.provider import Provider
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.registry import BUILTIN, load_providers
from perimeter.state.backend import Backend, Failpoint, Remembered, no_failpoint
from perimeter.state.envelope import collector_paused
from perimeter.state.journal import replay


def ignore(_event: Event) -> None:
    """Take no notice of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration, read and checked as far as that goes without a tenant.

    Attributes:
        config: None when there is nothing to go on with.
        sources: every file read, by shown name, for snippets.
        inputs: the root module's variables.
        providers: by entry-point name; those that are not installed are missing, with an error.
    """

    directory: Path
    config: Config | None
    graph: Graph | None
    sources: Mapping[str, SourceFile]
    assignments: Assignments | None = None
    inputs: Mapping[str, Value] = field(default_factory=dict, repr=False)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)


@collector_paused()
def load_configuration(
    directory: Path,
    *,
    options: Iterable[tuple[str, str]] = (),
    environment: Mapping[str, str] | None = None,
    given: Mapping[str, Value] | None = None,
    providers: Mapping[str, Provider] | None = None,
    variables: bool = True,
) -> Loaded:
    """Read the configuration in a directory, its variables and its providers.

    Args:
        directory: of the root module.
        options: ``("var", "name=value")`` and ``("var-file", path)`` in command-line order.
        environment: where ``PERIMETER_VAR_…`` come from; the process's by default.
        given: variables that are settled already, as by a saved plan.
        providers: instead of the installed ones.
        variables: whether variables need values (``validate`` goes without).
    """
    assignments, unread = collect(
        directory,
        options=options,
        environment=os.environ if environment is None else environment,
    )
    known = assignments if not given else _settled(assignments, given)
    config, diagnostics, sources = load(directory, given=lambda: known)
    if config is None:
        return Loaded(
            directory=directory, config=None, graph=None, sources=sources, diagnostics=diagnostics
        )
    graph, problems = build_graph(config)
    diagnostics.extend(problems)
    inputs: dict[str, Value] = {}
    if variables:
        diagnostics.extend(unread)
        if given:
            left = {name: item for name, item in assignments.values.items() if name not in given}
            assignments = replace(assignments, values=left)
            undecided = {n: v for n, v in config.root.variables.items() if n not in given}
            inputs, problems = bind(undecided, assignments)
            inputs = {**given, **inputs}
        else:
            inputs, problems = bind(config.root.variables, assignments)
        diagnostics.extend(problems)
        _protect(inputs)
    if providers is None:
        providers, missing = load_providers([*config.provider_sources, BUILTIN])
        diagnostics.extend(missing)
    all_sources = {**sources, **(assignments.sources if variables else {})}
    return Loaded(
        directory=directory,
        config=config,
        graph=graph,
        sources=all_sources,
        assignments=assignments if variables else None,
        inputs=inputs,
        providers=providers,
        diagnostics=diagnostics,
    )


def _settled(assignments: Assignments, given: Mapping[str, Value]) -> Assignments:
    settled = {
        name: Given(name=name, origin=Origin.FILE, where="the saved plan", value=value)
        for name, value in given.items()
    }
    return replace(assignments, values={**assignments.values, **settled})


def _protect(inputs: Mapping[str, Value]) -> None:
    """What is declared sensitive is redacted wherever text leaves the process."""
    from perimeter.lang.plain import to_plain

    for value in inputs.values():
        if {SENSITIVE, EPHEMERAL} & value.deep_marks():
            SECRETS.add_all(to_plain(value))


@dataclass(slots=True, kw_only=True)
class Session:
    """One run over one configuration and one state.

    Attributes:
        snapshot: plans start from what it holds; a closed one is all they get.
        on_event: told of everything that happens.
    """

    loaded: Loaded
    backend: Backend
    on_event: Callable[[Event], None] = ignore
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    parallelism: int = 10
    snapshot: Snapshot = field(default_factory=Snapshot)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    failpoint: Failpoint = no_failpoint
    connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self.connections = Connections(
            providers=self.loaded.providers,
            on_event=self.on_event,
            environment=self.environment,
            base_dir=str(self.loaded.directory),
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.connections.close()

    def request(self, remembered: Remembered, options: Options, now: str = "") -> PlanRequest:
        """What a plan is made from."""
        config, graph = self.loaded.config, self.loaded.graph
        assert config is not None
        assert graph is not None
        found = replay(remembered.state, remembered.records)
        return PlanRequest(
            config=config,
            graph=graph,
            inputs=self.loaded.inputs,
            snapshot=self.snapshot,
            state=found.state,
            pending=pending_creates(found.pending),
            providers=self.loaded.providers,
            now=now or rfc3339(self.now()),
            options=options,
            cwd=str(Path.cwd()),
            outside_files=allowed_outside(self.environment, str(Path.cwd())),
        )

    @collector_paused()
    def plan(self, request: PlanRequest) -> tuple[Planned, Snapshot]:
        """Plan, reading what the snapshot does not hold yet."""
        driver = Driver(
            connections=self.connections,
            on_event=self.on_event,
            parallelism=self.parallelism,
            offline=request.snapshot.closed,
        )
        planned, snapshot = driver.plan(request)
        if planned.plan is None:
            return planned, snapshot
        return with_requests(planned, self.connections), snapshot

    def apply(
        self,
        planned: Planned,
        request: PlanRequest,
        snapshot: Snapshot,
        remembered: Remembered,
        *,
        stop: StopSignal | None = None,
        approver: str = "",
        commit: str = "",
    ) -> tuple[Applied, Diagnostics]:
        """Apply a plan; the backend is locked by the caller."""
        return apply(
            ApplyRequest(
                planned=planned,
                request=request,
                snapshot=snapshot,
                connections=self.connections,
                backend=self.backend,
                remembered=remembered,
                parallelism=self.parallelism,
                on_event=self.on_event,
                stop=stop or StopSignal(),
                approver=approver,
                commit=commit,
                failpoint=self.failpoint,
            )
        )
