"""What ``plan``, ``apply`` and ``destroy`` have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from perimeter.cli.approving import Given, tell_held
from perimeter.cli.command import Invocation
from perimeter.cli.encryption import Supply, plain
from perimeter.cli.failure import Refused
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
    "You are creating a plan with the {0} option, which means that the result of this plan may not represent all of "
    "the changes requested by the current configuration.\n\nThe {0} option is not for routine use, and is provided only "
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


def make_plan(
    invocation: Invocation,
    configuration: Loaded,
    working: Session,
    options: Options,
    *,
    generated: Mapping[str, str] | None = None,
    given: Given | None = None,
) -> Made:
    """Plan and show the plan.

    ``generated``: configuration that was written for it just now, by address; ``given``: what may be made of it, everything
    without.

    Raises:
        Refused: there are errors; what could be planned was shown before.
        ApprovalError: an approval is about another state.
    """
    held = working.backend.load()
    request = working.request(held, options)
    if given is not None:
        given.check_state(request.state)
        request = replace(request, consent=given.consent)
    planned, seen = working.plan(request)
    if generated and planned.plan is not None:
        planned = replace(planned, plan=with_generated(planned.plan, generated))
    found = Diagnostics([*configuration.diagnostics, *planned.diagnostics])
    if options.targets or options.excludes:
        flag = "-target" if options.targets else "-exclude"
        found.warning(TARGETED, TARGETED_DETAIL.format(flag))
    if given is not None and planned.plan is not None:
        found.extend(given.check_plan(planned.plan))
    # What was refused must be seen; that nothing was found to do means nothing after a failed read.
    shown = planned.plan is not None and (not found.has_errors or bool(planned.plan.active))
    if shown:
        invocation.reporter.plan(planned.plan)
    if planned.plan is None or found.has_errors:
        if shown:
            invocation.reporter.remark("\nThe plan above cannot be applied:\n")
        raise Refused(found, configuration.sources)
    invocation.reporter.diagnostics(found, configuration.sources)
    if given is not None:
        tell_held(invocation, given, planned.plan, planned.agreed)
    return Made(plan=planned.plan, planned=planned, snapshot=seen, request=request, remembered=held)


def with_generated(plan: Plan, texts: Mapping[str, str]) -> Plan:
    """The plan, telling which configuration was generated for what."""
    return replace(
        plan,
        changes=tuple(
            replace(change, generated=texts.get(str(change.address), "")) for change in plan.changes
        ),
    )


def changes_something(plan: Plan) -> bool:
    """Whether applying it changes a tenant, or more than bookkeeping in state."""
    if plan.options.refresh_only:
        return bool(plan.drift or plan.gone) or not plan.is_empty
    return not plan.is_empty


def only_by_hand(plan: Plan) -> bool:
    """Whether all that is left is for a person to do."""
    return plan.is_idle and bool(plan.by_hand) and not plan.options.refresh_only


def save(made: Made, configuration: Loaded, path: str, keys: Supply = plain) -> None:
    """Write a plan file, readable by its owner only.

    Raises:
        Refused: it cannot be written.
    """
    config = configuration.config
    assert config is not None
    data = encode_plan(
        made.plan,
        made.snapshot,
        sources=config.sources,
        request=made.request,
        keys=keys().plan,
    )
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
