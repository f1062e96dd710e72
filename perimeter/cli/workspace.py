"""A working directory: its configuration, its state, and a session over both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perimeter.cli import workspaces
from perimeter.cli.backend_settings import LOCAL
from perimeter.cli.backends import chosen, open_backend
from perimeter.cli.command import Invocation
from perimeter.cli.encryption import NOT_ENCRYPTED, NOT_ENCRYPTED_DETAIL, Supply, plain, supply
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import seconds
from perimeter.cli.installed import check_locked
from perimeter.cli.lockfile import LOCK_FILE, read_lock
from perimeter.config.assignments import Assignments, collect
from perimeter.config.load import load
from perimeter.config.model import Config
from perimeter.diagnostics import Diagnostics
from perimeter.engine import snapshot as snapshots
from perimeter.engine.session import Loaded, Session, load_configuration
from perimeter.engine.snapshot import Snapshot
from perimeter.lang.values import Value
from perimeter.sdk.provider import Provider
from perimeter.sdk.registry import load_providers
from perimeter.sdk.schema import Schema
from perimeter.state.backend import Backend
from perimeter.state.codec import Codec
from perimeter.state.journal import replay
from perimeter.state.local import LocalBackend
from perimeter.state.lockinfo import LockInfo, new_lock_info
from perimeter.state.model import State

HERE = Path()
SCRATCH = Path(".perimeter")


@dataclass(frozen=True, slots=True)
class Place:
    """Where state lies: the backend and its name for people.

    Attributes:
        keys: what is written and read here is encrypted with; ``local``: on this machine alone.
    """

    backend: Backend
    path: str
    keys: Supply = plain
    local: bool = True
    workspace: str = "default"


def loaded(
    invocation: Invocation,
    *,
    given: Mapping[str, Value] | None = None,
    variables: bool = True,
    reveal: bool = False,
    tolerated: str = "",
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
        workspace=workspaces.current(invocation.terminal.environment),
        reveal=reveal,
    )
    if found.config is not None:
        check_locked(found.config.provider_sources, read_lock(LOCK_FILE), found.diagnostics)
    wrong = [item for item in found.diagnostics.errors if item.summary != tolerated]
    if found.config is None or found.graph is None or wrong:
        raise Refused(found.diagnostics, found.sources)
    return found


def early_variables(invocation: Invocation) -> Callable[[], Assignments]:
    """What root variables are given, for commands that need no others than those in module sources and the backend.

    The returned function raises ``Refused`` when a variable file cannot be read.
    """
    options = invocation.order("var", "var-file")

    def read() -> Assignments:
        found, problems = collect(
            HERE,
            options=options,
            environment=invocation.terminal.environment,
        )
        if problems.has_errors:
            raise Refused(problems, found.sources)
        return found

    return read


def place(
    config: Config | None, state: str | None = None, *, invocation: Invocation | None = None
) -> Place:
    """Where the state of a configuration lies; ``state`` is the flag's path.

    ``invocation``: whose flags and environment give values to the variables that keys are made of.

    Raises:
        Refused: its backend is unknown, not well configured, or not initialized.
    """
    keys = keys_of(config, invocation)
    environment = invocation.terminal.environment if invocation is not None else os.environ
    workspace = workspaces.current(environment)
    codec = Codec(workspace=workspace, keys=lambda: keys().state)
    if state is not None:
        return Place(LocalBackend(state, codec=codec), state, keys, workspace=workspace)
    found = chosen(config, environment)
    backend = open_backend(found, workspace, codec, environment)
    path = found.kind.describe(found.settings, workspace)
    return Place(backend, path, keys, local=found.type == LOCAL, workspace=workspace)


def keys_of(config: Config | None, invocation: Invocation | None = None) -> Supply:
    """How to get at the keys of a configuration, or of the directory where there is none."""
    if invocation is not None:
        return supply(config, early_variables(invocation), invocation.terminal.environment)
    return supply(config, lambda: collect(HERE, environment=os.environ)[0])


def warn_if_plain(invocation: Invocation, found: Place) -> None:
    """Say that a state which others can reach is not encrypted; nothing about one on this machine alone."""
    if not found.local and not found.keys().state.encrypts:
        told = Diagnostics()
        told.warning(NOT_ENCRYPTED, NOT_ENCRYPTED_DETAIL.format(place=found.path))
        invocation.reporter.diagnostics(told, {})


def place_of_directory(state: str | None = None, *, invocation: Invocation | None = None) -> Place:
    """Where the state lies, for commands that need no valid configuration.

    Raises:
        Refused: the backend is unknown.
    """
    if state is not None or not (any(HERE.glob("*.hcl")) or any(HERE.glob("*.hcl.json"))):
        return place(None, state, invocation=invocation)
    environment = invocation.terminal.environment if invocation is not None else os.environ
    values = early_variables(invocation) if invocation is not None else None
    config, _, _ = load(HERE, given=values, workspace=workspaces.current(environment))
    return place(config, invocation=invocation)


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


def read_snapshot(path: str, keys: Supply = plain) -> Snapshot:
    """A snapshot file; closed, so that nothing else is read.

    Raises:
        Refused: there is none.
        StateError: it is damaged, newer or something else.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        raise refuse("Snapshot not readable", f"{path}: {problem.strerror}.") from None
    content = keys().snapshot.unwrap(
        snapshots.KIND, data, snapshots.UPGRADES, into=dict[str, Any], where=path
    )
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
        place=found.path,
        keyed=found.keys().state.encrypts,
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
