"""The lockout proof: after every step, and after any part of the plan, the right people can still get in; pure.

The proof is on the worst case: whatever subset of the changes runs, in whatever order the stages allow. What a change would
take is counted as taken, what another would give back is not counted: a removal must not lean on an addition that may fail.
"""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.engine.model import Action, Change
from perimeter.engine.needs import AdministratorsNeed
from perimeter.engine.work import Pending, ProviderInstance, Work
from perimeter.lang.values import Unseen
from perimeter.sdk.contract import LockoutEffect, LockoutRequest, Transition
from perimeter.sdk.facets import Administrator


def check_lockout(work: Work, break_glass: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse changes after which the caller, a break-glass account or every administrator would be locked out."""
    by_provider: dict[str, list[Change]] = {}
    for change in work.changes:
        instance = work.instances.get(change.provider)
        kind = instance.provider.resources.get(change.type) if instance is not None else None
        if kind is None or not kind.affects_sign_in:
            continue
        # What a person is asked to do locks out as well as what perimeter does.
        if change.action in (Action.NO_OP, Action.FORGET) and change.manual is None:
            continue
        by_provider.setdefault(change.provider, []).append(change)
    for key, changes in by_provider.items():
        instance = work.instances[key]
        answer = work.see(AdministratorsNeed(key))
        if isinstance(answer, Pending):
            continue
        if isinstance(answer, Unseen):
            _blind(work, changes, answer)
            continue
        _prove(work, instance, changes, answer, break_glass.get(key, ()))


def _blind(work: Work, changes: list[Change], unseen: Unseen) -> None:
    for change in changes:
        if change.name in work.options.allow_lockout:
            continue
        work.diagnostics.error(
            "Cannot prove that nobody is locked out",
            f"{change.name} changes how people sign in, and who administers {change.provider} is {unseen}. Grant the scope, so "
            "that perimeter can check that somebody still gets in.\n\n"
            f"To go ahead regardless: -allow-lockout={change.name}",
            address=change.name,
        )


def _prove(
    work: Work,
    instance: ProviderInstance,
    changes: list[Change],
    administrators: tuple[Administrator, ...],
    break_glass: tuple[str, ...],
) -> None:
    able = {person.id: person for person in administrators if person.able}
    taken: set[str] = set()
    for change in changes:
        effect = _effect(instance, change, administrators)
        lost = (effect.lost | effect.uncertain) & able.keys()
        if not lost:
            continue
        taken |= lost
        left = able.keys() - taken
        who = _locked_out(able, lost, left, break_glass)
        if not who or change.name in work.options.allow_lockout:
            taken -= lost if change.name in work.options.allow_lockout else set()
            continue
        _refuse(work, instance, change, effect, able, who)


def _effect(
    instance: ProviderInstance, change: Change, administrators: tuple[Administrator, ...]
) -> LockoutEffect:
    kind = instance.provider.resources[change.type]
    transition = Transition(before=change.before, after=change.after, tenant=change.tenant)
    return kind.lockout(LockoutRequest(transition=transition, administrators=administrators))


def _locked_out(
    able: Mapping[str, Administrator],
    lost: set[str] | frozenset[str],
    left: set[str],
    break_glass: tuple[str, ...],
) -> str:
    caller = [able[person] for person in lost if able[person].caller]
    if caller:
        return f"perimeter itself ({caller[0].login}) could no longer sign in or administer"
    declared = {login.casefold() for login in break_glass}
    lost_glass = sorted(
        able[person].login for person in lost if able[person].login.casefold() in declared
    )
    if lost_glass:
        return f"the break-glass account {lost_glass[0]} could no longer sign in"
    if not left:
        return "no account that perimeter knows could sign in and administer"
    return ""


def _refuse(
    work: Work,
    instance: ProviderInstance,
    change: Change,
    effect: LockoutEffect,
    able: Mapping[str, Administrator],
    who: str,
) -> None:
    names = ", ".join(sorted(person.login for person in able.values()))
    because = f": {effect.because}" if effect.because else ""
    advice = (
        f"Enrol or keep one of them ({names}), or declare a break-glass account that is not affected:\n\n"
        f'  break_glass "{instance.key}" {{\n    users = ["…"]\n  }}\n\n'
    )
    work.diagnostics.error(
        "This would lock everybody out"
        if who.startswith("no account")
        else "This would lock an account out",
        f"After this step {who}{because}.\n\n{advice}To go ahead regardless: -allow-lockout={change.name}",
        address=change.name,
    )
