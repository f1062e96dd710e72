"""``perimeter state list``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.addresses import AddressError, parse_address, parse_target
from perimeter.cli.command import Invocation, command, flags, value
from perimeter.cli.failure import refuse
from perimeter.cli.flags import STATE
from perimeter.cli.workspace import place_of_directory, remembered_state


@command("state list")
@flags(STATE, value("id", "ID", "Only instances whose object has this vendor id."))
@click.argument("address", nargs=-1)
def run(invocation: Invocation, address: tuple[str, ...], **given: Any) -> int:
    """List the resource instances in the state; with ADDRESS only those in that module or block."""
    state = remembered_state(place_of_directory(given["state"]))
    try:
        targets = [parse_target(text) for text in address]
    except AddressError as problem:
        raise refuse("Invalid address", str(problem)) from None
    found = []
    for text, instance in state.resources.items():
        parsed = parse_address(text)
        if targets and not any(target.selects(parsed) for target in targets):
            continue
        if given["id"] and given["id"] not in {item.id for item in instance.objects}:
            continue
        if instance.objects:
            found.append(parsed)
    for parsed in sorted(found, key=lambda item: item.sort_key):
        invocation.terminal.print(f"{parsed}\n")
    return 0
