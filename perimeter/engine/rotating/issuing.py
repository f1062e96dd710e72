"""Issue a credential and deliver it; if it cannot be delivered, take it away again."""

from __future__ import annotations

from contextlib import suppress

from perimeter.engine.diff import is_wholly_known, sort_text
from perimeter.engine.execute import Done
from perimeter.engine.persist import state_object
from perimeter.engine.rotating.delivering import Delivery, held_by
from perimeter.engine.rotating.job import Desk, Refused
from perimeter.engine.rotating.memory import Held
from perimeter.engine.rotating.removing import removed
from perimeter.lang.values import Unseen
from perimeter.sdk.contract import (
    Attributes,
    DeleteRequest,
    Listing,
    ListRequest,
    Observed,
    Recognition,
)
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.rotation import Issued, IssueRequest, ProbeRequest
from perimeter.state.errors import StateError
from perimeter.state.model import StateObject

_POLL = 0.5


def issue(desk: Desk) -> Done:
    """Make a new credential beside the current one and bring it to every sink."""
    job, change = desk.job, desk.job.change
    sent = {
        name: value
        for name, value in change.desired.items()
        if value is not None and is_wholly_known(value)
    }
    current = _still_works(desk)
    listing = _room(desk, sent)
    held = desk.held
    token = job.token or desk.executor.tokens()
    kept = {n: v for n, v in sent.items() if n not in job.kind.schema.secret_names}
    planned = _object(desk, "", kept)
    known = tuple(item.id for item in listing.objects) if listing is not None else ()
    if not job.lost:
        desk.settle()
        desk.executor.journal.flush()
    desk.begin("issue", planned, token=token, known_ids=known)
    request = IssueRequest(
        tenant=job.tenant,
        attributes=sent,
        token=token,
        previous=current.id if current is not None else "",
    )
    try:
        issued: Issued = desk.call(job.stage.id, lambda: job.credential.issue(job.writer, request))
    except ProviderError as problem:
        unknown = problem.committed is None
        now = desk.executor.now()
        left = held.failed(now, SECRETS.redact(problem.message))
        if unknown and current is not None and _ends(desk):
            # What the sinks hold may have ended without a successor: the next apply issues again.
            left = left.remembering(undelivered=True)
        desk.note(
            left,
            "unknown" if unknown else "failed",
            detail=problem.message,
            request_id=problem.request_id,
        )
        more = " The next run looks for it before it does anything else." if unknown else ""
        return desk.failed(
            f"{problem.message}{more}", unknown=unknown, request_id=problem.request_id
        )
    _hide(issued, sent)
    new = _object(desk, issued.id, {**kept, **issued.attributes})
    begun = _begun(desk, held, new, token)
    try:
        desk.note(begun, request_id=issued.request_id)
    except StateError:
        # Nobody would know of it: the next run finds it by the intent only.
        if current is None or not _ends(desk):
            at_once = DeleteRequest(tenant=job.tenant, id=new.id, attributes=new.attributes)
            with suppress(ProviderError):
                job.kind.delete(job.writer, at_once)
        raise
    job.shared.secrets[issued.id] = issued.secret
    delivery = Delivery(desk, issued.id, issued.secret, token)
    problem_text = delivery.deliver()
    if problem_text:
        return _undone(desk, delivery, held, new, problem_text)
    return _delivered(desk, new, issued)


def _ends(desk: Desk) -> bool:
    """Whether issuing ends the current one at once."""
    return desk.job.credential.ends_previous or desk.job.credential.limit < 2


