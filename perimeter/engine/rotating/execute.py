"""Carry out one step of a rotation; runs in worker threads, and never raises what a provider raises."""

from __future__ import annotations

from dataclasses import replace

from perimeter.engine.execute import Done, Executor
from perimeter.engine.rotating.issuing import issue
from perimeter.engine.rotating.job import Desk, Refused, RotationJob
from perimeter.engine.rotating.notify import notify
from perimeter.engine.rotating.removing import remove, removed, retire
from perimeter.engine.rotating.restoring import roll_back
from perimeter.engine.rotating.verifying import take_over, verify
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.redact import SECRETS

_STEPS = {
    "issue": issue,
    "verify": verify,
    "retire": retire,
    "remove": remove,
    "roll_back": roll_back,
    "take_over": take_over,
}
_EVENTS = {"issue": "issued", "roll_back": "rolled back", "remove": "completed"}


def rotate(executor: Executor, job: RotationJob) -> Done:
    """Carry out one step."""
    desk = Desk(executor, job)
    try:
        problem = _discard(desk)
        done = problem or _STEPS[job.stage.operation](desk)
    except Refused as refusal:
        return Done(status="failed", text=SECRETS.redact(str(refusal)), result="refused")
    except ProviderError as failure:
        return desk.failed(
            failure.message, unknown=failure.committed is None, request_id=failure.request_id
        )
    return _told(desk, done)


def _discard(desk: Desk) -> Done | None:
    """Remove what a cut-off run made: its secret is lost. Why not, where that fails."""
    job = desk.job
    if not job.begun:
        return None
    if job.stage.operation == "issue" and not job.lost:
        return None  # the new attempt settles it: it may use the same token
    desk.note(desk.held.with_lost(job.lost), flush=False)
    desk.settle()
    desk.executor.journal.flush()
    for item in job.lost:
        found = desk.read(item.id, item.attributes)
        problem = removed(desk, item, found) if found is not None else None
        if problem is not None:
            desk.note(desk.held, "failed", detail=problem.message)
            return desk.failed(
                f"{item.id}, whose secret is lost, could not be removed: {problem.message}"
            )
        desk.note(desk.held.without(item.id))
    return None


def _told(desk: Desk, done: Done) -> Done:
    """Tell whoever is to be told; that it did not reach somebody is a warning."""
    job = desk.job
    what = "failed" if done.status == "failed" else _EVENTS.get(job.stage.operation, "")
    stuck = [item.summary for item in job.rotation.findings]
    if not job.notify or not (what or stuck):
        return done
    left = notify(
        job.notify,
        {
            "event": what or "stuck",
            "address": desk.address,
            "id": done.id or job.change.id,
            "tenant": job.tenant.id,
            "text": done.text,
            "findings": stuck,
            "at": desk.executor.now(),
        },
    )
    if not left:
        return done
    return replace(done, warning=f"{', '.join(left)} could not be told.")
