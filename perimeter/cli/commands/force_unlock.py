"""``perimeter force-unlock``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import STORED
from perimeter.cli.workspace import place_of_directory


@command("force-unlock")
@flags(switch("force", "Do not ask."), STORED)
@click.argument("lock_id")
def run(invocation: Invocation, lock_id: str, **given: Any) -> int:
    """Release a lock on the state that a run left behind.

    LOCK_ID stands in the message that refused the lock. A lock whose holder
    is alive is not released.
    """
    found = place_of_directory(given["state"], invocation=invocation)
    if not given["force"]:
        if not invocation.terminal.may_ask:
            raise refuse("Approval is needed and nobody can be asked", "Add -force.")
        answer = invocation.terminal.ask(
            "Do you really want to force-unlock?\n  The lock is removed even if its holder still works elsewhere. Others "
            "may then write\n  at the same time.\n  Only 'yes' will be accepted to confirm.\n\n  Enter a value: "
        )
        if answer != "yes":
            invocation.terminal.print("\nforce-unlock cancelled.\n")
            return 1
    found.backend.force_unlock(lock_id)
    invocation.terminal.print("perimeter state has been successfully unlocked!\n")
    return 0