def _still_works(desk: Desk) -> StateObject | None:
    """The current credential, if the tenant still has it; it must work.

    Raises:
        Refused: it does not.
    """
    job, held = desk.job, desk.held
    current = held.current
    if current is None:
        return None
    if job.change.before is None:
        desk.note(held.without(current.id))
        return None
    found = desk.read(current.id, current.attributes)
    if found is None:
        raise Refused(f"{current.id} no longer exists. Nothing was sent. Plan again.")
    if held.memory.undelivered or (job.begun and _ends(desk)):
        return current  # what the sinks hold was ended already, by a run that was cut off
    broken = ""
    if not job.credential.is_on(found.attributes):
        broken = "it is switched off"
    elif job.credential.probeable:
        secret = held_by(desk, current.id)
        if secret is not None:
            probed = job.credential.probe(
                ProbeRequest(
                    tenant=job.tenant,
                    id=current.id,
                    secret=secret,
                    attributes=found.attributes,
                    config=job.config,
                    environment=job.environment,
                )
            )
            if probed.works is False:
                broken = f"the vendor refuses it ({SECRETS.redact(probed.detail)})"
    if broken:
        raise Refused(
            f"The credential in use, {current.id}, does not work: {broken}. Replacing what is broken is an incident, not a "
            "rotation. Nothing was sent."
        )
    return current


def _room(desk: Desk, sent: Attributes) -> Listing | None:
    """The credentials that there are, as the tenant lists them now; there must be room for one more.

    Raises:
        Refused: there is none.
    """
    job = desk.job
    above = job.kind.identity.parent
    parent = None if above is None else str(sent.get(above.attribute))
    wanted = job.kind.listed or frozenset((*job.kind.schema.attributes, *job.kind.schema.blocks))
    listing = job.kind.list(
        job.reader, ListRequest(tenant=job.tenant, parent=parent, attributes=wanted)
    )
    mine = [
        item
        for item in listing.objects
        if all(
            sort_text(sent.get(name)) == sort_text(item.attributes.get(name))
            for name in job.credential.owner
        )
    ]
    current = desk.held.current
    if len(mine) >= job.credential.limit and not (_ends(desk) and current is not None):
        known = {item.id for item in desk.held.instance.objects}
        strangers = [item.id for item in mine if item.id not in known]
        raise Refused(
            f"The owner has {len(mine)} of them ({', '.join(item.id for item in mine)}), and the vendor allows "
            f"{job.credential.limit}; {len(strangers)} of them perimeter does not know here"
            f"{': ' + ', '.join(strangers) if strangers else ''}. Nothing was sent."
        )
    # A unique key tells nothing here where the vendor or the provider makes it, as with key pairs: the lists are compared.
    return None if job.kind.identity.recognition is Recognition.TOKEN else listing


def _object(desk: Desk, identifier: str, attributes: Attributes) -> StateObject:
    return state_object(
        desk.job.change,
        desk.job.kind,
        id=identifier,
        tenant=desk.job.tenant.id,
        attributes=attributes,
        now=desk.executor.now(),
        unconfirmed=True,
    )


def _hide(issued: Issued, sent: Attributes) -> None:
    """Register what is secret of a secret: the vendor's id and what is shown anyway are not."""
    shown = {issued.id, *map(str, issued.attributes.values()), *map(str, sent.values())}
    SECRETS.add_all([value for value in issued.secret.values() if value not in shown])


def _begun(desk: Desk, held: Held, new: StateObject, token: str) -> Held:
    """The new credential in state before anybody has its secret."""
    memory, rotation = held.memory, desk.job.rotation
    old = [held.current.id] if held.current is not None else []
    holds = {sink.address: memory.holds.get(sink.address) or tuple(old) for sink in desk.job.sinks}
    begun = held.with_current(new)
    return begun.remembering(
        token=token,
        reason=rotation.reason,
        started_at=desk.executor.now(),
        delivered_at="",
        before=dict(memory.deliveries),
        trials=(),
        refused_at="",
        verified_at="",
        moved={},
        retired_at="",
        completed_at="",
        holds=holds,
        undelivered=True,
        no_overlap=rotation.no_overlap,
    )


