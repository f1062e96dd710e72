"""``perimeter rotate``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from perimeter.addresses import AddressError, parse_address
from perimeter.cli.approving import CONSENT
from perimeter.cli.command import Invocation, command, flags, switch, value, values
from perimeter.cli.commands.apply import AUTO, planned_and_applied
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import PLANNING
from perimeter.cli.redirecting import STATE_FILES, check_state_out
from perimeter.cli.showing import choose_reporter
from perimeter.diagnostics import Diagnostics
from perimeter.engine.model import Change, Options
from perimeter.engine.session import Loaded, Session


@command("rotate")
@flags(
    switch("all", "Rotate every credential that has a rotation block."),
    value("integration", "NAME", "With -all: only those that belong to this integration."),
    values("rollback", "ADDRESS", "Give consumers the previous credential again."),
    PLANNING,
    AUTO,
    CONSENT,
    STATE_FILES,
)
@click.argument("addresses", nargs=-1)
def run(invocation: Invocation, addresses: tuple[str, ...], **given: Any) -> int:
    """Rotate credentials now, whatever their age, and change nothing else.

    Shows the plan and asks, like "perimeter apply". After an incident at a
    third party: "perimeter rotate -all -integration=NAME". With -no-overlap
    the credentials before end at once, and who still uses them breaks. A
    rotation is undone by -rollback=ADDRESS, as long as the credential before
    is not retired.
    """
    choose_reporter(invocation, given)
    check_state_out(given)
    _check(addresses, given)

    def chosen(configuration: Loaded, working: Session, options: Options) -> Options:
        if given["rollback"]:
            back = tuple(given["rollback"])
            return replace(options, roll_back=back, targets=back, no_overlap=False)
        wanted = addresses or _found(invocation, configuration, working, given["integration"])
        return replace(options, invoke=wanted, no_overlap=given["no_overlap"])

    plain = {**given, "no_overlap": False, "invoke": ()}
    return planned_and_applied(invocation, plain, verb="Apply", chosen=chosen)


def _check(addresses: tuple[str, ...], given: dict[str, Any]) -> None:
    for text in (*addresses, *given["rollback"]):
        try:
            managed = parse_address(text).mode == "managed"
        except AddressError as problem:
            raise refuse(f'Invalid address "{text}"', str(problem)) from None
        if not managed:
            raise refuse(f'Invalid address "{text}"', "Only resources are rotated.")
    ways = [bool(addresses), given["all"], bool(given["rollback"])]
    if sum(ways) != 1:
        raise refuse(
            "Nothing to rotate" if not any(ways) else "Invalid combination of arguments",
            "Name the credentials, or give -all, or -rollback=ADDRESS: one of the three.",
        )
    if given["integration"] and not given["all"]:
        raise refuse("Invalid -integration", "-integration goes with -all.")
    for name in ("destroy", "refresh_only", "target", "exclude", "replace", "invoke"):
        if given[name]:
            raise refuse(
                "Incompatible plan mode options",
                f"-{name.replace('_', '-')} plans something else than a rotation.",
            )


def _found(
    invocation: Invocation, configuration: Loaded, working: Session, integration: str | None
) -> tuple[str, ...]:
    """The credentials meant by ``-all``; those that are meant and not under rotation are told.

    Raises:
        Refused: there are none, or the configuration cannot be planned.
    """
    planned, seen = working.plan(working.request(working.backend.load(), Options()))
    if planned.plan is None or planned.diagnostics.has_errors:
        raise Refused(planned.diagnostics, configuration.sources)
    working.snapshot = seen
    meant = [
        change
        for change in planned.plan.changes
        if change.address is not None
        and not change.deposed
        and integration in (None, change.integration)
    ]
    found = tuple(str(change.address) for change in meant if change.rotation is not None)
    told = Diagnostics()
    for change in meant:
        instance = planned.instances.get(change.provider)
        kind = instance.provider.resources.get(change.type) if instance is not None else None
        if kind is not None and kind.credential is not None and change.rotation is None:
            _tell(change, told)
    invocation.reporter.diagnostics(told, configuration.sources)
    if not found:
        of = f' of integration "{integration}"' if integration else ""
        raise refuse(
            "Nothing to rotate", f"No credential{of} has a rotation block in this configuration."
        )
    return found


def _tell(change: Change, told: Diagnostics) -> None:
    told.warning(
        "Credential without a rotation block",
        f"{change.name} is not rotated: it has no rotation block. Add one, or replace it by hand.",
        address=change.name,
    )
