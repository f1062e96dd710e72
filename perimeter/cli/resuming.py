"""Apply a saved plan: exactly it, or, where an earlier apply of it did not finish, the rest of it."""

from __future__ import annotations

from dataclasses import replace

from perimeter.cli.approving import Given, tell_held
from perimeter.cli.command import Invocation
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.planning import Made
from perimeter.engine.approvals import approved_change, to_approve
from perimeter.engine.consent import Consent
from perimeter.engine.planfile import SavedPlan, mismatches, moved_on, still_current
from perimeter.engine.session import Loaded, Session
from perimeter.engine.snapshot import Snapshot
from perimeter.state.backend import Remembered
from perimeter.state.journal import replay


def planned_again(
    invocation: Invocation,
    configuration: Loaded,
    working: Session,
    saved: SavedPlan,
    path: str,
    given: Given | None,
) -> Made:
    """Plan again, purely, on what the plan file holds, and make sure that it is the same plan.

    Where an earlier apply began it, the tenants are read again: what is done is no obstacle, and what is left may be made as
    far as the plan file says so.

    Raises:
        Refused: it cannot be applied (any more).
        ApprovalError: an approval is about another state or tenant.
    """
    held = working.backend.load()
    if _was_begun(saved, held):
        return _resumed(invocation, configuration, working, saved, path, given, held)
    request = working.request(held, saved.plan.options, now=saved.plan.timestamp)
    if given is not None:
        given.check_state(request.state)
        request = replace(request, consent=given.consent)
    planned, seen = working.plan(request)
    if planned.plan is None or planned.diagnostics.has_errors:
        raise Refused(planned.diagnostics, configuration.sources)
    reasons = mismatches(saved, planned.plan, request.state)
    if reasons:
        raise _stale(path, reasons)
    # What another apply wrote since is newer than what the plan file saw of it.
    current = replace(
        planned.plan, refreshed=still_current(saved, planned.plan.refreshed, request.state)
    )
    made = Made(
        plan=current,
        planned=replace(planned, plan=current),
        snapshot=seen,
        request=request,
        remembered=held,
    )
    if given is not None:
        _tell(invocation, given, made)
    return made


def _was_begun(saved: SavedPlan, held: Remembered) -> bool:
    """Whether the state, or the journal, speaks of something that the plan is about to do."""
    found = replay(held.state, held.records)
    lineage = saved.plan.lineage
    if lineage and found.state.lineage and lineage != found.state.lineage:
        return False
    mine = {str(change.address) for change in saved.plan.active if change.address is not None}
    return bool(moved_on(saved, found.state)) or any(item.address in mine for item in found.pending)


def _resumed(
    invocation: Invocation,
    configuration: Loaded,
    working: Session,
    saved: SavedPlan,
    path: str,
    given: Given | None,
    held: Remembered,
) -> Made:
    working.snapshot = Snapshot()
    request = working.request(held, saved.plan.options)
    left = tuple(approved_change(change) for change in to_approve(saved.plan))
    consent = Consent(changes=left, word="not as it was planned")
    if given is not None:
        given.check_state(request.state)
        if given.consent.changes is not None:
            agreed = {item.fingerprint for item in given.consent.changes}
            left = tuple(item for item in left if item.fingerprint in agreed)
        consent = replace(given.consent, changes=left)
    planned, seen = working.plan(replace(request, consent=consent))
    if planned.plan is None or planned.diagnostics.has_errors:
        raise Refused(planned.diagnostics, configuration.sources)
    began = moved_on(saved, request.state)
    reasons = [
        f"{item.change.name} was changed by another apply since: {item.because}"
        for item in planned.agreed.held
        if item.void and item.change.name in began
    ]
    if reasons:
        raise _stale(path, reasons)
    made = Made(plan=planned.plan, planned=planned, snapshot=seen, request=request, remembered=held)
    if all(stage.id in planned.agreed.idle for stage in made.stages):
        raise _stale(path, ["everything in it was applied already, or is not as it was planned"])
    invocation.reporter.remark(
        "\nAn earlier apply of this plan did not finish. What it did stays; this is the rest.\n"
    )
    _tell(invocation, given or Given(consent=consent), made)
    return made


def _tell(invocation: Invocation, given: Given, made: Made) -> None:
    problems = given.check_plan(made.plan)
    if problems:
        raise Refused(problems)
    tell_held(invocation, given, made.plan, made.planned.agreed)


def _stale(path: str, reasons: list[str] | tuple[str, ...]) -> Refused:
    listed = "\n".join(f"  - {reason}" for reason in reasons[:10])
    more = f"\n  and {len(reasons) - 10} more" if len(reasons) > 10 else ""
    return refuse(
        "Saved plan is stale",
        f"{path} can no longer be applied:\n\n{listed}{more}\n\nNothing was changed. Make a new plan.",
    )
