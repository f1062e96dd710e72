"""``perimeter state rm``."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from perimeter.addresses import AddressError, parse_address, parse_target
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import LOCKING, STORED
from perimeter.cli.state_writing import BACKUP, remember
from perimeter.cli.workspace import locked, place_of_directory
from perimeter.state.journal import replay
from perimeter.state.model import State


@command("state rm")
@flags(STORED, LOCKING, BACKUP, switch("dry-run", "Only say what would be forgotten."))
@click.argument("address", nargs=-1, required=True)
def run(invocation: Invocation, address: tuple[str, ...], **given: Any) -> int:
    """Forget resource instances: their objects stay in the tenants and are no longer managed.

    What an exclusive collection covers and nothing declares is removed by
    the next apply. The state before is kept in PATH.backup.
    """
    found = place_of_directory(given["state"], invocation=invocation)
    with locked(invocation, found, "state-rm", given):
        held = found.backend.load()
        state = replay(held.state, held.records).state
        names = _selected(address, state)
        if not given["dry_run"]:
            left = {name: item for name, item in state.resources.items() if name not in names}
            after = msgspec.structs.replace(state, resources=left)
            touched = [(name, item) for name in names for item in state.resources[name].objects]
            remember(invocation, found, held, after, "state-rm", touched, given)
    for name in names:
        invocation.terminal.print(f"{'Would remove' if given['dry_run'] else 'Removed'} {name}\n")
    noun = "instance" if len(names) == 1 else "instances"
    if not given["dry_run"]:
        invocation.terminal.print(f"Successfully removed {len(names)} resource {noun}.\n")
    return 0


def _selected(address: tuple[str, ...], state: State) -> list[str]:
    names: dict[str, None] = {}
    for text in address:
        try:
            target = parse_target(text)
        except AddressError as problem:
            raise refuse("Invalid target address", str(problem)) from None
        matching = [name for name in state.resources if target.selects(parse_address(name))]
        if not matching:
            raise refuse(
                "Invalid target address",
                f"No matching objects found for {text}. To see what the state holds: perimeter state list",
            )
        names.update(dict.fromkeys(matching))
    return list(names)
