"""``perimeter workspace show``."""

from __future__ import annotations

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command


@command("workspace show")
def run(invocation: Invocation) -> int:
    """Print the name of the selected workspace."""
    invocation.terminal.print(f"{workspaces.current(invocation.terminal.environment)}\n")
    return 0
