"""``perimeter state mv``."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from perimeter.addresses import Address, AddressError, Target, parse_address, parse_target
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import LOCKING, STORED
from perimeter.cli.state_writing import BACKUP, remember
from perimeter.cli.workspace import locked, place_of_directory
from perimeter.engine.moves import destination
from perimeter.state.journal import replay
from perimeter.state.model import Moves, State
from perimeter.state.moving import rekeyed


@command("state mv")
@flags(STORED, LOCKING, BACKUP, switch("dry-run", "Only say what would be moved."))
@click.argument("source")
@click.argument("destination_", metavar="DESTINATION")
def run(invocation: Invocation, source: str, destination_: str, **given: Any) -> int:
    """Remember resource instances under another address; their objects stay as they are.

    SOURCE and DESTINATION are both modules, resources or instances. A moved
    block in the configuration does the same, and does it for everybody. The
    state before is kept in PATH.backup.
    """
    found = place_of_directory(given["state"], invocation=invocation)
    with locked(invocation, found, "state-mv", given):
        held = found.backend.load()
        replayed = replay(held.state, held.records)
        moves = _moves(_end(source), _end(destination_), replayed.state)
        waiting = {item.address for item in replayed.pending}
        for old, _ in moves:
            if old in waiting:
                raise refuse(
                    "An earlier apply was cut off",
                    f"What became of {old} is not known yet. Run perimeter apply first, then move it.",
                )
        if not given["dry_run"]:
            state = replayed.state
            moved = msgspec.structs.replace(state, resources=rekeyed(state.resources, moves))
            touched = [(new, state.resources[old].current()) for old, new in moves]
            remember(invocation, found, held, moved, "state-mv", touched, given)
    verb = "Would move" if given["dry_run"] else "Move"
    for old, new in moves:
        invocation.terminal.print(f'{verb} "{old}" to "{new}"\n')
    if not given["dry_run"]:
        invocation.terminal.print(f"Successfully moved {len(moves)} object(s).\n")
    return 0


def _end(text: str) -> Target:
    try:
        return parse_target(text)
    except AddressError as problem:
        raise refuse("Invalid target address", str(problem)) from None


def _moves(source: Target, target: Target, state: State) -> Moves:
    one, other = source.resource, target.resource
    if (one is None) is not (other is None):
        raise refuse(
            "Invalid state move",
            f"{source} and {target} must either both refer to resources or both refer to modules.",
        )
    if one is not None and other is not None and (one.mode, one.type) != (other.mode, other.type):
        raise refuse(
            "Invalid state move",
            f"{source} cannot become {target}: a resource does not change its type.",
        )
    moved: dict[str, Address] = {}
    for text in state.resources:
        new = destination((), source, target, parse_address(text))
        if new is not None:
            moved[text] = new
    if not moved:
        raise refuse(
            "Invalid target address",
            f"No matching objects found for {source}. To see what the state holds: perimeter state list",
        )
    for new in moved.values():
        if str(new) in state.resources and str(new) not in moved:
            raise refuse(
                "Invalid state move",
                f"There is already a resource instance at {new}. Move that one first, or forget it with: perimeter state rm",
            )
    return tuple((old, str(new)) for old, new in moved.items() if old != str(new))
