"""``perimeter apply``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from perimeter.cli.applying import approved, carry_out
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import PLANNING, plan_options
from perimeter.cli.planning import (
    Made,
    changes_something,
    choose_reporter,
    make_plan,
    only_by_hand,
)
from perimeter.cli.workspace import loaded, locked, place, read_snapshot, session
from perimeter.engine.planfile import SavedPlan, config_digest, decode_plan, mismatches
from perimeter.engine.session import Loaded, Session
from perimeter.sdk.registry import load_providers

AUTO = switch("auto-approve", "Do not ask for approval.")


@command("apply")
@flags(PLANNING, AUTO)
@click.argument("plan", required=False)
def run(invocation: Invocation, plan: str | None, **given: Any) -> int:
    """Make the changes that the configuration asks for, or those of a saved plan.

    Without PLAN, perimeter plans, shows the plan and asks for approval. With
    PLAN, a file that "perimeter plan -out" wrote, it does exactly what the
    plan says, or refuses. Independent changes go on when one fails; running
    it again finishes the rest.
    """
    choose_reporter(invocation, given)
    if plan is not None:
        return _saved(invocation, plan, given)
    return planned_and_applied(invocation, given, verb="Apply")


def planned_and_applied(invocation: Invocation, given: dict[str, Any], *, verb: str) -> int:
    """Plan, ask, apply."""
    options = plan_options(given)
    configuration = loaded(invocation)
    found = place(configuration.config, given["state"])
    seen = read_snapshot(given["snapshot"]) if given["snapshot"] else None
    with (
        locked(invocation, found, f"OperationType{verb}", given),
        session(
            invocation, configuration, found, snapshot=seen, parallelism=given["parallelism"]
        ) as working,
    ):
        made = make_plan(invocation, configuration, working, options)
        asked = changes_something(made.plan) and not only_by_hand(made.plan)
        if asked and not approved(invocation, given, options):
            return 1
        return carry_out(invocation, given, configuration, working, made, verb=verb)


def _saved(invocation: Invocation, path: str, given: dict[str, Any]) -> int:
    saved = read_plan(path)
    _refuse_options(invocation, given, saved)
    configuration = loaded(invocation, given=saved.variables)
    assert configuration.config is not None
    if config_digest(configuration.config.sources) != saved.config_digest:
        raise refuse(
            "Configuration differs from the plan's",
            f"{path} was made from other configuration files than those that are here. Check out the commit it was made "
            "from, or make a new plan.",
        )
    found = place(configuration.config, given["state"])
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
        made = _again(configuration, working, saved, path)
        return carry_out(
            invocation, {**given, "auto_approve": False}, configuration, working, made, verb="Apply"
        )


def read_plan(path: str) -> SavedPlan:
    """A plan file.

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
    return decode_plan(data, where=path, providers=lambda names: load_providers(names)[0])


def _refuse_options(invocation: Invocation, given: dict[str, Any], saved: SavedPlan) -> None:
    fixed = [
        name
        for name in ("destroy", "refresh_only", "target", "replace", "snapshot", "max_destroy")
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


def _again(configuration: Loaded, working: Session, saved: SavedPlan, path: str) -> Made:
    """Plan again, purely, on what the plan file holds, and make sure that it is the same plan."""
    held = working.backend.load()
    request = working.request(held, saved.plan.options, now=saved.plan.timestamp)
    planned, seen = working.plan(request)
    if planned.plan is None or planned.diagnostics.has_errors:
        raise Refused(planned.diagnostics, configuration.sources)
    reasons = mismatches(saved, planned.plan, request.state)
    if reasons:
        listed = "\n".join(f"  - {reason}" for reason in reasons[:10])
        more = f"\n  and {len(reasons) - 10} more" if len(reasons) > 10 else ""
        raise refuse(
            "Saved plan is stale",
            f"{path} can no longer be applied:\n\n{listed}{more}\n\nNothing was changed. Make a new plan.",
        )
    return Made(plan=planned.plan, planned=planned, snapshot=seen, request=request, remembered=held)
