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
from perimeter.config.load import DEFAULT_WORKSPACE, load
from perimeter.config.model import Config
from perimeter.config.variables import bind
from perimeter.diagnostics import Diagnostics
from perimeter.engine.apply import ApplyRequest, StopSignal, apply
from perimeter.engine.boundary import allowed_outside
from perimeter.engine.clock import rfc3339
from perimeter.engine.connections import Connections
from perimeter.engine.invocation import unanswered
from perimeter.engine.model import Applied, Event, Options
from perimeter.engine.observe import Driver
from perimeter.engine.pending import pending_creates
from perimeter.engine.plan import Planned, PlanRequest
from perimeter.engine.remote import RemoteStates
from perimeter.engine.requests import with_requests
from perimeter.engine.snapshot import Snapshot
from perimeter.hcl.source import SourceFile
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Value
from perimeter.sdk.provider import Provider
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.registry import BUILTIN, load_providers
from perimeter.state.backend import Backend, Failpoint, Remembered, no_failpoint
from perimeter.state.claims import read_claims
from perimeter.state.codec import PLAIN
from perimeter.state.digests import SecretDigests
from perimeter.state.envelope import collector_paused
from perimeter.state.errors import state_error
from perimeter.state.journal import replay
from perimeter.state.model import State


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
    workspace: str = DEFAULT_WORKSPACE,
    reveal: bool = False,
) -> Loaded:
    """Read the configuration in a directory, its variables and its providers.

    Args:
        directory: of the root module.
        options: ``("var", "name=value")`` and ``("var-file", path)`` in command-line order.
        environment: where ``PERIMETER_VAR_…`` come from; the process's by default.
        given: variables that are settled already, as by a saved plan.
        providers: instead of the installed ones.
        variables: whether variables need values (``validate`` goes without).
        workspace: the selected one.
        reveal: whether what is only sensitive may appear in texts.
    """
    assignments, unread = collect(
        directory,
        options=options,
        environment=os.environ if environment is None else environment,
    )
    known = assignments if not given else _settled(assignments, given)
    config, diagnostics, sources = load(directory, given=lambda: known, workspace=workspace)
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
        _protect(inputs, reveal=reveal)
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


def _protect(inputs: Mapping[str, Value], *, reveal: bool) -> None:
    """What is declared sensitive is redacted wherever text leaves the process."""
    from perimeter.lang.plain import to_plain

    hidden = {EPHEMERAL} if reveal else {SENSITIVE, EPHEMERAL}
    for value in inputs.values():
        if hidden & value.deep_marks():
            SECRETS.add_all(to_plain(value))


@dataclass(slots=True, kw_only=True)
class Session:
    """One run over one configuration and one state.

    Attributes:
        place: where the state lies, for other states and people.
        keyed: whether what is written is encrypted, so that secrets may be remembered by digest.
        snapshot: plans start from what it holds; a closed one is all they get.
        on_event: told of everything that happens.
    """

    loaded: Loaded
    backend: Backend
    on_event: Callable[[Event], None] = ignore
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    place: str = ""
    keyed: bool = False
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
            states=RemoteStates(
                codec=lambda: getattr(self.backend, "codec", PLAIN), environment=self.environment
            ),
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
        registry = self.backend.registry()
        return PlanRequest(
            config=config,
            graph=graph,
            inputs=self.loaded.inputs,
            snapshot=self.snapshot,
            state=found.state,
            pending=pending_creates(found.pending),
            unanswered=unanswered(found.pending),
            digests=SecretDigests(found.state.digest_key)
            if self.keyed and found.state.digest_key
            else None,
            providers=self.loaded.providers,
            now=now or options.now or rfc3339(self.now()),
            options=options,
            cwd=str(Path.cwd()),
            claims=None if registry is None else read_claims(registry),
            earlier=self._earlier(found.state, options.rollback),
            outside_files=allowed_outside(self.environment, str(Path.cwd())),
        )

    def _earlier(self, state: State, serial: int | None) -> State | None:
        if serial is None:
            return None
        earlier = self.backend.version(serial)
        if earlier.lineage != state.lineage:
            raise state_error(
                "Version of another lineage",
                f"Version {serial} belongs to the state with lineage {earlier.lineage}, which was replaced here by one with "
                f"lineage {state.lineage}: its objects are not this state's. Choose a later version.",
            )
        return earlier

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
                place=self.place,
                keyed=self.keyed,
                remembered=remembered,
                parallelism=self.parallelism,
                on_event=self.on_event,
                stop=stop or StopSignal(),
                approver=approver,
                commit=commit,
                failpoint=self.failpoint,
                now=lambda: _precise(self.now()),
            )
        )


def _precise(moment: datetime) -> str:
    """A moment as the journal and the evidence log note it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
