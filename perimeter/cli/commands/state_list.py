"""``perimeter state list``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.addresses import AddressError, parse_address, parse_target
from perimeter.cli.command import Invocation, command, flags, value
from perimeter.cli.failure import refuse
from perimeter.cli.flags import STORED
from perimeter.cli.workspace import place_of_directory, remembered_state


@command("state list")
@flags(STORED, value("id", "ID", "Only instances whose object has this vendor id."))
@click.argument("address", nargs=-1)
def run(invocation: Invocation, address: tuple[str, ...], **given: Any) -> int:
    """List the resource instances in the state; with ADDRESS only those in that module or block."""
    state = remembered_state(place_of_directory(given["state"], invocation=invocation))
    try:
        targets = [parse_target(text) for text in address]
    except AddressError as problem:
        raise refuse("Invalid address", str(problem)) from None
    known = {parse_address(text): instance for text, instance in state.resources.items()}
    for text, target in zip(address, targets, strict=True):
        if not any(target.selects(parsed) for parsed in known):
            raise refuse(
                "Unknown resource",
                f"The current state contains no resource {text}. If you've just added this resource to the "
                'configuration, you must run "perimeter apply" first to create the resource\'s entry in the state.',
            )
    found = [
        parsed
        for parsed, instance in known.items()
        if instance.objects
        and (not targets or any(target.selects(parsed) for target in targets))
        and (not given["id"] or given["id"] in {item.id for item in instance.objects})
    ]
    for parsed in sorted(found, key=lambda item: item.sort_key):
        invocation.terminal.print(f"{parsed}\n")
    return 0
