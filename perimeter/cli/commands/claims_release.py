"""``perimeter claims release``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli.claiming import registry
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import STATE
from perimeter.state.claims import amend, read_claims


@command("claims release")
@flags(STATE, switch("force", "Do not ask."))
@click.argument("lineage")
def run(invocation: Invocation, lineage: str, **given: Any) -> int:
    """Strike a state that is gone for good from the registry.

    LINEAGE stands in the message that refused a claim. What the state
    manages counts as undeclared from then on: an exclusive collection of
    another state removes it. A state that lives on registers again with
    its next apply.
    """
    shared = registry(given["state"])
    member = read_claims(shared).members.get(lineage)
    if member is None:
        raise refuse(
            "No such state",
            f'No state with lineage "{lineage}" takes part. To see those that do: perimeter claims list',
        )
    if not given["force"]:
        if not invocation.terminal.may_ask:
            raise refuse("Approval is needed and nobody can be asked", "Add -force.")
        answer = invocation.terminal.ask(
            f"Do you really want to release the claims of {member.place}?\n  What it manages counts as undeclared from then "
            "on.\n  Only 'yes' will be accepted to confirm.\n\n  Enter a value: "
        )
        if answer != "yes":
            invocation.terminal.print("\nRelease cancelled.\n")
            return 1
    amend(shared, lambda claims: claims.without(lineage))
    invocation.terminal.print(f"The claims of {member.place} have been released.\n")
    return 0
