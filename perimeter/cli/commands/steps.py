"""``perimeter steps``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.flags import STORED
from perimeter.cli.workspace import place_of_directory, remembered_state
from perimeter.engine.clock import rfc3339
from perimeter.ui.steps_text import is_overdue, steps_json, steps_text


@command("steps")
@flags(
    STORED,
    switch("json", "Print one JSON object."),
    switch("overdue", "Only those whose time is over."),
    switch("detailed-exitcode", "Return 2 when something is open."),
)
def run(invocation: Invocation, **given: Any) -> int:
    """Report what is left to be done by hand, as the last apply recorded it.

    A step closes when a plan and apply find the tenant as declared. To say
    that one is done: perimeter attest.
    """
    now = rfc3339(datetime.now(UTC))
    found = remembered_state(place_of_directory(given["state"], invocation=invocation)).steps
    if given["overdue"]:
        found = {key: step for key, step in found.items() if is_overdue(step, now)}
    if given["json"]:
        text = json.dumps(steps_json(found, now), indent=2, sort_keys=True) + "\n"
    else:
        text = steps_text(found, now)
    invocation.terminal.print(text)
    return 2 if given["detailed_exitcode"] and found else 0
