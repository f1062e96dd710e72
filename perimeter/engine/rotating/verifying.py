"""Gather proof that the new credential works and that consumers use it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from perimeter.engine.clock import instant, rfc3339
from perimeter.engine.execute import Done
from perimeter.engine.persist import state_object
from perimeter.engine.rotating.delivering import held_by
from perimeter.engine.rotating.job import Desk, Refused
from perimeter.engine.rotating.looking import moment
from perimeter.engine.rotating.machine import Rule, proved_by_trials
from perimeter.engine.rotating.notify import answer_of
from perimeter.lang.values import Unseen
from perimeter.sdk.contract import Attributes
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.rotation import Probed, ProbeRequest


def verify(desk: Desk) -> Done:
    """Try the current credential, look whether it is used, and ask consumers."""
    held, job = desk.held, desk.job
    current = held.current
    if current is None:
        raise Refused("There is no current credential. Plan again.")
    found = desk.read(current.id, current.attributes)
    if found is None:
        raise Refused(f"{current.id} no longer exists. Plan again.")
    told: list[str] = []
    now = desk.executor.now()
    by = job.rotation.rule.get("verify", "")
    if not held.memory.verified_at:
        if by == "probe":
            told.append(_try(desk, current.id, found.attributes, now))
        elif by == "last_used":
            used = moment(found.attributes.get(job.credential.last_used_at))
            if used is not None:
                desk.note(desk.held.remembering(verified_at=now))
                told.append(f"it was used at {rfc3339(used)}")
            else:
                told.append("it has not been used yet")
    for consumer in job.consumers:
        if consumer.evidence != "http" or _has_moved(desk, consumer.name):
            continue
        answer = answer_of(consumer.url, consumer.path)
        if answer == current.id:
            moved = {**desk.held.memory.moved, consumer.name: now}
            desk.note(desk.held.remembering(moved=moved))
            told.append(f"{consumer.name} has moved")
        else:
            told.append(f"{consumer.name} has not moved")
    text = SECRETS.redact("; ".join(told)) or "nothing new is proved"
    return Done(status="done", text=text, attributes=_shown(found.attributes), id=current.id)


def _shown(attributes: Attributes) -> dict[str, Any]:
    return {n: v for n, v in attributes.items() if not isinstance(v, Unseen)}


def _has_moved(desk: Desk, name: str) -> bool:
    memory = desk.held.memory
    at = memory.moved.get(name)
    return bool(at and memory.delivered_at and instant(at) >= instant(memory.delivered_at))


def _try(desk: Desk, identifier: str, attributes: Attributes, now: str) -> str:
    """One trial; enough of them over enough time are proof, and a refusal for as long is one, too."""
    job, held = desk.job, desk.held
    secret = held_by(desk, identifier)
    if secret is None:
        return "it cannot be tried: no sink shows its secret"
    try:
        probed: Probed = desk.call(
            f"probe:{identifier}",
            lambda: job.credential.probe(
                ProbeRequest(
                    tenant=job.tenant,
                    id=identifier,
                    secret=secret,
                    attributes=attributes,
                    config=job.config,
                    environment=job.environment,
                )
            ),
        )
    except ProviderError as problem:
        return f"it could not be tried ({problem.message})"
    memory = held.memory
    window = timedelta(seconds=job.rotation.window)
    if probed.works:
        trials = (*memory.trials, now)
        rule = Rule(max_age=timedelta(days=1), times=job.rotation.times, window=window)
        proved = proved_by_trials(rule, trials)
        desk.note(held.remembering(trials=trials, verified_at=now if proved else ""))
        return f"it worked, {len(trials)} of {job.rotation.times} times"
    if probed.works is None:
        return f"it could not be tried ({probed.detail})"
    since = moment(memory.delivered_at)
    for_good = since is not None and instant(now) - since >= window
    desk.note(held.remembering(trials=(), refused_at=now if for_good else ""))
    return f"the vendor refuses it ({probed.detail})"


def take_over(desk: Desk) -> Done:
    """Take what a person made for the current credential; the one before becomes the previous one."""
    job, held = desk.job, desk.held
    identifier = job.rotation.taken
    found = desk.read(identifier, {})
    if found is None:
        raise Refused(f"{identifier} no longer exists. Plan again.")
    now = desk.executor.now()
    made = state_object(
        job.change,
        job.kind,
        id=identifier,
        tenant=job.tenant.id,
        attributes=_shown(found.attributes),
        now=now,
    )
    anew = held.with_current(made)
    for item in held.instance.objects:
        if item.role == "current" and job.change.before is None:
            anew = anew.without(item.id)
    anew = anew.over(now).remembering(
        reason="rotation_by_hand", started_at=now, delivered_at=now, completed_at=""
    )
    desk.begin("take_over", made)
    desk.note(anew if anew.previous else anew.over(now))
    return Done(
        status="done",
        text=f"taken over, {identifier} was made by hand",
        attributes=_shown(found.attributes),
        id=identifier,
    )
