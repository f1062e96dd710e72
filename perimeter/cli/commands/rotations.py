"""``perimeter rotations``."""

from __future__ import annotations

import json
from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch, value
from perimeter.cli.failure import Refused
from perimeter.cli.flags import NOW, STORED, given_now
from perimeter.cli.workspace import loaded, place, read_snapshot, session
from perimeter.engine.model import Options
from perimeter.ui.rotations_json import report_json
from perimeter.ui.rotations_text import findings_of, report


@command("rotations")
@flags(
    STORED,
    NOW,
    value("snapshot", "FILE", "Look at a snapshot instead of reading the tenants."),
    value("parallelism", "N", "Calls at the same time.", default=10, integer=True),
    switch("json", "Print one JSON object."),
    switch("detailed-exitcode", "Return 2 when there are findings."),
)
def run(invocation: Invocation, **given: Any) -> int:
    """Report where each credential under rotation stands.

    Stage, ages, what the next apply does, when the next step is due, what it
    waits for, what is wrong, and what is recorded to be removed. Reads the
    tenants and changes nothing.
    """
    configuration = loaded(invocation)
    found = place(configuration.config, given["state"], invocation=invocation)
    seen = read_snapshot(given["snapshot"], found.keys) if given["snapshot"] else None
    with session(
        invocation, configuration, found, snapshot=seen, parallelism=given["parallelism"]
    ) as working:
        options = Options(now=given_now(given["now"]))
        planned, _ = working.plan(working.request(working.backend.load(), options))
    if planned.plan is None or planned.diagnostics.has_errors:
        raise Refused(planned.diagnostics, configuration.sources)
    if given["json"]:
        text = json.dumps(report_json(planned.plan), indent=2, sort_keys=True) + "\n"
    else:
        text = report(planned.plan, invocation.terminal.style())
    invocation.terminal.print(text)
    wrong = findings_of(planned.plan.changes)
    return 2 if given["detailed_exitcode"] and wrong else 0
