"""``perimeter workspace new``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command, flags
from perimeter.cli.failure import refuse
from perimeter.cli.flags import LOCKING, VARIABLES
from perimeter.cli.switching import create, require_free, states


@command("workspace new")
@flags(VARIABLES, LOCKING)
@click.argument("name")
def run(invocation: Invocation, name: str, **given: Any) -> int:
    """Create a workspace, with a state of its own, and select it."""
    require_free(invocation)
    workspaces.check_name(name)
    found = states(invocation)
    if name in found.names():
        raise refuse(
            f'Workspace "{name}" already exists' if len(name) < 35 else "Workspace already exists",
            f"To work in it: perimeter workspace select {name}",
        )
    create(invocation, found, name, given)
    return 0
