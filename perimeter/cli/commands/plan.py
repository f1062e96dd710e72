"""``perimeter plan``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch, value
from perimeter.cli.flags import PLANNING, plan_options
from perimeter.cli.planning import (
    Made,
    changes_something,
    choose_reporter,
    make_plan,
    only_by_hand,
    save,
)
from perimeter.cli.workspace import loaded, place, read_snapshot, session


@command("plan")
@flags(
    PLANNING,
    value("out", "FILE", "Save the plan to a file that apply can be given."),
    switch("detailed-exitcode", "Exit with 0 for no changes, 1 for an error, 2 for changes."),
    switch("explain", "Also list the steps of an apply in their order."),
)
def run(invocation: Invocation, **given: Any) -> int:
    """Show what would have to change for the tenants to match the configuration.

    Reads the tenants and changes nothing, so it takes no lock: plans never
    wait for each other or for an apply. With -out=FILE exactly what is shown
    can be applied later: perimeter apply FILE.
    """
    choose_reporter(invocation, given)
    options = plan_options(given)
    configuration = loaded(invocation)
    found = place(configuration.config, given["state"])
    seen = read_snapshot(given["snapshot"]) if given["snapshot"] else None
    with session(
        invocation, configuration, found, snapshot=seen, parallelism=given["parallelism"]
    ) as working:
        made = make_plan(invocation, configuration, working, options)
        if given["out"]:
            save(made, configuration, given["out"])
    _closing(invocation, given, made)
    return 2 if given["detailed_exitcode"] and changes_something(made.plan) else 0


def _closing(invocation: Invocation, given: dict[str, Any], made: Made) -> None:
    reporter, terminal = invocation.reporter, invocation.terminal
    if given["explain"]:
        from perimeter.ui.stages_text import stages_text

        reporter.remark("\n" + stages_text(made.stages, terminal.style()))
    if not changes_something(made.plan) or only_by_hand(made.plan):
        return
    rule = "\n" + "─" * 77 + "\n\n"
    if given["out"]:
        if terminal.automation:
            reporter.remark(f"\nSaved the plan to: {given['out']}\n")
        else:
            reporter.remark(
                f"{rule}Saved the plan to: {given['out']}\n\nTo perform exactly these actions, run:\n"
                f'    perimeter apply "{given["out"]}"\n'
            )
    elif not terminal.automation:
        reporter.remark(
            f"{rule}Note: You didn't use the -out option to save this plan, so perimeter can't\n"
            'guarantee to take exactly these actions if you run "perimeter apply" now.\n'
        )
