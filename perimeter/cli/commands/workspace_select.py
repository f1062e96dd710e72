"""``perimeter workspace select``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import LOCKING, VARIABLES
from perimeter.cli.switching import create, require_free, states
from perimeter.diagnostics import did_you_mean


@command("workspace select")
@flags(switch("or-create", "Create the workspace if there is none."), VARIABLES, LOCKING)
@click.argument("name")
def run(invocation: Invocation, name: str, **given: Any) -> int:
    """Select a workspace for the commands that follow."""
    require_free(invocation)
    workspaces.check_name(name)
    found = states(invocation)
    names = found.names()
    if name not in names:
        if given["or_create"]:
            create(invocation, found, name, given)
            return 0
        raise refuse(
            "Workspace does not exist",
            f'There is no workspace "{name}".{did_you_mean(name, names)} Create it with "perimeter workspace new {name}", '
            "or add -or-create.",
        )
    if name != workspaces.current(invocation.terminal.environment):
        workspaces.select(name)
        style = invocation.terminal.style()
        invocation.terminal.print(style.paint(f'Switched to workspace "{name}".', "green") + "\n")
    return 0
