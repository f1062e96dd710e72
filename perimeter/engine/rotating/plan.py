"""Plan the rotation of one declared credential: what the tenant shows, what state remembers, and the machine's word; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from perimeter.addresses import Address
from perimeter.engine.clock import instant, rfc3339
from perimeter.engine.diff import difference
from perimeter.engine.fingerprint import fingerprint
from perimeter.engine.guards import shell_word
from perimeter.engine.instances import Declaration
from perimeter.engine.model import Action, Change
from perimeter.engine.rotating.consumers import consumers_of
from perimeter.engine.rotating.looking import Objects, moment, objects_of
from perimeter.engine.rotating.machine import (
    Abilities,
    Decision,
    Finding,
    Seen,
    Situation,
    Stage,
    Step,
    decide,
)
from perimeter.engine.rotating.memory import made_anew
from perimeter.engine.rotating.planned import (
    PlannedConsumer,
    PlannedRotation,
    RotationFinding,
    SeenCredential,
)
from perimeter.engine.rotating.settings import Settings, settings_of
from perimeter.engine.scope import Each
from perimeter.engine.work import Work
from perimeter.lang.values import Unseen
from perimeter.sdk.contract import (
    Attributes,
    Observed,
    Tenant,
    Transition,
    join_directions,
)
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.rotation import CredentialType
from perimeter.state.model import Instance, Rotation

REASONS = {
    "issue": "rotation_due",
    "verify": "rotation_verify",
    "retire": "rotation_retire",
    "remove": "rotation_remove",
    "roll_back": "rotation_roll_back",
    "take_over": "rotation_by_hand",
}
"""``action_reason`` by the first step."""


def rotated(
    work: Work, wanted: Declaration, each: Each | None, change: Change, attributes: Attributes
) -> tuple[Change | None, Attributes]:
    """The change with its rotation, and the attributes as they will be; None while needs are open."""
    rule = wanted.block.rotation
    if rule is None:
        _left_over(work, wanted)
        return change, attributes
    credential = wanted.kind.credential
    if credential is None:
        work.diagnostics.error(
            "Not a credential",
            f"{wanted.kind.name} is no credential, so that there is nothing to rotate. Take the rotation block away.",
            rule.range,
            address=str(wanted.address),
        )
        return change, attributes
    if credential.issuable and not wanted.kind.creatable and not change.id and change.manual:
        change = replace(change, manual=None, action=Action.CREATE)
    settings = settings_of(work, rule, credential, wanted.address, each)
    if settings is None or change.deferred or change.reason == "expired":
        return change, attributes
    moot = {quirk.summary for quirk in wanted.kind.quirks if quirk.unrotated}
    change = replace(change, quirks=tuple(text for text in change.quirks if text not in moot))
    replaced = change.action.is_replace
    if change.action not in (Action.NO_OP, Action.CREATE, Action.UPDATE) and not replaced:
        return change, attributes
    if replaced and not _may_replace(work, wanted, change):
        return change, attributes
    remembered = work.state.resources.get(str(wanted.address), Instance())
    found = objects_of(work, wanted, credential, change, remembered)
    if found is None:
        return None, attributes
    _no_drift(work, credential, change)
    planner = _Planner(work, wanted, credential, settings, change, remembered, found, replaced)
    return planner.run(attributes)


def _left_over(work: Work, wanted: Declaration) -> None:
    """Tell of previous credentials that no rotation retires any more, because the block was taken away."""
    remembered = work.state.resources.get(str(wanted.address), Instance())
    left = [item.id for item in remembered.objects if item.role == "previous"]
    if left:
        work.diagnostics.warning(
            "A previous credential lives on",
            f"{wanted.address} was rotated, and the rotation block was taken away before {', '.join(left)} was retired. It works "
            "until somebody removes it: put the block back, or make sure that nobody uses it and remove it in the vendor's "
            "console.",
            address=str(wanted.address),
        )


def _no_drift(work: Work, credential: CredentialType, change: Change) -> None:
    """That a credential was used is no drift."""
    if change.drifted and change.drifted <= {credential.last_used_at}:
        work.drift[:] = [item for item in work.drift if item.key != change.key]


def _may_replace(work: Work, wanted: Declaration, change: Change) -> bool:
    """Whether a replacement becomes a rotation; what was asked for by ``-replace`` needs its override."""
    name = str(wanted.address)
    if change.reason != "replace_by_request" or name in work.options.allow_replace:
        return True
    word = shell_word(name)
    work.diagnostics.error(
        "A rotated credential is not replaced",
        f"-replace would end {name} before its consumers have the new one. To rotate it now, keeping the old one for its "
        f"overlap: -invoke={word}. To replace it regardless, add: -allow-replace={word}",
        wanted.block.range,
        address=name,
    )
    return False


class _Planner:
    """One credential's rotation, step by step."""

    def __init__(
        self,
        work: Work,
        wanted: Declaration,
        credential: CredentialType,
        settings: Settings,
        change: Change,
        remembered: Instance,
        found: Objects,
        replaced: bool,
    ) -> None:
        self.work, self.wanted, self.credential = work, wanted, credential
        self.settings, self.change, self.found = settings, change, found
        self.kind: ResourceType = wanted.kind
        self.name = str(wanted.address)
        self.memory = remembered.rotation or Rotation()
        begun = work.pending.get(self.name)
        if begun is not None and begun.operation == "issue" and self._ends(change):
            self.memory = msgspec.structs.replace(self.memory, undelivered=True)
        self.now = instant(work.now)
        self.invoked = self.name in work.options.invoke or _block_named(
            wanted.address, work.options.invoke
        )
        self.asked = self.invoked or replaced
        self.replaced = replaced
        self.no_overlap = (
            self.memory.no_overlap
            or (self.asked and work.options.no_overlap)
            or change.reason == "replace_by_request"
        )
        self.consumers = consumers_of(work, wanted.address)
        before = change.before
        self.current = None if before is None else self.seen(change.id, before)
        self.previous = self._previous()
        self.young = self._young()

    def _ends(self, change: Change) -> bool:
        """Whether issuing ends what there is at once."""
        return change.before is not None and abilities(self.credential).ends_previous

    def seen(self, identifier: str, attributes: Attributes) -> Seen:
        """A credential as its attributes tell."""
        name = self.credential.last_used_at
        used = attributes.get(name) if name else None
        return Seen(
            id=identifier,
            created_at=moment(attributes.get(self.credential.created_at)),
            last_used_at=moment(used),
            tells_use=bool(name) and not isinstance(used, Unseen),
            usable=self.credential.is_on(attributes),
        )

    def _previous(self) -> Seen | None:
        """The previous credentials as one: what is used of any of them is used."""
        every = [self.seen(item.id, attributes) for item, attributes in self.found.previous]
        if not every:
            return None
        uses = [item.last_used_at for item in every if item.last_used_at is not None]
        return replace(
            every[-1],
            last_used_at=max(uses, default=None),
            tells_use=all(item.tells_use for item in every),
            usable=any(item.usable for item in every),
        )

    def _young(self) -> tuple[Observed, ...]:
        """What a person made since the step to make one was opened."""
        step = self.work.state.steps.get(self.change.key)
        if self.credential.issuable or step is None:
            return ()
        since = instant(step.opened_at)
        name = self.credential.created_at
        return tuple(
            item
            for item in self.found.strangers
            if (made := moment(item.attributes.get(name))) is not None and made >= since
        )

    def situation(self) -> Situation:
        """All that the machine decides on."""
        moved = self._moved()
        return Situation(
            rule=self.settings.rule,
            abilities=abilities(self.credential),
            current=self.current,
            previous=self.previous,
            memory=self.memory,
            consumers={item.name: moved.get(item.name) for item in self.consumers},
            others=len(self.found.strangers)
            - len(self.young)
            + max(0, len(self.found.previous) - 1),
            asked=self.asked,
            no_overlap=self.no_overlap,
            now=self.now,
        )

    def _moved(self) -> dict[str, datetime]:
        """When each consumer was proved to have moved."""
        found = {name: instant(at) for name, at in self.memory.moved.items()}
        if self.memory.delivered_at and self._used_instead():
            found |= {
                item.name: self.now for item in self.consumers if item.evidence == "last_used"
            }
        return found

    def _used_instead(self) -> bool:
        """Whether the tenant shows the current credential in use, and the previous one at rest."""
        current, previous, rule = self.current, self.previous, self.settings.rule
        lag = timedelta(seconds=self.credential.use_lags)
        delivered = instant(self.memory.delivered_at)
        if current is None or previous is None or not (current.tells_use and previous.tells_use):
            return False
        if current.last_used_at is None or self.now < delivered + lag:
            return False
        used = previous.last_used_at
        return used is None or self.now >= used + rule.unused_for + lag

    def run(self, attributes: Attributes) -> tuple[Change, Attributes]:
        """The change with its rotation."""
        if self.found.problem:
            decision = Decision(
                stage=Stage.SETTLED, because=self.found.problem, waiting_for=(self.found.problem,)
            )
        else:
            decision = self._decided()
        steps = tuple(step.value for step in decision.steps)
        steps, taken, change = self._by_hand(steps, decision)
        lost = tuple(item.id for item in self.found.lost)
        if lost and not steps:
            steps = ("remove",)
        rotation = self._planned(decision, steps, taken, lost)
        if self.replaced:
            change = replace(change, action=Action.NO_OP, reason="", replace_paths=())
        if "issue" in steps:
            after = difference(self.kind.schema, self.wanted.desired, None).after
            made = Transition(before=None, after=after, tenant=change.tenant)
            attributes = dict(self.kind.plan(made))
        elif "roll_back" in steps and self.found.previous:
            attributes = self.found.previous[-1][1]
        elif self.replaced:
            attributes = change.before or {}
        if change.action is Action.CREATE and "issue" not in steps and not self.kind.local:
            # Its first issue waits; what refers to it sees what it saw.
            change = replace(change, action=Action.NO_OP, after=None, changed=frozenset())
        if self.replaced:
            change = replace(change, after=attributes if "issue" in steps else change.before)
        if "issue" in steps and self._ends(self.change):
            self.work.diagnostics.warning(
                "Rotation without overlap",
                f"The vendor ends {self.change.id} as soon as a new one is issued: until a consumer of {self.name} has read "
                "the new one from its sink, it holds one that does not work.",
                address=self.name,
            )
        for finding in decision.findings:
            self.work.diagnostics.warning(finding.summary, finding.detail, address=self.name)
        return self._finished(replace(change, rotation=rotation)), attributes

    def _decided(self) -> Decision:
        situation = self.situation()
        if self.name in self.work.options.roll_back:
            return self._rolled_back(situation)
        blocked = self._undelivered(situation)
        decision = blocked or decide(situation)
        steps = list(decision.steps)
        waiting = list(decision.waiting_for)
        findings = list(decision.findings)
        caller = self.change.tenant.caller_credential if self.change.tenant is not None else ""
        old = {item.id for item, _ in self.found.previous}
        if caller and caller in old and {Step.RETIRE, Step.REMOVE} & {*steps}:
            steps = [step for step in steps if step not in (Step.RETIRE, Step.REMOVE)]
            waiting.append(f"perimeter itself to move: it still connects with {caller}")
        ends = Step.ISSUE in steps and self.credential.ends_previous and self.current is not None
        if ends and caller and self.current is not None and caller == self.current.id:
            steps = []
            findings.append(
                Finding(
                    summary="perimeter connects with this credential",
                    detail=f"Issuing a new {self.kind.name} ends {caller} at once, and this run connects with it. Rotate it "
                    "in a run that connects with another credential.",
                )
            )
        lacking = self._lacking()
        if lacking and not steps:
            findings.append(
                Finding(
                    summary="A sink lacks the credential",
                    detail=f"{', '.join(lacking)} was added to deliver_to or made again after the last delivery, and secrets are "
                    f"kept nowhere else. The next rotation delivers to it; to rotate now: -invoke={shell_word(self.name)}",
                )
            )
        http = [
            item.name for item in self.consumers if item.evidence == "http" and not self._has(item)
        ]
        if not steps and http and self.previous is not None and self.memory.delivered_at:
            steps = [] if self.memory.retired_at else [Step.VERIFY]
        if steps == [Step.ISSUE] and self.no_overlap and self.current is not None and not ends:
            steps.append(Step.RETIRE if self.credential.switchable else Step.REMOVE)
        return replace(
            decision,
            steps=tuple(steps),
            waiting_for=tuple(waiting),
            findings=tuple(findings),
        )

    def _lacking(self) -> list[str]:
        """Sinks that were declared, or made again, after the last delivery."""
        if self.current is None or not self.memory.holds or self.memory.undelivered:
            return []
        made = made_anew(self.work.changes)
        return [
            sink.address
            for sink, _ in self.settings.sinks
            if self.current.id not in self.memory.holds.get(sink.address, ())
            or sink.address in made
        ]

    def _has(self, consumer: PlannedConsumer) -> bool:
        moved, since = self.memory.moved.get(consumer.name), self.memory.delivered_at
        return bool(moved and since and instant(moved) >= instant(since))

    def _rolled_back(self, situation: Situation) -> Decision:
        previous = self.previous
        if previous is None or self.memory.retired_at:
            why = (
                "The previous credential is retired already."
                if previous is not None
                else "There is no previous credential any more."
            )
            self.work.diagnostics.error(
                "Nothing to roll back to", f"{why} {self.name} stays as it is.", address=self.name
            )
            return decide(situation)
        return Decision(stage=Stage.DELIVERED, steps=(Step.ROLL_BACK,), because="it was asked for")

    def _undelivered(self, situation: Situation) -> Decision | None:
        """What to do when a cut-off delivery left a sink of which nobody knows what it holds; None otherwise."""
        current = self.current
        if not self.memory.undelivered or current is None:
            return None
        if self.previous is None:
            others = {one for ids in self.memory.holds.values() for one in ids} - {current.id}
            if not others or situation.others + 1 >= self.credential.limit:
                return None
            # Somebody removed the previous one: the sinks may hold this one, until another is delivered.
            because = f"nobody knows which sinks hold {current.id}"
            return Decision(stage=Stage.CREATED, steps=(Step.ISSUE,), because=because)
        sinks = {sink.address: can for sink, can in self.settings.sinks}
        whole = {sink.address for sink, _ in self.settings.sinks if not sink.member}
        unclear = [
            name
            for name, ids in sorted(self.memory.holds.items())
            if current.id in ids
            and name in sinks
            and not (sinks[name].versioned and self.memory.before.get(name))
        ]
        if not unclear or any(
            sinks[name].readable and name in whole
            for name, ids in self.memory.holds.items()
            if name in sinks and current.id in ids
        ):
            return None
        names = ", ".join(unclear)
        because = f"nobody knows whether {names} holds the new credential or the previous one"
        if situation.others + 2 < self.credential.limit:
            return Decision(stage=Stage.CREATED, steps=(Step.ISSUE,), because=because)
        return Decision(
            stage=Stage.CREATED,
            because=because,
            findings=(
                Finding(
                    summary="A sink holds one of two credentials",
                    detail=f"A run was cut off while it delivered {current.id} to {names}, which does not show what it holds. "
                    f"Both {current.id} and {self.previous.id} are kept, as removing the wrong one would break its consumers. "
                    "Find out which one is in use, and remove the other one in the vendor's console; the next apply goes on.",
                ),
            ),
        )

    def _by_hand(
        self, steps: tuple[str, ...], decision: Decision
    ) -> tuple[tuple[str, ...], str, Change]:
        """Where no API issues: the step for a person, or taking over what the person made."""
        change = self.change
        if self.credential.issuable:
            return steps, "", change
        left = tuple(name for name in steps if name != "issue")
        due = "issue" in steps or change.manual is not None
        if due and len(self.young) == 1:
            made = self.young[0].id
            self.work.claim(self.wanted.instance, self.kind, made, self.wanted.address)
            return (*left, "take_over"), made, replace(change, manual=None)
        if "issue" in steps and self.kind.local and self.current is None:
            return left, "", change  # state only notes what the declaration says of it
        if "issue" in steps:
            manual = self.credential.by_hand(
                change.before or self.wanted.desired, change.tenant or Tenant(id="", name="")
            )
            change = replace(change, manual=manual)
        return left, "", change

    def _planned(
        self, decision: Decision, steps: tuple[str, ...], taken: str, lost: tuple[str, ...]
    ) -> PlannedRotation:
        reason = REASONS[steps[0]] if steps else ""
        if reason == "rotation_due" and self.current is None:
            reason = "rotation_first_issue"
        elif reason == "rotation_due" and self.asked:
            reason = "rotation_requested"
        attributes = self.change.before or self.wanted.desired
        moved = self._moved()
        return PlannedRotation(
            stage=decision.stage.value,
            steps=steps,
            because=decision.because,
            reason=reason,
            next_at=rfc3339(decision.next_at) if decision.next_at is not None else "",
            waiting_for=decision.waiting_for,
            findings=tuple(
                RotationFinding(summary=item.summary, detail=item.detail)
                for item in decision.findings
            ),
            current=self._told(self.current),
            previous=self._told(self.previous),
            sinks=tuple(sink for sink, _ in self.settings.sinks),
            consumers=tuple(
                replace(item, moved_at=rfc3339(moved[item.name]) if item.name in moved else "")
                for item in self.consumers
            ),
            rule=self.settings.told,
            times=self.settings.rule.times,
            window=self.settings.rule.window.total_seconds(),
            unused_for=self.settings.rule.unused_for.total_seconds(),
            taken=taken,
            lost=lost,
            gone=self.found.gone,
            requested=self.asked or self.name in self.work.options.roll_back,
            no_overlap=self.no_overlap,
            federate=self.credential.federate(attributes),
        )

    def _told(self, seen: Seen | None) -> SeenCredential | None:
        if seen is None:
            return None
        made = seen.created_at
        return SeenCredential(
            id=seen.id,
            created_at=rfc3339(made) if made is not None else "",
            last_used_at=rfc3339(seen.last_used_at) if seen.last_used_at is not None else "",
            age=max(0, int((self.now - made).total_seconds())) if made is not None else None,
            usable=seen.usable,
        )

    def _finished(self, change: Change) -> Change:
        """Judge it: direction, reason, and a fingerprint over what is done to which credential."""
        rotation = change.rotation
        assert rotation is not None
        if not rotation.steps:
            return change if not self.replaced else replace(change, fingerprint="")
        directions = [change.direction]
        if "issue" in rotation.steps:
            after = change.after if change.action is Action.CREATE else change.before
            made = Transition(before=None, after=after, tenant=change.tenant)
            directions.append(self.kind.direction(made))
        if {"retire", "remove"} & {*rotation.steps}:
            for _, attributes in self.found.previous:
                ended = Transition(before=attributes, after=None, tenant=change.tenant)
                directions.append(self.kind.direction(ended))
        idle = change.action is Action.NO_OP and change.manual is None
        first = rotation.reason == "rotation_first_issue"
        effect = " ".join(
            [
                *rotation.steps,
                *(f"-{item.id}" for item, _ in self.found.previous),
                *(f">{sink.address}.{sink.member}" for sink in rotation.sinks),
                *(f"?{name}" for name in rotation.lost),
                *((f"+{rotation.taken}",) if rotation.taken else ()),
            ]
        )
        change = replace(
            change,
            direction=join_directions(*directions),
            reason=change.reason or ("" if first else rotation.reason),
            clock=idle and not rotation.requested and not first,
            secrets={**change.secrets, "$rotation": effect},
        )
        return replace(change, fingerprint=fingerprint(change))


def abilities(credential: CredentialType) -> Abilities:
    """What the vendor can do, as the provider declares it."""
    return Abilities(
        issuable=credential.issuable,
        switchable=credential.switchable,
        ends_previous=credential.ends_previous or credential.limit < 2,
        probeable=credential.probeable,
        limit=credential.limit,
        use_lags=timedelta(seconds=credential.use_lags),
    )


def _block_named(address: Address, texts: Iterable[str]) -> bool:
    """Whether a text names the whole block of a repeated credential."""
    return address.key is not None and str(replace(address, key=None)) in texts


def check_asked(work: Work) -> None:
    """Report what ``-invoke`` or a rollback names and is no credential under rotation."""
    options = work.options
    known = {
        name
        for change in work.changes
        if change.address is not None and change.rotation is not None
        for name in (str(change.address), str(replace(change.address, key=None)))
    }
    for text in (*(options.invoke if options.rotates else ()), *options.roll_back):
        if text in known:
            continue
        others = "".join(f"\n  {name}" for name in sorted(known)[:10])
        work.diagnostics.error(
            "Invalid target",
            f"{text} is no credential that is rotated: it is not declared, or has no rotation block."
            + (f" These are rotated:{others}" if others else ""),
        )
