"""``perimeter state pull``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.command import Invocation, command, flags
from perimeter.cli.flags import STORED
from perimeter.cli.workspace import place_of_directory, remembered_state
from perimeter.state.codec import encode_state


@command("state pull")
@flags(STORED)
def run(invocation: Invocation, **given: Any) -> int:
    """Print the state as it is stored, with what the journal holds folded in.

    It contains sensitive values.
    """
    state = remembered_state(place_of_directory(given["state"], invocation=invocation))
    invocation.terminal.print(encode_state(state).decode())
    return 0
