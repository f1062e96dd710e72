"""``perimeter evidence list``."""

from __future__ import annotations

import json
from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch, value
from perimeter.cli.evidence import FILE, entries_of
from perimeter.cli.flags import STORED
from perimeter.ui.evidence_text import entries_json, entries_text


@command("evidence list")
@flags(
    FILE,
    STORED,
    value("run", "ID", "Only the entries of this run."),
    value("address", "ADDRESS", "Only the entries about this resource instance."),
    value("last", "N", "Only the last N.", integer=True),
    switch("json", "Print one JSON object."),
)
def run(invocation: Invocation, **given: Any) -> int:
    """List the evidence log, the oldest entry first."""
    found = [
        item
        for item in entries_of(invocation, given)
        if given["run"] in (None, item.run) and given["address"] in (None, item.address)
    ]
    if given["last"] is not None:
        found = found[-given["last"] :] if given["last"] > 0 else []
    if given["json"]:
        invocation.terminal.print(json.dumps(entries_json(found), indent=2) + "\n")
    else:
        invocation.terminal.show(entries_text(found))
    return 0
