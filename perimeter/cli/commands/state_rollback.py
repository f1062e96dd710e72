"""``perimeter state rollback``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from perimeter.cli.approving import CONSENT
from perimeter.cli.command import Invocation, command, flags, value
from perimeter.cli.commands.apply import AUTO, planned_and_applied
from perimeter.cli.failure import refuse
from perimeter.cli.flags import PLANNING, plan_options
from perimeter.cli.planning import make_plan, save
from perimeter.cli.redirecting import STATE_FILES, check_state_out
from perimeter.cli.showing import choose_reporter
from perimeter.cli.workspace import loaded, place, read_snapshot, session, warn_if_plain

_OF_CONFIGURATION = ("destroy", "refresh_only", "minimal_refresh", "replace")


@command("state rollback")
@flags(
    PLANNING,
    value("out", "FILE", "Only save the plan to a file that apply can be given."),
    AUTO,
    CONSENT,
    STATE_FILES,
)
@click.argument("serial")
def run(invocation: Invocation, serial: str, **given: Any) -> int:
    """Plan back to what an earlier version of the state recorded, and apply that plan once it is approved.

    It is a plan like any other: guards, lockout proof and fingerprints hold.
    What was made since is removed, what was removed since is made again, and
    changed attributes go back. The configuration is not touched: change it,
    too, or the next plan leads forward again. "perimeter state history"
    lists the versions.
    """
    if not serial.isdigit():
        raise refuse(
            "Invalid serial",
            f'"{serial}" is no serial. To see which versions are kept: perimeter state history',
        )
    choose_reporter(invocation, given)
    for name in _OF_CONFIGURATION:
        if given[name]:
            raise refuse(
                "Incompatible plan mode options",
                f"-{name.replace('_', '-')} makes no sense in a rollback: what is wanted is what the earlier state recorded.",
            )
    if given["out"]:
        return _saved(invocation, given, int(serial))
    check_state_out(given)
    return planned_and_applied(invocation, given, verb="Rollback", rollback=int(serial))


def _saved(invocation: Invocation, given: dict[str, Any], serial: int) -> int:
    """Plan and save the plan; nothing is locked, as for any plan."""
    options = replace(plan_options(given), rollback=serial)
    configuration = loaded(invocation, reveal=given["show_sensitive"])
    found = place(configuration.config, given["state"], invocation=invocation)
    if not given["json"]:
        warn_if_plain(invocation, found)
    seen = read_snapshot(given["snapshot"], found.keys) if given["snapshot"] else None
    with session(
        invocation, configuration, found, snapshot=seen, parallelism=given["parallelism"]
    ) as working:
        made = make_plan(invocation, configuration, working, options)
        save(made, configuration, given["out"], found.keys)
    invocation.reporter.remark(
        f"\nSaved the plan to: {given['out']}\n\nTo perform exactly these actions, run:\n"
        f'    perimeter apply "{given["out"]}"\n'
    )
    return 0
