"""The rotation machine: from what is declared, remembered and seen to what this apply does; pure, and knows no vendor.

A rotation passes ``due → created → delivered → verified → overlapping → retired → deleted``. One address holds two live
credentials meanwhile: the *current* one, which the sinks hold, and the *previous* one, which consumers may still use.
Nothing that is not known counts as proof: what the tenant does not show is no evidence that a consumer has moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from perimeter.engine.clock import instant, rfc3339
from perimeter.state.model import Rotation


class Stage(Enum):
    """Where a credential stands; the value is what people and state read."""

    SETTLED = "settled"
    DUE = "due"
    CREATED = "created"
    DELIVERED = "delivered"
    VERIFIED = "verified"
    OVERLAPPING = "overlapping"
    RETIRED = "retired"


class Step(Enum):
    """What an apply can do for a rotation; the value is the stage operation's name."""

    ISSUE = "issue"
    """Create a credential and deliver it; if that fails, destroy it."""
    VERIFY = "verify"
    """Try the current credential and ask for evidence that consumers have moved."""
    RETIRE = "retire"
    """Switch the previous credential off."""
    REMOVE = "remove"
    """Remove the previous credential."""
    ROLL_BACK = "roll_back"
    """Give consumers the previous credential again and remove the current one."""


class Evidence(Enum):
    """How it is proved that consumers use the current credential."""

    LAST_USED = "last_used"
    PROBE = "probe"
    ATTESTATION = "attestation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A ``rotation`` block, evaluated; durations as declared.

    Attributes:
        max_age: a credential that is older is replaced.
        overlap: how long the previous one lives on after the delivery, at least.
        quarantine: how long it stays switched off before it is removed.
        evidence: how the current one is verified.
        times: successful probes needed …
        window: … within at least this time from the first to the last.
        unused_for: for how long the previous one must not have been used.
        stuck_after: a stage that lasts longer is a finding.
        hours: (first, last) hour of the day in UTC within which new credentials are made; None for any.
        weekdays: days on which they are made, Monday is 0; empty for any.
    """

    max_age: timedelta
    overlap: timedelta = timedelta(days=7)
    quarantine: timedelta = timedelta(days=1)
    evidence: Evidence = Evidence.ATTESTATION
    times: int = 3
    window: timedelta = timedelta(minutes=10)
    unused_for: timedelta = timedelta(days=1)
    stuck_after: timedelta = timedelta(days=14)
    hours: tuple[int, int] | None = None
    weekdays: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A credential as the tenant shows it.

    Attributes:
        created_at: None where the tenant does not tell.
        last_used_at: None for never, where ``tells_use``.
        tells_use: whether the tenant told when it was last used.
        usable: whether it is switched on.
    """

    id: str
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    tells_use: bool = False
    usable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What the vendor can do, as the provider declares it.

    ``use_lags``: how long after a use the tenant may still not show it.
    """

    issuable: bool = True
    switchable: bool = False
    ends_previous: bool = False
    probeable: bool = False
    limit: int = 2
    use_lags: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a decision depends on.

    Attributes:
        current: what the sinks hold; None before the first issue and when it is gone from the tenant.
        previous: the one it replaced, while the tenant still has it.
        memory: what state remembers of the rotation under way.
        consumers: for each declared consumer, when it was proved to have moved; None while it was not.
        others: how many further credentials the owner has that this address does not know.
        asked: rotate now, whatever the age.
        no_overlap: retire the previous one as soon as the current one is delivered (an emergency).
        usable_now: False when what stands now cannot be used for the check that it still works.
    """

    rule: Rule
    abilities: Abilities
    current: Seen | None
    previous: Seen | None = None
    memory: Rotation = field(default_factory=Rotation)
    consumers: Mapping[str, datetime | None] = field(default_factory=dict)
    others: int = 0
    asked: bool = False
    no_overlap: bool = False
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that keeps a credential from being as its rule wants it."""

    summary: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What this apply does, and what comes next.

    Attributes:
        stage: where the credential stands before it.
        steps: in order; none when nothing is due.
        because: why the first step is taken, or why none is, in a few words.
        next_at: when the next step is due at the earliest; None when that does not depend on time alone.
        waiting_for: what has to happen before the next step, besides time.
        findings: what is wrong and does not mend itself.
    """

    stage: Stage
    steps: tuple[Step, ...] = ()
    because: str = ""
    next_at: datetime | None = None
    waiting_for: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def decide(found: Situation) -> Decision:
    """Decide what an apply does for one credential."""
    decided = _decided(found)
    return decided if decided.findings else replace(decided, findings=_late(found, decided))


def _decided(found: Situation) -> Decision:
    if found.current is None:
        return _first(found)
    if found.memory.undelivered:
        return _undelivered(found)
    if found.previous is not None:
        return _under_way(found)
    return _settled(found)


