"""The lockout proof: an order of the steps in which, after every call, the right people still get in; pure.

A provider says what each step makes of who gets in (``ResourceType.access_after``). Here an order is looked for in which no
step locks out the caller, a break-glass account or the last administrators. A step that is safe only because of another
waits for that one's success. What no order makes safe is refused. ``gate.py`` proves each step again just before it is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from perimeter.engine.guards import shell_word
from perimeter.engine.model import Action, Change
from perimeter.engine.needs import AdministratorsNeed
from perimeter.engine.stages import Stage, stages_of
from perimeter.engine.waits import Waits
from perimeter.engine.work import Pending, ProviderInstance, Work
from perimeter.lang.values import Unseen
from perimeter.sdk.access import Access, Standing, Verdict
from perimeter.sdk.contract import Transition
from perimeter.sdk.provider import Provider, ResourceType

LARGEST = 100
"""Steps among which single compensations are told apart; in longer plans only the order is kept and proved again."""

_GONE = Standing(verdict=Verdict.LOST)
_CALLS = ("create", "update", "delete", "manual")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Who must always get in at one provider instance.

    Attributes:
        users: logins.
        minimum: the least number of accounts that can sign in and administer.
    """

    users: tuple[str, ...] = ()
    minimum: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeOrder:
    """The order found; see ``Plan.sequence`` and ``Plan.compensations``."""

    order: tuple[str, ...] = ()
    compensations: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What a step must not do: ``who`` in words, and because of what."""

    who: str
    because: str = ""
    everybody: bool = False


def transition_of(stage: Stage, change: Change) -> Transition:
    """What a stage does to its object."""
    before = None if stage.operation == "create" else change.before
    after = None if stage.operation == "delete" else change.after
    return Transition(before=before, after=after, tenant=change.tenant)


def transitions_of(change: Change) -> tuple[Transition, ...]:
    """What a change does to its object, in steps."""
    if not change.action.is_replace:
        return (Transition(before=change.before, after=change.after, tenant=change.tenant),)
    made = Transition(before=None, after=change.after, tenant=change.tenant)
    if change.action is Action.FORGET_THEN_CREATE:
        return (made,)
    return (Transition(before=change.before, after=None, tenant=change.tenant), made)


def may_lock_out(kind: ResourceType | None, stage: Stage, change: Change) -> bool:
    """Whether a stage could take sign-in or administration from anybody."""
    if kind is None or kind.local or stage.operation not in _CALLS:
        return False
    return kind.may_lock_out(transition_of(stage, change))


def harm(
    provider: Provider, before: Access, after: Sequence[Access], kept: Kept, *, deciding: bool
) -> Harm | None:
    """Who is locked out in one of the states that a step goes through; None when nobody is.

    ``deciding``: nothing will be known later, so that what is open counts as not provable.
    """
    old = _standings(provider, before, deciding)
    each = (
        _harm(before, access, old, _standings(provider, access, deciding), kept) for access in after
    )
    return next((found for found in each if found is not None), None)


def _standings(provider: Provider, access: Access, deciding: bool) -> Mapping[str, Standing]:
    found = provider.standings(access)
    meant = Verdict.UNSURE if deciding else Verdict.ABLE
    return {
        name: Standing(verdict=meant, because=standing.because)
        if standing.verdict is Verdict.OPEN
        else standing
        for name, standing in found.items()
    }


def _harm(
    before: Access,
    after: Access,
    old: Mapping[str, Standing],
    new: Mapping[str, Standing],
    kept: Kept,
) -> Harm | None:
    worse = [p for p in before.people if _is_worse(old[p.id], new.get(p.id, _GONE))]
    if not worse:
        return None
    declared = {login.casefold() for login in kept.users}
    for person in worse:
        because = new.get(person.id, _GONE).because
        if person.caller:
            who = f"perimeter itself ({person.login}) could no longer sign in or administer"
            return Harm(who=who, because=because)
    for person in sorted(worse, key=lambda one: one.login):
        if person.login.casefold() in declared:
            who = f"the break-glass account {person.login} could no longer sign in"
            return Harm(who=who, because=new.get(person.id, _GONE).because)
    people = [person for person in worse if person.counted]
    left = sum(
        1
        for person in after.people
        if person.counted and person.id in new and _holds(old.get(person.id), new[person.id])
    )
    if not people or left >= kept.minimum:
        return None
    reasons = sorted({new.get(p.id, _GONE).because for p in people} - {""})
    because = "; ".join(reasons)
    if not left:
        who = "no account that perimeter knows could sign in and administer"
        return Harm(who=who, because=because, everybody=True)
    who = (
        f"{left} of the {kept.minimum} accounts that are to stay able could sign in and administer"
    )
    return Harm(who=who, because=because)


def _holds(old: Standing | None, new: Standing) -> bool:
    """Whether an account counts as one that is left: able, or no less sure than it was."""
    if new.verdict is Verdict.UNSURE:
        return old is not None and old.verdict is Verdict.UNSURE
    return new.verdict is Verdict.ABLE


def _is_worse(old: Standing, new: Standing) -> bool:
    return new.verdict.value < old.verdict.value


def check_lockout(work: Work, kept: Mapping[str, Kept]) -> SafeOrder:
    """Find the order in which nobody is locked out, and refuse what no order makes safe."""
    if work.options.refresh_only:
        return SafeOrder(compensations={})
    types = {
        name: kind
        for instance in work.instances.values()
        for name, kind in instance.provider.resources.items()
    }
    risky = _risky(work)
    accesses: dict[str, Access] = {}
    for key, changes in risky.items():
        rule = kept.get(key, Kept())
        steps = tuple(step for change in changes for step in transitions_of(change))
        answer = work.see(AdministratorsNeed(key, rule.users, steps))
        if isinstance(answer, Unseen):
            _blind(work, changes, answer)
        elif not isinstance(answer, Pending):
            accesses[key] = answer
            _missing(work, key, work.instances[key].provider, answer, rule)
    if not accesses:
        return SafeOrder(compensations={})
    search = _Search(work=work, kept=kept, accesses=accesses, types=types)
    search.run(stages_of(work.changes, types))
    return SafeOrder(order=tuple(s.id for s in search.order), compensations=search.compensations())


def _risky(work: Work) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in work.changes:
        instance = work.instances.get(change.provider)
        kind = instance.provider.resources.get(change.type) if instance is not None else None
        # What a person is asked to do locks out as well as what perimeter does.
        if change.action in (Action.NO_OP, Action.FORGET, Action.READ) and change.manual is None:
            continue
        if kind is None or kind.local:
            continue
        if any(kind.may_lock_out(step) for step in transitions_of(change)):
            found.setdefault(change.provider, []).append(change)
    return found


class _Search:
    """Goes through the stages as an apply would, and chooses among those that decide who gets in."""

    def __init__(
        self,
        *,
        work: Work,
        kept: Mapping[str, Kept],
        accesses: Mapping[str, Access],
        types: Mapping[str, ResourceType],
    ) -> None:
        self.work = work
        self.kept = kept
        self.start = dict(accesses)
        self.now = dict(accesses)
        self.types = types
        self.order: list[Stage] = []

    def run(self, found: list[Stage]) -> None:
        """Order what touches who gets in; report what cannot be made safe."""
        waits = Waits(tuple(found))
        held: list[Stage] = []
        while True:
            stage, _ = waits.next()
            if stage is not None:
                if self._touches(stage):
                    held.append(stage)
                else:
                    waits.end(stage, well=True)
                continue
            if not held:
                return
            chosen = self._choose(held)
            if chosen is None:
                for stage in held:
                    self._refuse(stage)
                    waits.end(stage, well=True)
                held = []
                continue
            held.remove(chosen)
            self.order.append(chosen)
            self.now[chosen.change.provider] = self._after(chosen, self.now)[-1]
            waits.end(chosen, well=True)

    def compensations(self) -> dict[str, tuple[str, ...]]:
        """By stage, those without whose success it would lock somebody out."""
        found: dict[str, list[str]] = {}
        by_provider: dict[str, list[Stage]] = {}
        for stage in self.order:
            by_provider.setdefault(stage.change.provider, []).append(stage)
        for key, stages in by_provider.items():
            if len(stages) > LARGEST:
                continue
            for number, failed in enumerate(stages[:-1]):
                now = {key: self._at(key, stages[:number])}
                for stage in stages[number + 1 :]:
                    if self._harm(stage, now) is not None:
                        found.setdefault(stage.id, []).append(failed.id)
                    else:
                        now[key] = self._after(stage, now)[-1]
        return {name: tuple(needed) for name, needed in found.items()}

    def _at(self, key: str, done: Iterable[Stage]) -> Access:
        now = {key: self.start[key]}
        for stage in done:
            now[key] = self._after(stage, now)[-1]
        return now[key]

    def _touches(self, stage: Stage) -> bool:
        change = stage.change
        if change.provider not in self.now:
            return False
        if not may_lock_out(self.types.get(change.type), stage, change):
            return False
        before = self.now[change.provider]
        return any(state is not before for state in self._after(stage, self.now))

    def _after(self, stage: Stage, now: Mapping[str, Access]) -> tuple[Access, ...]:
        change = stage.change
        kind = self.types[change.type]
        return kind.access_after(now[change.provider], transition_of(stage, change))

    def _harm(self, stage: Stage, now: Mapping[str, Access]) -> Harm | None:
        change = stage.change
        if change.name in self.work.options.allow_lockout:
            return None
        key = change.provider
        provider = self.work.instances[key].provider
        rule = self.kept.get(key, Kept())
        return harm(provider, now[key], self._after(stage, now), rule, deciding=False)

    def _choose(self, held: list[Stage]) -> Stage | None:
        """The first that takes nothing from anybody, else the first that takes from nobody who is kept."""
        safe = [stage for stage in held if self._harm(stage, self.now) is None]
        for stage in safe:
            if not self._costs(stage):
                return stage
        return safe[0] if safe else None

    def _costs(self, stage: Stage) -> bool:
        key = stage.change.provider
        provider = self.work.instances[key].provider
        old = _standings(provider, self.now[key], deciding=True)
        for access in self._after(stage, self.now):
            new = _standings(provider, access, deciding=True)
            if any(_is_worse(old[name], new.get(name, _GONE)) for name in old):
                return True
        return False

    def _refuse(self, stage: Stage) -> None:
        found = self._harm(stage, self.now)
        if found is None:
            return
        work, change = self.work, stage.change
        instance = work.instances[change.provider]
        work.diagnostics.error(
            "This would lock everybody out"
            if found.everybody
            else "This would lock an account out",
            f"{sentence(found)}\n\n{_advice(instance, self.now[instance.key])}"
            f"To go ahead regardless: {override(change)}",
            address=change.name,
        )


def sentence(found: Harm) -> str:
    """What a step would do."""
    because = f": {found.because}" if found.because else ""
    return f"After this step {found.who}{because}."


def override(change: Change) -> str:
    """What to type to go ahead regardless."""
    return f"-allow-lockout={shell_word(change.name)}"


def _advice(instance: ProviderInstance, access: Access) -> str:
    standings = instance.provider.standings(access)
    names = ", ".join(
        sorted(p.login for p in access.people if standings[p.id].verdict is Verdict.ABLE)
    )
    return (
        f"Enrol or keep one of them ({names}), or declare a break-glass account that is not affected:\n\n"
        f'  break_glass "{instance.key}" {{\n    users = ["…"]\n  }}\n\n'
    )


def _blind(work: Work, changes: list[Change], unseen: Unseen) -> None:
    for change in changes:
        if change.name in work.options.allow_lockout:
            continue
        work.diagnostics.error(
            "Cannot prove that nobody is locked out",
            f"{change.name} can change who signs in or administers, and who administers {change.provider} is {unseen}. Grant "
            "the scope, so that perimeter can check that somebody still gets in.\n\n"
            f"To go ahead regardless: {override(change)}",
            address=change.name,
        )


def _missing(work: Work, key: str, provider: Provider, access: Access, kept: Kept) -> None:
    """Warn of break-glass accounts that cannot get in as it is: they are no help in an emergency."""
    standings = provider.standings(access)
    able = {
        person.login.casefold()
        for person in access.people
        if standings[person.id].verdict in (Verdict.ABLE, Verdict.UNSURE)
    }
    lost = sorted(login for login in kept.users if login.casefold() not in able)
    if lost:
        work.diagnostics.warning(
            "A break-glass account cannot get in",
            f"{', '.join(lost)} cannot sign in to {key} or does not administer it, so nothing keeps them able. Correct the "
            f'login in break_glass "{key}", or give the account back its role and a second factor.',
        )
