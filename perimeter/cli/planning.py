"""What ``plan``, ``apply`` and ``destroy`` have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perimeter.cli.command import Invocation
from perimeter.cli.failure import Refused
from perimeter.cli.report import TextReporter, json_reporter
from perimeter.diagnostics import Diagnostics
from perimeter.engine.model import Options, Plan
from perimeter.engine.plan import Planned, PlanRequest
from perimeter.engine.planfile import encode_plan
from perimeter.engine.session import Loaded, Session
from perimeter.engine.snapshot import Snapshot
from perimeter.engine.stages import Stage, stages
from perimeter.sdk.provider import ResourceType
from perimeter.state.backend import Remembered

TARGETED = "Resource targeting is in effect"
TARGETED_DETAIL = (
    "You are creating a plan with the -target option, which means that the result of this plan may not represent all of "
    "the changes requested by the current configuration.\n\nThe -target option is not for routine use, and is provided only "
    "for exceptional situations such as recovering from errors or mistakes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A plan with all that it takes to save or apply it."""

    plan: Plan
    planned: Planned
    snapshot: Snapshot
    request: PlanRequest
    remembered: Remembered

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The steps of applying it."""
        types: dict[str, ResourceType] = {}
        for instance in self.planned.instances.values():
            types.update(instance.provider.resources)
        return stages(self.plan, types)


def choose_reporter(invocation: Invocation, given: Mapping[str, Any]) -> None:
    """Text, or with ``-json`` the stream."""
    if given["json"]:
        invocation.reporter = json_reporter(invocation.terminal)
    else:
        invocation.reporter = TextReporter(
            invocation.terminal, compact_warnings=given["compact_warnings"]
        )


def make_plan(
    invocation: Invocation, configuration: Loaded, working: Session, options: Options
) -> Made:
    """Plan and show the plan.

    Raises:
        Refused: there are errors; what could be planned was shown before.
    """
    held = working.backend.load()
    request = working.request(held, options)
    planned, seen = working.plan(request)
    found = Diagnostics([*configuration.diagnostics, *planned.diagnostics])
    if options.targets:
        found.warning(TARGETED, TARGETED_DETAIL)
    # What was refused must be seen; that nothing was found to do means nothing after a failed read.
    shown = planned.plan is not None and (not found.has_errors or bool(planned.plan.active))
    if shown:
        invocation.reporter.plan(planned.plan)
    if planned.plan is None or found.has_errors:
        if shown:
            invocation.reporter.remark("\nThe plan above cannot be applied:\n")
        raise Refused(found, configuration.sources)
    invocation.reporter.diagnostics(found, configuration.sources)
    return Made(plan=planned.plan, planned=planned, snapshot=seen, request=request, remembered=held)


def changes_something(plan: Plan) -> bool:
    """Whether applying it changes a tenant, or more than bookkeeping in state."""
    if plan.options.refresh_only:
        return bool(plan.drift or plan.gone) or not plan.is_empty
    return not plan.is_empty


def only_by_hand(plan: Plan) -> bool:
    """Whether all that is left is for a person to do."""
    return plan.is_idle and bool(plan.by_hand) and not plan.options.refresh_only


def save(made: Made, configuration: Loaded, path: str) -> None:
    """Write a plan file, readable by its owner only.

    Raises:
        Refused: it cannot be written.
    """
    config = configuration.config
    assert config is not None
    data = encode_plan(made.plan, made.snapshot, sources=config.sources, request=made.request)
    write_private(path, data)


def write_private(path: str, data: bytes) -> None:
    """Write a whole file that only its owner may read, or leave what is there.

    Raises:
        Refused: it cannot be written.
    """
    import os
    import secrets

    from perimeter.cli.failure import refuse

    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise refuse("File cannot be written", f"{path}: {problem.strerror}.") from None
