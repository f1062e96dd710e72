"""A working directory: its configuration, its state, and a session over both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perimeter.cli.command import Invocation
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import seconds
from perimeter.cli.installed import check_locked
from perimeter.cli.lockfile import LOCK_FILE, read_lock
from perimeter.config.assignments import Assignments, collect
from perimeter.config.load import load
from perimeter.config.model import Backend as BackendBlock
from perimeter.config.model import Config
from perimeter.diagnostics import error
from perimeter.engine import snapshot as snapshots
from perimeter.engine.session import Loaded, Session, load_configuration
from perimeter.engine.snapshot import Snapshot
from perimeter.lang.values import Value
from perimeter.sdk.provider import Provider
from perimeter.sdk.registry import load_providers
from perimeter.sdk.schema import Schema
from perimeter.state.backend import Backend
from perimeter.state.envelope import unwrap
from perimeter.state.journal import replay
from perimeter.state.local import DEFAULT_PATH, LocalBackend
from perimeter.state.lockinfo import LockInfo, new_lock_info
from perimeter.state.model import State

HERE = Path()
SCRATCH = Path(".perimeter")


@dataclass(frozen=True, slots=True)
class Place:
    """Where state lies: the backend and its name for people."""

    backend: Backend
    path: str


def loaded(
    invocation: Invocation, *, given: Mapping[str, Value] | None = None, variables: bool = True
) -> Loaded:
    """The configuration of the working directory, its variables and its providers.

    Raises:
        Refused: it has errors.
    """
    found = load_configuration(
        HERE,
        options=invocation.order("var", "var-file"),
        environment=invocation.terminal.environment,
        given=given,
        variables=variables,
    )
    if found.config is not None:
        check_locked(found.config.provider_sources, read_lock(LOCK_FILE), found.diagnostics)
    if found.config is None or found.graph is None or found.diagnostics.has_errors:
        raise Refused(found.diagnostics, found.sources)
    return found


def early_variables(invocation: Invocation) -> Callable[[], Assignments]:
    """What root variables are given, for commands that need no others than those in module sources and the backend.

    The returned function raises ``Refused`` when a variable file cannot be read.
    """

    def read() -> Assignments:
        found, problems = collect(
            HERE,
            options=invocation.order("var", "var-file"),
            environment=invocation.terminal.environment,
        )
        if problems.has_errors:
            raise Refused(problems, found.sources)
        return found

    return read


def place(config: Config | None, state: str | None = None) -> Place:
    """Where the state of a configuration lies; ``state`` is the flag's path.

    Raises:
        Refused: its backend is unknown or not well configured.
    """
    if state is not None:
        return Place(LocalBackend(state), state)
    block = config.root.backend if config is not None else None
    path = DEFAULT_PATH if block is None else _local_path(block)
    return Place(LocalBackend(path), path)


def _local_path(block: BackendBlock) -> str:
    if block.type != "local":
        raise Refused(
            [
                error(
                    "Unsupported backend type",
                    f'There is no backend type named "{block.type}" yet; "local" keeps state in a file.',
                    block.range,
                )
            ],
            {block.src.filename: block.src},
        )
    for name, attribute in block.body.attributes.items():
        if name != "path":
            raise Refused(
                [
                    error(
                        "Unsupported argument",
                        f'An argument named "{name}" is not expected here: the local backend takes "path".',
                        attribute.name_range,
                    )
                ],
                {block.src.filename: block.src},
            )
    given = block.body.attributes.get("path")
    if given is None:
        return DEFAULT_PATH
    value = block.arguments.get("path")
    path = value.raw if value is not None and not value.deep_marks() else None
    if not isinstance(path, str) or not path:
        raise Refused(
            [
                error(
                    "Invalid backend path",
                    "It must be a string that is known before the plan and not sensitive: from variables and local "
                    "values at most.",
                    given.expr.range,
                )
            ],
            {block.src.filename: block.src},
        )
    return path


def place_of_directory(state: str | None = None) -> Place:
    """Where the state lies, for commands that need no valid configuration.

    Raises:
        Refused: the backend is unknown.
    """
    if state is not None or not any(HERE.glob("*.hcl")):
        return place(None, state)
    config, _, _ = load(HERE)
    return place(config)


def remembered_state(found: Place) -> State:
    """The state as it is now, journal included."""
    held = found.backend.load()
    return replay(held.state, held.records).state


def schemas(providers: Iterable[Provider]) -> dict[str, Schema]:
    """Schemas by resource type."""
    return {
        name: kind.schema for provider in providers for name, kind in provider.resources.items()
    }


def schemas_of_state(state: State) -> dict[str, Schema]:
    """Schemas of what a state holds, as far as the providers are installed."""
    names = {
        item.provider.rpartition(".")[2]: item.type.partition("_")[0]
        for instance in state.resources.values()
        for item in instance.objects
    }
    found, _ = load_providers(sorted({*names.values()}))
    return schemas(found.values())


@contextmanager
def locked(
    invocation: Invocation, found: Place, operation: str, given: Mapping[str, Any]
) -> Iterator[None]:
    """Hold the state's lock, unless ``-lock=false``."""
    if not given["lock"]:
        yield
        return

    def waiting(holder: LockInfo | None, waited: float) -> None:
        who = f", held by {holder.who}" if holder is not None and holder.who else ""
        invocation.terminal.warn(f"Waiting for the state's lock{who} ({waited:.0f} s)\n")

    info = new_lock_info(operation, found.path)
    with found.backend.lock(info, seconds(given["lock_timeout"]), waiting):
        yield


def read_snapshot(path: str) -> Snapshot:
    """A snapshot file; closed, so that nothing else is read.

    Raises:
        Refused: there is none.
        StateError: it is damaged, newer or something else.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        raise refuse("Snapshot not readable", f"{path}: {problem.strerror}.") from None
    content = unwrap(snapshots.KIND, data, into=dict[str, Any], where=path)
    return snapshots.from_content(content)


@contextmanager
def session(
    invocation: Invocation,
    configuration: Loaded,
    found: Place,
    *,
    snapshot: Snapshot | None = None,
    parallelism: int = 10,
) -> Iterator[Session]:
    """Clients for a configuration; closed at the end."""
    with Session(
        loaded=configuration,
        backend=found.backend,
        on_event=_forward(invocation),
        environment=invocation.terminal.environment,
        parallelism=parallelism,
        snapshot=snapshot or Snapshot(),
    ) as made:
        yield made


def _forward(invocation: Invocation) -> Callable[[Any], None]:
    def forward(event: Any) -> None:
        invocation.reporter.event(event)

    return forward
