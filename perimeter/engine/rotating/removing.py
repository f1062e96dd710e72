"""Switch a previous credential off, and remove it: each time after another look at whether somebody still uses it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from perimeter.engine.clock import instant
from perimeter.engine.execute import Done
from perimeter.engine.rotating.job import Desk, Refused
from perimeter.engine.rotating.looking import moment
from perimeter.lang.values import Unseen
from perimeter.sdk.contract import DeleteRequest, Observed
from perimeter.sdk.errors import NotFound, ProviderError
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.rotation import SwitchRequest
from perimeter.state.model import StateObject

_POLL = 0.5


def retire(desk: Desk) -> Done:
    """Switch the previous credentials off."""
    job = desk.job
    for item in desk.held.previous:
        found = desk.read(item.id, item.attributes)
        if found is None:
            desk.note(desk.held.without(item.id))
            continue
        _unused(desk, found)
        _unheld(desk, item.id)
        if not job.credential.is_on(found.attributes):
            continue
        desk.begin("retire", item)
        request = SwitchRequest(tenant=job.tenant, id=item.id, attributes=found.attributes)
        try:
            desk.call(job.stage.id, partial(job.credential.switch_off, job.writer, request))
        except ProviderError as problem:
            unknown = problem.committed is None
            desk.note(desk.held, "unknown" if unknown else "failed", detail=problem.message)
            return desk.failed(problem.message, unknown=unknown, request_id=problem.request_id)
        desk.note(desk.held)
    if not desk.held.previous:
        desk.note(desk.held.over(desk.executor.now()))
        return Done(status="done", text="the previous one was gone already", id=job.change.id)
    desk.note(desk.held.remembering(retired_at=desk.executor.now()))
    names = ", ".join(item.id for item in desk.held.previous)
    return Done(status="done", text=f"switched off {names}", id=job.change.id)


def remove(desk: Desk) -> Done:
    """Remove the previous credentials; where there are none, the one whose secret was lost."""
    job, held = desk.job, desk.held
    wanted = held.previous
    if not wanted and held.memory.undelivered and held.current is not None:
        wanted = (held.current,)
    names = []
    for item in wanted:
        found = desk.read(item.id, item.attributes)
        if found is not None:
            if not held.memory.undelivered:
                _unused(desk, found)
                _unheld(desk, item.id)
            problem = removed(desk, item, found)
            if problem is not None:
                unknown = problem.committed is None
                desk.note(desk.held, "unknown" if unknown else "failed", detail=problem.message)
                return desk.failed(problem.message, unknown=unknown, request_id=problem.request_id)
        desk.note(desk.held.without(item.id))
        names.append(item.id)
    if held.memory.undelivered:
        desk.note(desk.held.remembering(undelivered=False))
    elif wanted:
        desk.note(desk.held.over(desk.executor.now()))
    told = ", ".join(names) or "what a cut-off run made"
    return Done(status="done", text=f"removed {told}", id=job.change.id)


def removed(desk: Desk, item: StateObject, found: Observed) -> ProviderError | None:
    """Delete an object of the credential's type and look whether it is gone; the error when it may still be there."""
    job = desk.job
    desk.begin("remove", item)
    request = DeleteRequest(tenant=job.tenant, id=item.id, attributes=found.attributes)
    try:
        desk.call(f"remove:{item.id}", lambda: job.kind.delete(job.writer, request))
    except NotFound:
        return None
    except ProviderError as problem:
        if problem.committed is not None or not _gone(desk, item):
            return problem
    return None


def _gone(desk: Desk, item: StateObject) -> bool:
    waited = 0.0
    while True:
        try:
            if desk.read(item.id, item.attributes) is None:
                return True
        except ProviderError:
            return False
        if waited >= desk.job.kind.identity.visible_within:
            return False
        desk.executor.sleep(_POLL)
        waited += _POLL


def _unused(desk: Desk, found: Observed) -> None:
    """Refuse to end what somebody used in the meantime.

    Raises:
        Refused: it was used again, or the tenant does not tell any more.
    """
    credential, memory = desk.job.credential, desk.held.memory
    rotation = desk.job.rotation
    if not credential.last_used_at or rotation.no_overlap:
        return
    told = found.attributes.get(credential.last_used_at)
    if isinstance(told, Unseen):
        if rotation.rule.get("verify") == "last_used":
            raise Refused(f"The tenant does not show any more when {found.id} was last used.")
        return
    used = moment(told)
    if used is None or rotation.rule.get("verify") != "last_used":
        return
    rest = timedelta(seconds=rotation.unused_for + credential.use_lags)
    now = instant(desk.executor.now())
    retired = moment(memory.retired_at)
    if retired is not None and used > retired:
        raise Refused(
            f"{found.id} was used at {told}, after it had been switched off. Nothing was removed: find out who uses it."
        )
    if retired is None and now < used + rest:
        raise Refused(f"{found.id} was used again at {told}. Nothing was done to it. Plan again.")


def _unheld(desk: Desk, identifier: str) -> None:
    """Refuse to end what a sink may still hold.

    Raises:
        Refused: one may.
    """
    sinks = {sink.address for sink in desk.job.sinks}
    holding = [
        name
        for name, ids in sorted(desk.held.memory.holds.items())
        if identifier in ids and name in sinks
    ]
    if holding:
        raise Refused(
            f"{SECRETS.redact(identifier)} may be what {', '.join(holding)} holds. Nothing was done to it."
        )