def _delivered(desk: Desk, new: StateObject, issued: Issued) -> Done:
    """Every sink holds it: read it back, try it once, and let the overlap begin."""
    job = desk.job
    attributes = _read_back(desk, new)
    now = desk.executor.now()
    held = desk.held.refreshed(_object(desk, new.id, attributes))
    held = held.remembering(
        undelivered=False,
        delivered_at=now,
        failures=0,
        failed_at="",
        error="",
        not_before="",
    )
    if _ends(desk):
        for item in held.previous:
            if desk.read(item.id, item.attributes) is None:
                held = held.without(item.id)
    if not held.previous:
        held = held.over(now)
    elif job.credential.probeable and job.rotation.rule.get("verify") == "probe":
        probed = job.credential.probe(
            ProbeRequest(
                tenant=job.tenant,
                id=new.id,
                secret=issued.secret,
                attributes=attributes,
                config=job.config,
                environment=job.environment,
            )
        )
        if probed.works:
            enough = job.rotation.times <= 1 and not job.rotation.window
            held = held.remembering(trials=(now,), verified_at=now if enough else "")
    desk.note(held)
    count = len(job.sinks)
    where = job.sinks[0].address if count == 1 else f"{count} sinks"
    return Done(
        status="done",
        text=f"issued {new.id}, delivered to {where}",
        attributes=attributes,
        id=new.id,
        request_id=issued.request_id,
    )


def _read_back(desk: Desk, new: StateObject) -> Attributes:
    waited = 0.0
    while True:
        try:
            found = desk.read(new.id, new.attributes)
        except ProviderError:
            found = None
        if found is not None:
            shown = {n: v for n, v in found.attributes.items() if not isinstance(v, Unseen)}
            return {**new.attributes, **shown}
        if waited >= desk.job.kind.identity.visible_within:
            return new.attributes
        desk.executor.sleep(_POLL)
        waited += _POLL


def _undone(desk: Desk, delivery: Delivery, before: Held, new: StateObject, problem: str) -> Done:
    """A sink did not take it: put the others back, and destroy the new one, or keep it where a sink may hold it."""
    now = desk.executor.now()
    text = f"The new credential could not be delivered ({problem})."
    old = before.current
    if old is not None and (old.id == new.id or _ends(desk)):
        # What was before is gone, perhaps as the same object: removing the new one would only take more away.
        desk.note(desk.held.failed(now, text))
        return desk.failed(
            f"{text} Issuing {new.id} ended the one before: consumers of sinks that do not hold it fail until the next apply, "
            "which makes and delivers another one. Repair the sink, and apply."
        )
    left = delivery.undo()
    if left and old is not None:
        desk.note(desk.held.failed(now, text))
        return desk.failed(
            f"{text} {', '.join(left)} may hold {new.id} already and cannot be set back, so that {new.id} is kept, "
            f"and {old.id} too. Nothing is broken; the next run goes on."
        )
    held = desk.held.restoring(old.id) if old is not None else desk.held.deposing(new.id)
    memory = before.memory
    held = held.remembering(
        undelivered=memory.undelivered,
        delivered_at=memory.delivered_at,
        verified_at=memory.verified_at,
        moved=memory.moved,
        holds=desk.held.memory.holds if old is not None else {},
    ).failed(now, text)
    desk.note(held)
    item = next(one for one in held.instance.objects if one.id == new.id)
    problem_ = removed(desk, item, Observed(id=new.id, attributes=new.attributes))
    if problem_ is not None:
        desk.note(desk.held, "failed", detail=problem_.message)
        return desk.failed(
            f"{text} Removing {new.id} failed as well ({problem_.message}); it is recorded, and each apply tries again."
        )
    desk.note(desk.held.without(new.id))
    return desk.failed(f"{text} {new.id} was destroyed; {_old_words(old)}")


def _old_words(old: StateObject | None) -> str:
    return f"{old.id} stays in use." if old is not None else "there is none yet."
