"""``perimeter apply``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from perimeter.cli.applying import approved, carry_out
from perimeter.cli.approving import CONSENT, agreement
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.encryption import Supply, plain
from perimeter.cli.failure import refuse
from perimeter.cli.flags import PLANNING, plan_options
from perimeter.cli.planning import (
    changes_something,
    make_plan,
    only_by_hand,
)
from perimeter.cli.redirecting import STATE_FILES, check_state_out, keep_and_redirect
from perimeter.cli.resuming import planned_again
from perimeter.cli.showing import choose_reporter
from perimeter.cli.workspace import (
    keys_of,
    loaded,
    locked,
    place,
    read_snapshot,
    session,
    warn_if_plain,
)
from perimeter.engine.model import Options
from perimeter.engine.planfile import SavedPlan, config_digest, decode_plan
from perimeter.engine.session import Loaded, Session
from perimeter.sdk.registry import load_providers

Chosen = Callable[[Loaded, Session, Options], Options]

AUTO = switch("auto-approve", "Do not ask for approval.")


@command("apply")
@flags(PLANNING, AUTO, CONSENT, STATE_FILES)
@click.argument("plan", required=False)
def run(invocation: Invocation, plan: str | None, **given: Any) -> int:
    """Make the changes that the configuration asks for, or those of a saved plan.

    Without PLAN, perimeter plans, shows the plan and asks for approval. With
    PLAN, a file that "perimeter plan -out" wrote, it does exactly what the
    plan says, or refuses. Independent changes go on when one fails; running
    it again finishes the rest. With -approved=FILE it makes the changes that
    "perimeter approve" signed and no others, and asks nothing.
    """
    choose_reporter(invocation, given)
    check_state_out(given)
    if plan is not None:
        return _saved(invocation, plan, given)
    return planned_and_applied(invocation, given, verb="Apply")


def planned_and_applied(
    invocation: Invocation,
    given: dict[str, Any],
    *,
    verb: str,
    rollback: int | None = None,
    chosen: Chosen | None = None,
) -> int:
    """Plan, ask, apply.

    ``rollback``: the version of the state that is wanted instead of the configuration; ``chosen`` decides the options by
    what the configuration holds.
    """
    options = replace(plan_options(given), rollback=rollback)
    configuration = loaded(invocation, reveal=given["show_sensitive"])
    found = place(configuration.config, given["state"], invocation=invocation)
    if not given["json"]:
        warn_if_plain(invocation, found)
    seen = read_snapshot(given["snapshot"], found.keys) if given["snapshot"] else None
    with (
        locked(invocation, found, f"OperationType{verb}", given),
        session(
            invocation, configuration, found, snapshot=seen, parallelism=given["parallelism"]
        ) as working,
    ):
        agreed = agreement(invocation, given, configuration.config, found.workspace)
        if chosen is not None:
            options = chosen(configuration, working, options)
        made = make_plan(invocation, configuration, working, options, given=agreed)
        asked = changes_something(made.plan) and not only_by_hand(made.plan)
        if agreed is not None and not agreed.asks:
            asked = False
        if asked and not approved(invocation, given, options):
            return 1
        made = keep_and_redirect(given, working, made)
        return carry_out(invocation, given, configuration, working, made, verb=verb)


def _saved(invocation: Invocation, path: str, given: dict[str, Any]) -> int:
    saved = read_plan(path, keys_of(None, invocation))
    _refuse_options(invocation, given, saved)
    if saved.plan.options.now:
        raise refuse(
            "The plan is about another time",
            f"{path} was made with -now={saved.plan.options.now}: it tells what would be due then. Make one without -now to "
            "apply it.",
        )
    configuration = loaded(invocation, given=saved.variables, reveal=given["show_sensitive"])
    assert configuration.config is not None
    if config_digest(configuration.config.sources) != saved.config_digest:
        raise refuse(
            "Configuration differs from the plan's",
            f"{path} was made from other configuration files than those that are here. Check out the commit it was made "
            "from, or make a new plan.",
        )
    found = place(configuration.config, given["state"], invocation=invocation)
    if saved.workspace != found.workspace:
        raise refuse(
            "Saved plan belongs to another workspace",
            f'{path} was made in another workspace, "{saved.workspace}", and "{found.workspace}" is selected. Select it: '
            f"perimeter workspace select {saved.workspace}",
        )
    with (
        locked(invocation, found, "OperationTypeApply", given),
        session(
            invocation,
            configuration,
            found,
            snapshot=saved.snapshot,
            parallelism=given["parallelism"],
        ) as working,
    ):
        agreed = agreement(invocation, given, configuration.config, found.workspace)
        made = planned_again(invocation, configuration, working, saved, path, agreed)
        made = keep_and_redirect(given, working, made)
        invocation.reporter.resuming(made.plan)
        return carry_out(
            invocation,
            {**given, "auto_approve": False},
            configuration,
            working,
            made,
            verb="Apply",
        )


def read_plan(path: str, keys: Supply = plain) -> SavedPlan:
    """A plan file; ``keys`` are asked for only where it is encrypted, or configured to be.

    Raises:
        Refused: it cannot be read.
        StateError: it is damaged, newer or something else.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        raise refuse(
            "Failed to load the plan file",
            f"{path}: {problem.strerror}. What stands after the flags names a plan file that perimeter plan -out wrote.",
        ) from None
    return decode_plan(
        data, where=path, providers=lambda names: load_providers(names)[0], keys=keys().plan
    )


def _refuse_options(invocation: Invocation, given: dict[str, Any], saved: SavedPlan) -> None:
    fixed = [
        name
        for name in (
            "destroy",
            "refresh_only",
            "minimal_refresh",
            "target",
            "target_file",
            "exclude",
            "exclude_file",
            "replace",
            "invoke",
            "no_overlap",
            "allow_replace",
            "snapshot",
            "max_destroy",
        )
        if given[name]
    ]
    if not given["refresh"]:
        fixed.append("refresh")
    if fixed:
        raise refuse(
            "A saved plan is already decided",
            f"-{fixed[0].replace('_', '-')} cannot be given together with a plan file: it was settled when the plan was made.",
        )
    for _, text in invocation.order("var"):
        name = text.partition("=")[0]
        if name in saved.variables:
            raise refuse(
                "Can't set variables when applying a saved plan",
                f"The variable {name} was settled when the plan was made. Only what a plan file does not hold can be given "
                f"again: {', '.join(saved.withheld) or 'here nothing'}.",
            )
