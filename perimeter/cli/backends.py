"""The backend of a working directory: what the block says and what ``init`` remembered, opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from perimeter.cli import backend_memory
from perimeter.cli.backend_memory import Memory, place_of
from perimeter.cli.backend_settings import LOCAL, Configured, configured
from perimeter.cli.failure import Refused
from perimeter.config.model import Config
from perimeter.diagnostics import error
from perimeter.state.backend import Backend
from perimeter.state.codec import Codec
from perimeter.state.places import SettingError

NEEDED = 'Backend initialization required, please run "perimeter init"'


def chosen(config: Config | None, environment: Mapping[str, str]) -> Configured:
    """The backend that commands work with.

    A local backend needs no ``init``. Any other does, so that a state is never looked for in a place that nobody chose.

    Raises:
        Refused: it is not well configured, or ``init`` has to be run first.
    """
    own = configured(config.root.backend if config is not None else None)
    memory = backend_memory.read()
    if memory is None:
        if own.type == LOCAL:
            return own
        raise _needed(own, f'Initial configuration of the requested backend "{own.type}".')
    if own.type != memory.type:
        if own.block is None:
            raise _needed(own, f'Unsetting the previously set backend "{memory.type}".')
        raise _needed(own, f'Backend type changed from "{memory.type}" to "{own.type}".')
    whole = with_given(own, memory.given)
    if own.type != LOCAL and not is_same(whole, memory):
        raise _needed(own, f'Backend configuration changed for "{own.type}".')
    _require_secrets(whole, memory, environment)
    return whole


def with_given(own: Configured, given: Mapping[str, Any]) -> Configured:
    """The block's arguments and those of -backend-config, which win."""
    return replace(own, settings={**own.settings, **given})


def is_same(whole: Configured, memory: Memory) -> bool:
    """Whether it is the backend that ``init`` remembered."""
    return (
        whole.type == memory.type
        and whole.public == memory.settings
        and place_of(whole) == memory.place
    )


def open_backend(
    found: Configured, workspace: str, codec: Codec, environment: Mapping[str, str]
) -> Backend:
    """Open a workspace's backend.

    Raises:
        Refused: an argument is at fault.
        StateError: it cannot be opened.
    """
    with pointing(found):
        return found.kind.open(found.settings, workspace, codec, environment)


@contextmanager
def pointing(found: Configured) -> Iterator[None]:
    """Show the argument that is at fault."""
    try:
        yield
    except SettingError as problem:
        where = found.range_of(problem.setting)
        raise Refused(
            [replace(item, subject=where) for item in problem.diagnostics], found.sources
        ) from None


def _needed(own: Configured, reason: str) -> Refused:
    return Refused(
        [
            error(
                NEEDED,
                f"Reason: {reason}\n\nWhere state lies has to be settled before anything is read or written there, so that "
                'no state is left behind unnoticed. To move an existing state to the new place, run "perimeter init '
                '-migrate-state"; to use what is there and leave the old place as it is, "perimeter init -reconfigure".',
                own.range_of(),
            )
        ],
        own.sources,
    )


def _require_secrets(whole: Configured, memory: Memory, environment: Mapping[str, str]) -> None:
    for name in memory.withheld:
        setting = whole.kind.settings.get(name)
        if setting is None or whole.settings.get(name):
            continue
        if any(environment.get(item) for item in setting.environment):
            continue
        ways = [f"set {setting.environment[0]}"] if setting.environment else []
        ways.append("give it in the block by a sensitive variable")
        raise Refused(
            [
                error(
                    "Secret of the backend is missing",
                    f'"{name}" was given to "perimeter init" by -backend-config. It is a secret and so was not kept: '
                    f"{', or '.join(ways)}.",
                    whole.range_of(),
                )
            ],
            whole.sources,
        )