def _late(found: Situation, decided: Decision) -> tuple[Finding, ...]:
    """A credential that consumers use is older than its rule and the overlap allow, whatever holds the rotation up."""
    memory = found.memory
    used = found.previous if memory.undelivered or found.current is None else found.current
    if used is None or used.created_at is None:
        return ()
    made = _made_at(found, used.created_at)
    if found.now < made + found.rule.max_age + found.rule.overlap:
        return ()
    failed = (
        f" The last attempt failed at {memory.failed_at}: {memory.error}" if memory.error else ""
    )
    return (
        Finding(
            summary="Credential is older than it may be",
            detail=f"{used.id} was made at {rfc3339(made)} and is still in use; {decided.because}.{failed}",
        ),
    )


def _first(found: Situation) -> Decision:
    if found.previous is not None and not found.memory.retired_at:
        return Decision(
            stage=Stage.DELIVERED,
            steps=(Step.ROLL_BACK,),
            because="the new credential is gone from the tenant, and the previous one still lives",
        )
    if found.others + (found.previous is not None) >= found.abilities.limit:
        return Decision(stage=Stage.DUE, findings=(_full(found),))
    if found.memory.not_before and found.now < instant(found.memory.not_before) and not found.asked:
        return Decision(
            stage=Stage.DUE,
            because="there is none yet",
            next_at=instant(found.memory.not_before),
            waiting_for=(f"another attempt after {found.memory.failures} that failed",),
            findings=_failing(found),
        )
    return Decision(
        stage=Stage.DUE, steps=(Step.ISSUE,), because="there is none yet", findings=_failing(found)
    )


def _undelivered(found: Situation) -> Decision:
    """It was made and its secret is lost: nobody can ever use it."""
    steps = (Step.REMOVE, Step.ISSUE) if found.previous is None else (Step.ROLL_BACK,)
    if found.previous is None and found.abilities.ends_previous:
        steps = (Step.ISSUE,)  # which ends it, and a webhook is at no time without a secret
    return Decision(
        stage=Stage.CREATED, steps=steps, because="it was made, but its secret never reached a sink"
    )


def _settled(found: Situation) -> Decision:
    current, rule, now = found.current, found.rule, found.now
    assert current is not None
    if current.created_at is None and not found.asked:
        unknown = Finding(
            summary="Age of the credential is not known",
            detail=f"The tenant does not show when {current.id} was made, so that nothing tells when it is due.",
        )
        return Decision(stage=Stage.SETTLED, findings=(unknown,), because="its age is not known")
    due_at = (
        now if current.created_at is None else _made_at(found, current.created_at) + rule.max_age
    )
    if now < due_at and not found.asked:
        return Decision(
            stage=Stage.SETTLED, next_at=due_at, because=f"it is due at {rfc3339(due_at)}"
        )
    because = "it was asked for" if found.asked else f"it is older than {words(rule.max_age)}"
    if not current.usable:
        broken = Finding(
            summary="The credential in use does not work",
            detail=f"{current.id} is switched off. Replacing what is broken is an incident, not a rotation: find out who "
            "switched it off, switch it on again, or forget it and let a new one be made.",
        )
        return Decision(stage=Stage.DUE, findings=(broken,), because=because)
    if found.others + 1 >= found.abilities.limit and not found.abilities.ends_previous:
        return Decision(stage=Stage.DUE, findings=(_full(found),), because=because)
    held = _held_back(found)
    if held is not None and not found.asked:
        return Decision(
            stage=Stage.DUE, because=because, next_at=held, waiting_for=("the declared schedule",)
        )
    if found.memory.not_before and now < instant(found.memory.not_before) and not found.asked:
        return Decision(
            stage=Stage.DUE,
            because=because,
            next_at=instant(found.memory.not_before),
            waiting_for=(f"another attempt after {found.memory.failures} that failed",),
            findings=_failing(found),
        )
    return Decision(stage=Stage.DUE, steps=(Step.ISSUE,), because=because, findings=_failing(found))


def _made_at(found: Situation, created: datetime) -> datetime:
    """When the credential was made.

    One that takes the place of the one before, such as a webhook's secret, keeps the date of what it belongs to: then it is
    as young as the delivery that state remembers.
    """
    delivered = found.memory.delivered_at or found.memory.completed_at
    if not found.abilities.ends_previous or not delivered:
        return created
    return max(created, instant(delivered))


def _under_way(found: Situation) -> Decision:
    memory, now = found.memory, found.now
    if memory.retired_at:
        return _retired(found)
    delivered = instant(memory.delivered_at) if memory.delivered_at else now
    if memory.refused_at:
        return Decision(
            stage=Stage.DELIVERED,
            steps=(Step.ROLL_BACK,),
            because="the tenant refuses the new credential",
        )
    missing = _missing(found, delivered)
    ends = delivered if found.no_overlap else delivered + found.rule.overlap
    stage = Stage.DELIVERED
    if memory.verified_at:
        stage = Stage.OVERLAPPING if now < ends or missing else Stage.VERIFIED
    if now < ends:
        return Decision(
            stage=stage,
            steps=(Step.VERIFY,) if _can_verify(found) else (),
            because=f"the previous one lives on until {rfc3339(ends)}",
            next_at=ends,
            waiting_for=missing,
            findings=_stuck(found, delivered, missing),
        )
    if missing:
        return Decision(
            stage=stage,
            steps=(Step.VERIFY,) if _can_verify(found) else (),
            because="not every consumer is proved to have moved",
            waiting_for=missing,
            findings=_stuck(found, delivered, missing),
        )
    step = Step.RETIRE if found.abilities.switchable else Step.REMOVE
    return Decision(stage=stage, steps=(step,), because="every consumer has moved")


