"""``perimeter evidence show``."""

from __future__ import annotations

import json
from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.evidence import FILE, entries_of
from perimeter.cli.failure import refuse
from perimeter.cli.flags import STORED
from perimeter.ui.evidence_text import entry_json, entry_text


@command("evidence show")
@flags(FILE, STORED, switch("json", "Print one JSON object."))
@click.argument("number", type=int)
def run(invocation: Invocation, number: int, **given: Any) -> int:
    """Show the entry NUMBER of the evidence log with all its fields."""
    found = next((item for item in entries_of(invocation, given) if item.sequence == number), None)
    if found is None:
        raise refuse(
            "No such entry",
            f"The evidence log has no entry {number}. To see what it has: perimeter evidence list",
        )
    if given["json"]:
        invocation.terminal.print(json.dumps(entry_json(found), indent=2) + "\n")
    else:
        invocation.terminal.print(entry_text(found))
    return 0
