"""``plan -fail-on``: an exit code of its own for plans that a pipeline should not let pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perimeter.cli.command import Invocation, values
from perimeter.cli.failure import refuse
from perimeter.diagnostics import did_you_mean, error
from perimeter.engine.model import Action, Change, Plan
from perimeter.sdk.contract import Direction

FAILED_ON = 3
"""The exit code; 0, 1 and 2 keep Terraform's meaning."""

FAIL_ON = values(
    "fail-on",
    "KINDS",
    "Exit with 3 when a change widens (or may widen) access, is unknown, narrows, or destroys. Several: commas.",
)

_KINDS: Mapping[str, tuple[Callable[[Change], bool], str]] = {
    "widens": (lambda c: c.direction in (Direction.WIDENS, Direction.UNKNOWN), "widen access"),
    "unknown": (lambda c: c.direction is Direction.UNKNOWN, "may widen access"),
    "narrows": (lambda c: c.direction is Direction.NARROWS, "narrow access"),
    "destroys": (
        lambda c: c.action is Action.DELETE or c.action.is_replace,
        "remove or replace objects",
    ),
}


def kinds_to_fail_on(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds that ``-fail-on`` names.

    Raises:
        Refused: there is no such kind.
    """
    found = [kind.strip() for text in given["fail_on"] for kind in text.split(",") if kind.strip()]
    for kind in found:
        if kind not in _KINDS:
            hint = did_you_mean(kind, _KINDS)
            raise refuse(
                f'Invalid -fail-on "{kind}"', f"The kinds of changes are {', '.join(_KINDS)}.{hint}"
            )
    return tuple(dict.fromkeys(found))


def fails(invocation: Invocation, plan: Plan, kinds: tuple[str, ...]) -> bool:
    """Whether the plan holds a change of such a kind; says which."""
    changes = [
        change for change in plan.changes if change.does_something or change.manual is not None
    ]
    changes += [item.change for item in plan.invocations]
    problems = []
    for kind in kinds:
        fits, verb = _KINDS[kind]
        names = [change.name for change in changes if fits(change)]
        if names:
            listed = "".join(f"\n  - {name}" for name in names[:20])
            more = f"\n  and {len(names) - 20} more" if len(names) > 20 else ""
            detail = f"-fail-on={kind} is set, and these changes {verb} (or may):{listed}{more}"
            if kind != "widens":
                detail = detail.replace(" (or may)", "")
            problems.append(error(f"The plan fails on {kind}", detail))
    if problems:
        invocation.reporter.diagnostics(problems, {})
    return bool(problems)