def _retired(found: Situation) -> Decision:
    ends = instant(found.memory.retired_at) + found.rule.quarantine
    if found.now < ends and not found.no_overlap:
        return Decision(
            stage=Stage.RETIRED,
            because=f"it is removed at {rfc3339(ends)}, and can be switched on until then",
            next_at=ends,
        )
    return Decision(stage=Stage.RETIRED, steps=(Step.REMOVE,), because="nobody missed it")


def _missing(found: Situation, delivered: datetime) -> tuple[str, ...]:
    """What is not proved yet, in words."""
    missing = [] if found.memory.verified_at else [_unverified(found)]
    missing += [
        f'consumer "{name}" to move'
        for name, at in sorted(found.consumers.items())
        if at is None or at < delivered
    ]
    previous, rule, lag = found.previous, found.rule, found.abilities.use_lags
    assert previous is not None
    if found.no_overlap:
        return ()
    if rule.evidence is Evidence.LAST_USED:
        used = previous.last_used_at
        if not previous.tells_use:
            missing.append("the tenant to show when the previous one was last used")
        elif used is not None and found.now < used + rule.unused_for + lag:
            missing.append(f"the previous one to rest: it was used at {rfc3339(used)}")
        elif found.now < delivered + lag:
            missing.append("the tenant's record of use to catch up")
    return tuple(missing)


def _unverified(found: Situation) -> str:
    match found.rule.evidence:
        case Evidence.PROBE:
            return f"{found.rule.times} successful trials of the new one over {words(found.rule.window)}"
        case Evidence.LAST_USED:
            return "the new one to be used"
        case Evidence.ATTESTATION:
            return "somebody to attest that the new one works"


def _can_verify(found: Situation) -> bool:
    return not found.memory.verified_at and found.rule.evidence is not Evidence.ATTESTATION


def proved_by_use(found: Situation) -> bool:
    """Whether the tenant's own record shows that the current credential is in use."""
    current = found.current
    return bool(
        found.rule.evidence is Evidence.LAST_USED
        and current is not None
        and current.tells_use
        and current.last_used_at is not None
    )


def proved_by_trials(rule: Rule, trials: tuple[str, ...]) -> bool:
    """Whether enough trials succeeded over enough time; one good answer proves nothing under eventual consistency."""
    if len(trials) < rule.times:
        return False
    moments = sorted(instant(text) for text in trials)
    return moments[-1] - moments[0] >= rule.window


def backed_off(memory: Rotation, now: datetime) -> str:
    """When the next attempt may be made after one more failure: an hour, doubled each time up to a week."""
    pause = min(timedelta(hours=2 ** min(memory.failures, 8)), timedelta(days=7))
    return rfc3339(now + pause)


def _full(found: Situation) -> Finding:
    count = found.others + (found.current is not None) + (found.previous is not None)
    return Finding(
        summary="No room for a new credential",
        detail=f"The owner has {count} of them, and the vendor allows {found.abilities.limit}; {found.others} of them nothing "
        "declares. Remove or declare those first: perimeter does not know who uses them.",
    )


def _failing(found: Situation) -> tuple[Finding, ...]:
    memory = found.memory
    if memory.failures < 3:
        return ()
    return (
        Finding(
            summary="Rotation keeps failing",
            detail=f"{memory.failures} attempts failed, the last one at {memory.failed_at}: {memory.error}",
        ),
    )


def _stuck(found: Situation, delivered: datetime, missing: tuple[str, ...]) -> tuple[Finding, ...]:
    limit = delivered + max(found.rule.overlap, found.rule.stuck_after)
    if not missing or found.now < limit:
        return ()
    return (
        Finding(
            summary="Rotation is stuck",
            detail=f"The new credential was delivered at {rfc3339(delivered)}, and the old one still lives: perimeter waits for "
            f"{'; '.join(missing)}.",
        ),
    )


def _held_back(found: Situation) -> datetime | None:
    """When the schedule next allows a new credential; None when it does now."""
    rule, now = found.rule, found.now
    if rule.hours is None and not rule.weekdays:
        return None
    moment = now
    for _ in range(24 * 8):
        first, last = rule.hours or (0, 24)
        if first <= moment.hour < last and (not rule.weekdays or moment.weekday() in rule.weekdays):
            return None if moment == now else moment
        moment = (moment + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    return moment


def words(span: timedelta) -> str:
    """A duration as people write it: ``90d``, ``1d12h``, ``30s``."""
    seconds = int(span.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
