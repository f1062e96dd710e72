"""``perimeter workspace delete``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import LOCKING, VARIABLES
from perimeter.cli.switching import states
from perimeter.cli.workspace import locked, remembered_state
from perimeter.config.load import DEFAULT_WORKSPACE


@command("workspace delete")
@flags(
    switch("force", "Delete it although its state holds resource instances."),
    VARIABLES,
    LOCKING,
)
@click.argument("name")
def run(invocation: Invocation, name: str, **given: Any) -> int:
    """Delete a workspace with its state, journal and earlier versions.

    Its evidence stays where the backend can keep it.
    """
    workspaces.check_name(name)
    found = states(invocation)
    if name == DEFAULT_WORKSPACE:
        raise refuse("Cannot delete the default workspace", "It is the one that always exists.")
    if name == workspaces.current(invocation.terminal.environment):
        raise refuse(
            "Cannot delete the active workspace",
            f'Workspace "{name}" is your active workspace. Switch to another one and try again: '
            "perimeter workspace select default",
        )
    if name not in found.names():
        raise refuse("Workspace does not exist", f'There is no workspace "{name}".')
    place = found.place(name)
    with locked(invocation, place, "state-delete", given):
        held = sorted(remembered_state(place).resources)
        if held and not given["force"]:
            listed = "".join(f"\n  - {address}" for address in held[:20])
            more = f"\n  and {len(held) - 20} more" if len(held) > 20 else ""
            raise refuse(
                "Workspace is not empty",
                f'Workspace "{name}" is currently tracking these resource instances:{listed}{more}\n\nDeleting it makes '
                "perimeter lose track of the objects in the tenants. Destroy them first; or, to forget them and leave them "
                f"as they are: perimeter workspace delete -force {name}",
            )
        found.delete(name)
    style = invocation.terminal.style()
    invocation.terminal.print(style.paint(f'Deleted workspace "{name}"!', "green") + "\n")
    if held:
        invocation.terminal.print(
            f'WARNING: "{name}" was non-empty.\nThe objects that it managed may still exist, but perimeter does not know them '
            "any more.\n"
        )
    return 0
