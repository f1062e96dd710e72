"""A directory with a configuration and a local state, planned and applied without a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from perimeter.config.queries import Queries, load_queries
from perimeter.diagnostics import Diagnostics
from perimeter.engine.consent import Consent
from perimeter.engine.generation import Generated, Key, generate
from perimeter.engine.model import Applied, Event, Options, Plan
from perimeter.engine.observe import Driver
from perimeter.engine.plan import Planned
from perimeter.engine.query import Queried, QueryRequest
from perimeter.engine.session import Loaded, Session, ignore, load_configuration
from perimeter.engine.snapshot import Snapshot
from perimeter.sdk.provider import Provider
from perimeter.state.backend import Failpoint, no_failpoint
from perimeter.state.codec import PLAIN, Codec
from perimeter.state.journal import replay
from perimeter.state.local import DEFAULT_PATH, LocalBackend
from perimeter.state.lockinfo import new_lock_info
from perimeter.state.model import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a plan or apply came to.

    Attributes:
        plan: None where errors kept it from being made.
        applied: None where nothing was applied.
    """

    plan: Plan | None
    planned: Planned | None
    snapshot: Snapshot
    diagnostics: Diagnostics
    applied: Applied | None = None

    @property
    def errors(self) -> list[str]:
        """Every error's summary and detail."""
        return [f"{item.summary}: {item.detail}" for item in self.diagnostics.errors]


@dataclass(slots=True, kw_only=True)
class Workspace:
    """A directory to work in.

    Attributes:
        directory: of the configuration; it is made when it is missing.
        providers: instead of the installed ones.
        environment: instead of the process's: credentials and ``PERIMETER_VAR_…``.
        state_dir: where the state lies; the directory itself by default.
        codec: encrypts what is written, where it has keys.
        registry: path of the document shared with other workspaces; beside the state by default.
        now: the clock that plans are made by.
        events: everything that was reported.
    """

    directory: Path
    providers: Mapping[str, Provider] | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    state_dir: Path | None = None
    registry: Path | None = None
    codec: Codec = PLAIN
    parallelism: int = 10
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    failpoint: Failpoint = no_failpoint
    events: list[Event] = field(default_factory=list, repr=False)
    on_event: Callable[[Event], None] = ignore

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)

    def write(self, text: str, name: str = "main.hcl") -> None:
        """Write a configuration file."""
        (self.directory / name).write_text(text, encoding="utf-8")

    def backend(self) -> LocalBackend:
        """The state's place."""
        return LocalBackend(
            (self.state_dir or self.directory) / DEFAULT_PATH,
            codec=self.codec,
            registry_path=self.registry,
        )

    @property
    def state(self) -> State:
        """The state as it is now, journal included."""
        held = self.backend().load()
        return replay(held.state, held.records).state

    def plan(
        self,
        options: Options | None = None,
        snapshot: Snapshot | None = None,
        consent: Consent | None = None,
    ) -> Outcome:
        """Plan; ``consent``: what of it may be made."""
        with self._session(snapshot) as (loaded, session):
            if session is None:
                return _failed(loaded)
            request = session.request(session.backend.load(), options or Options())
            planned, seen = session.plan(replace(request, consent=consent))
            return _outcome(loaded, planned, seen)

    def apply(
        self,
        options: Options | None = None,
        between: Callable[[], None] | None = None,
        snapshot: Snapshot | None = None,
        consent: Consent | None = None,
    ) -> Outcome:
        """Plan and apply what there is ``consent`` to; ``between`` is called after the plan and before the first call."""
        with self._session(snapshot) as (loaded, session):
            if session is None:
                return _failed(loaded)
            with session.backend.lock(new_lock_info("OperationTypeApply", "test")):
                held = session.backend.load()
                request = session.request(held, options or Options())
                request = replace(request, consent=consent)
                planned, seen = session.plan(request)
                outcome = _outcome(loaded, planned, seen)
                if outcome.plan is None or outcome.diagnostics.has_errors:
                    return outcome
                if between is not None:
                    between()
                applied, problems = session.apply(planned, request, seen, held)
                outcome.diagnostics.extend(problems)
                return replace(outcome, applied=applied)

    def query(self, *, whole: bool = False) -> tuple[Queried, Mapping[Key, Generated]]:
        """Answer the query files, or without any list everything undeclared; ``whole`` also declares what is not.

        Raises:
            ValueError: the configuration, or a query file, has errors; the message names them.
        """
        with self._session(None) as (loaded, session):
            config = loaded.config
            asked = load_queries(self.directory, config) if config is not None else Queries()
            problems = Diagnostics([*loaded.diagnostics, *asked.diagnostics])
            if session is None or config is None or problems.has_errors:
                raise ValueError(_worded(problems))
            base = session.request(session.backend.load(), Options())
            planned, seen = session.plan(base)
            driver = Driver(connections=session.connections, on_event=session.on_event)
            found, _ = driver.query(
                QueryRequest(
                    base=replace(base, snapshot=seen),
                    planned=planned,
                    lists=tuple(asked.lists.values()) if asked.files else None,
                    whole=whole,
                )
            )
            problems = Diagnostics([*found.diagnostics, *driver.diagnostics])
            if problems.has_errors:
                raise ValueError(_worded(problems))
            made = generate(found.results, config.root, planned.declared) if whole else {}
            return found, made

    @contextmanager
    def _session(self, snapshot: Snapshot | None) -> Iterator[tuple[Loaded, Session | None]]:
        loaded = load_configuration(
            self.directory, environment=self.environment, providers=self.providers
        )
        if loaded.config is None or loaded.diagnostics.has_errors:
            yield loaded, None
            return

        def note(event: Event) -> None:
            self.events.append(event)
            self.on_event(event)

        with Session(
            loaded=loaded,
            backend=self.backend(),
            place=str(self.directory.name),
            keyed=self.codec.own_keys.encrypts,
            on_event=note,
            environment=self.environment,
            parallelism=self.parallelism,
            now=self.now,
            snapshot=snapshot or Snapshot(),
            failpoint=self.failpoint,
        ) as session:
            yield loaded, session


def _worded(problems: Diagnostics) -> str:
    return "\n".join(f"{item.summary}: {item.detail}" for item in problems.errors)


def _failed(loaded: Loaded) -> Outcome:
    return Outcome(plan=None, planned=None, snapshot=Snapshot(), diagnostics=loaded.diagnostics)


def _outcome(loaded: Loaded, planned: Planned, seen: Snapshot) -> Outcome:
    found = Diagnostics([*loaded.diagnostics, *planned.diagnostics])
    return Outcome(plan=planned.plan, planned=planned, snapshot=seen, diagnostics=found)
