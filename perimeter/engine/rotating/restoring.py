"""Give consumers the previous credential again, and take the new one away."""

from __future__ import annotations

from perimeter.engine.execute import Done
from perimeter.engine.rotating.delivering import Delivery, held_by, put_back
from perimeter.engine.rotating.job import Desk, Refused
from perimeter.engine.rotating.memory import Held
from perimeter.engine.rotating.removing import removed
from perimeter.sdk.contract import Observed
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.rotation import SwitchRequest


def roll_back(desk: Desk) -> Done:
    """Put the sinks back to the previous credential, and remove the new one.

    A delivery that was cut off is brought to its end instead, where a sink shows the secret again.
    """
    held = desk.held
    previous = held.previous
    if not previous:
        raise Refused("There is no previous credential any more. Nothing was done.")
    old = previous[-1]
    new = held.current
    now_there = None if new is None else desk.read(new.id, new.attributes)
    if held.memory.undelivered and new is not None and now_there is not None:
        done = _finished(desk, new.id, now_there)
        if done is not None:
            return done
    found = desk.read(old.id, old.attributes)
    if found is None:
        raise Refused(f"{old.id} is gone from the tenant: there is nothing to roll back to.")
    _switched_on(desk, found)
    if now_there is None:
        # What is gone serves nobody: a sink that may hold it is no worse off with what it may hold besides.
        desk.note(_without(desk, new.id if new is not None else ""))
    names = [sink.address for sink in desk.job.sinks if not _put(desk, sink.address, old.id)]
    if names:
        text = (
            f"{', '.join(names)} keeps no earlier value, and the secret of {old.id} is shown by no sink, so that "
            f"it cannot be put back. Both credentials are kept."
        )
        desk.note(desk.held, "failed", detail=text)
        return desk.failed(text)
    because = desk.job.rotation.because or "it was asked for"
    anew = desk.held.restoring(old.id)
    if new is not None and now_there is None:
        anew = anew.without(new.id)
    memory = anew.memory
    anew = anew.over(desk.executor.now()).remembering(
        failures=memory.failures, completed_at=memory.completed_at
    )
    anew = anew.failed(desk.executor.now(), f"Rolled back: {because}.")
    desk.note(anew)
    text = f"rolled back to {old.id}"
    if new is None or now_there is None:
        return Done(status="done", text=text, attributes=found.attributes, id=old.id)
    item = next(one for one in anew.instance.objects if one.id == new.id)
    problem = removed(desk, item, now_there)
    if problem is not None:
        words = SECRETS.redact(problem.message)
        desk.note(desk.held, "failed", detail=problem.message)
        text += f"; {new.id} could not be removed ({words}), each apply tries again"
    else:
        desk.note(desk.held.without(new.id))
        text += f", {new.id} was removed"
    return Done(status="done", text=text, attributes=found.attributes, id=old.id)


def _without(desk: Desk, gone: str) -> Held:
    """What the sinks may hold, without a credential that does not exist any more, where that leaves anything."""
    holds = {
        name: tuple(one for one in ids if one != gone) or ids
        for name, ids in desk.held.memory.holds.items()
    }
    return desk.held.remembering(holds=holds)


def _switched_on(desk: Desk, found: Observed) -> None:
    job = desk.job
    if job.credential.is_on(found.attributes):
        return
    request = SwitchRequest(tenant=job.tenant, id=found.id, attributes=found.attributes)
    desk.call(f"switch_on:{found.id}", lambda: job.credential.switch_on(job.writer, request))


def _put(desk: Desk, name: str, old: str) -> bool:
    """Let a sink hold the old credential; whether it does."""
    ids = desk.held.memory.holds.get(name, ())
    if ids in ((), (old,)):
        return True
    sink = next(item for item in desk.job.sinks if item.address == name)
    return put_back(desk, sink, (old,), None, f"{desk.held.memory.token}-back")


def _finished(desk: Desk, identifier: str, found: Observed) -> Done | None:
    """Bring the credential to the sinks that do not surely hold it, from one that shows it."""
    secret = held_by(desk, identifier)
    if secret is None or identifier not in secret.values():
        return None
    delivery = Delivery(desk, identifier, secret, desk.held.memory.token)
    try:
        problem = delivery.deliver()
    except ProviderError as error:
        problem = SECRETS.redact(error.message)
    if problem:
        return None
    now = desk.executor.now()
    desk.note(
        desk.held.remembering(
            undelivered=False, delivered_at=now, failures=0, failed_at="", error="", not_before=""
        )
    )
    return Done(
        status="done",
        text=f"the delivery of {identifier}, which was cut off, is complete",
        attributes=found.attributes,
        id=identifier,
    )
