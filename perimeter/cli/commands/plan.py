"""``perimeter plan``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch, value
from perimeter.cli.failing import FAIL_ON, FAILED_ON, fails, kinds_to_fail_on
from perimeter.cli.flags import NOW, PLANNING, plan_options
from perimeter.cli.generating import MISSING, check_target, generate_missing
from perimeter.cli.planning import (
    Made,
    changes_something,
    make_plan,
    only_by_hand,
    save,
)
from perimeter.cli.showing import choose_reporter
from perimeter.cli.workspace import loaded, place, read_snapshot, session, warn_if_plain


@command("plan")
@flags(
    PLANNING,
    value("out", "FILE", "Save the plan to a file that apply can be given."),
    value(
        "generate-config-out",
        "FILE",
        "Write blocks for what import blocks name and nothing declares to a new file, and plan them.",
    ),
    switch("detailed-exitcode", "Exit with 0 for no changes, 1 for an error, 2 for changes."),
    switch("explain", "Also list the steps of an apply in their order."),
    NOW,
    FAIL_ON,
)
def run(invocation: Invocation, **given: Any) -> int:
    """Show what would have to change for the tenants to match the configuration.

    Reads the tenants and changes nothing, so it takes no lock: plans never
    wait for each other or for an apply. With -out=FILE exactly what is shown
    can be applied later: perimeter apply FILE.

    With -fail-on=KIND it exits with 3 when the plan holds such a change.
    """
    choose_reporter(invocation, given)
    kinds = kinds_to_fail_on(given)
    options = plan_options(given)
    reveal = given["show_sensitive"]
    tolerated = MISSING if given["generate_config_out"] else ""
    configuration = loaded(invocation, reveal=reveal, tolerated=tolerated)
    found = place(configuration.config, given["state"], invocation=invocation)
    if given["out"] and not given["json"]:
        warn_if_plain(invocation, found)
    seen = read_snapshot(given["snapshot"], found.keys) if given["snapshot"] else None
    generated: Mapping[str, str] = {}
    if given["generate_config_out"]:
        check_target(given["generate_config_out"])
        with session(
            invocation, configuration, found, snapshot=seen, parallelism=given["parallelism"]
        ) as working:
            generated = generate_missing(
                invocation, configuration, working, given["generate_config_out"]
            )
        configuration = loaded(invocation, reveal=reveal)
    with session(
        invocation, configuration, found, snapshot=seen, parallelism=given["parallelism"]
    ) as working:
        made = make_plan(invocation, configuration, working, options, generated=generated)
        if given["out"]:
            save(made, configuration, given["out"], found.keys)
    _closing(invocation, given, made)
    if fails(invocation, made.plan, kinds):
        return FAILED_ON
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
