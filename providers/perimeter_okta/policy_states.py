"""The states that a global session policy goes through while it is written, call by call; see ``session_policy.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perimeter.sdk import Access, Attributes, Transition, Unknown
from perimeter_okta.access import with_policy, without_policy

Rule = Mapping[str, Any]


def states(access: Access, transition: Transition) -> tuple[Access, ...]:
    """Who gets in after each call that carries out a transition."""
    before, after = transition.before, transition.after
    if "users" not in access.facts:
        return (access,)
    if after is None:
        return (without_policy(access, before or {}),)
    if before is None:
        # It is made inactive and comes into force last, as a whole.
        return (with_policy(access, {**after, "id": None}),)
    found: list[Access] = []
    now = dict(_as_read(access, before))

    def step(**changes: Any) -> None:
        now.update(changes)
        found.append(with_policy(found[-1] if found else access, now))

    if transition.changed("status") and after.get("status") == "INACTIVE":
        step(status="INACTIVE")
    if any(transition.changed(name) for name in ("name", "groups", "priority")):
        moved = {n: after.get(n) for n in ("name", "groups", "priority") if transition.changed(n)}
        step(**moved)
    now["priority"] = None
    if transition.changed("rule"):
        for rules in _rules(now.get("rule"), after.get("rule")):
            step(rule=rules)
    if transition.changed("default_rule"):
        step(default_rule=after.get("default_rule"))
    if transition.changed("status") and after.get("status") != "INACTIVE":
        step(status=after.get("status"))
    return tuple(found) or (access,)


def _as_read(access: Access, before: Attributes) -> Attributes:
    """The policy as the facts have it, else as the plan saw it; it keeps its place."""
    policies = access.facts.get("policies") or ()
    found = next((one for one in policies if one.get("id") == before.get("id")), before)
    return {**found, "priority": None}


def _rules(live: Any, wanted: Any) -> list[Any]:
    """The lists of rules that stand after each call; a list that is not decided is one step."""
    if not isinstance(live, list | tuple) or not isinstance(wanted, list | tuple):
        return [wanted]
    if any(isinstance(rule, Unknown) or isinstance(rule.get("name"), Unknown) for rule in wanted):
        return [wanted]
    out: list[list[Rule]] = []
    now: list[Rule] = list(live)
    for place, rule in enumerate(wanted):
        there = next((n for n, one in enumerate(now) if one.get("name") == rule.get("name")), None)
        if there is None:
            now = [*now[:place], rule, *now[place:]]
            out.append(now)
            continue
        old = now[there]
        kept: Rule = {**rule, "status": old.get("status")}
        if there != place or kept != old:
            now = _placed([*now[:there], *now[there + 1 :]], kept, place)
            out.append(now)
        if rule.get("status") != old.get("status"):
            now = _placed([one for one in now if one is not kept and one is not old], rule, place)
            out.append(now)
    names = {rule.get("name") for rule in wanted}
    for one in [one for one in now if one.get("name") not in names]:
        now = [other for other in now if other is not one]
        out.append(now)
    return out or [list(wanted)]


def _placed(others: Sequence[Rule], rule: Rule, place: int) -> list[Rule]:
    return [*others[:place], rule, *others[place:]]
