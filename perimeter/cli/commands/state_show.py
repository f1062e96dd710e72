"""``perimeter state show``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.addresses import AddressError, parse_address
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import STORED
from perimeter.cli.workspace import place_of_directory, remembered_state, schemas_of_state
from perimeter.diagnostics import did_you_mean


@command("state show")
@flags(STORED, switch("json", "Print JSON."))
@click.argument("address")
def run(invocation: Invocation, address: str, **given: Any) -> int:
    """Show the objects of one resource instance as state remembers them."""
    state = remembered_state(place_of_directory(given["state"], invocation=invocation))
    try:
        parsed = parse_address(address)
    except AddressError as problem:
        raise refuse("Invalid address", str(problem)) from None
    instance = state.resources.get(str(parsed))
    if instance is None or not instance.objects:
        raise refuse(
            "No instance found for the given address",
            f"The state holds no {parsed}.{did_you_mean(str(parsed), state.resources)} To see what it holds: "
            "perimeter state list",
        )
    if given["json"]:
        from perimeter.ui.masks import to_json
        from perimeter.ui.state_json import object_json

        data = [object_json(parsed, item) for item in instance.objects]
        invocation.terminal.print(to_json(data, indent=2) + "\n")
        return 0
    from perimeter.ui.protection import protect_state
    from perimeter.ui.state_text import object_text

    protect_state(state)

    known = schemas_of_state(state)
    style = invocation.terminal.style()
    texts = [object_text(parsed, item, known.get(item.type), style) for item in instance.objects]
    invocation.terminal.show("\n\n".join(texts) + "\n")
    return 0
