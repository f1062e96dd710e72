"""``errored.state``: what is left of an apply whose state could not be written where it belongs."""

from __future__ import annotations

from pathlib import Path

from perimeter.cli.failure import Refused
from perimeter.cli.planning import write_private
from perimeter.diagnostics import Diagnostic, error
from perimeter.state.backend import Backend
from perimeter.state.codec import PLAIN
from perimeter.state.errors import StateError
from perimeter.state.model import State

NAME = "errored.state"


def keep(backend: Backend, state: State) -> Diagnostic:
    """Write a state beside the configuration, encrypted as in its own place; says what to do with it."""
    codec = getattr(backend, "codec", PLAIN)
    path = _free()
    try:
        write_private(path, codec.encode_state(state))
    except (StateError, Refused) as problem:
        why = problem.diagnostics[0]
        return error(
            "Failed to keep the state",
            f"The error shown above has prevented perimeter from writing the updated state, and it could not be written to "
            f'the file "{path}" either: {why.summary}: {why.detail}\n\nWhat was begun stands in the journal, as far as that '
            "could be written: the next apply looks it up in the tenants before it does anything else.",
        )
    return error(
        "Failed to persist state to backend",
        "The error shown above has prevented perimeter from writing the updated state to the configured backend. To allow "
        f'for recovery, the state has been written to the file "{path}" in the current working directory.\n\nTo retry '
        f"writing this state, use the following command:\n    perimeter state push {path}\n\nWithout it, the next apply "
        "takes up what the journal holds, and looks up in the tenants what it only announced; outputs and values that no "
        "record holds would be read anew.",
    )


def _free() -> str:
    """A name that no earlier failure has taken."""
    number = 1
    name = NAME
    while Path(name).exists():
        number += 1
        name = f"{NAME}.{number}"
    return name
