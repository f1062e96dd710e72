"""``perimeter workspace list``."""

from __future__ import annotations

from typing import Any

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command, flags
from perimeter.cli.flags import VARIABLES
from perimeter.cli.switching import OVERRIDDEN, states


@command("workspace list")
@flags(VARIABLES)
def run(invocation: Invocation, **_given: Any) -> int:
    """List the workspaces; the selected one has an asterisk."""
    environment = invocation.terminal.environment
    selected = workspaces.current(environment)
    lines = [f"{'*' if name == selected else ' '} {name}\n" for name in states(invocation).names()]
    invocation.terminal.print("".join(lines) + "\n")
    if workspaces.overridden(environment):
        invocation.terminal.print(f"{OVERRIDDEN}\n")
    return 0
