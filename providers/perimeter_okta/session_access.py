"""What a change of a global session policy does to access in general."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    Attributes,
    Direction,
    Transition,
    join_directions,
)
from perimeter_okta.directions import of_amount, of_rank, of_set, undecided

Rule = Mapping[str, Any]


def direction(transition: Transition) -> Direction:
    """Judge a policy's change by what happens to those it applies to."""
    before, after = transition.before, transition.after
    if before is None or after is None:
        return _entering(after) if before is None else _leaving(before)
    if undecided(after.get("status")):
        return Direction.UNKNOWN
    found = []
    if transition.changed("status"):
        found.append(_leaving(before) if after.get("status") == "INACTIVE" else _entering(after))
    if before.get("status") == after.get("status") == "INACTIVE":
        return Direction.NEUTRAL
    if transition.changed("priority"):
        found.append(Direction.UNKNOWN)
    if transition.changed("groups"):
        found.append(_groups(before, after))
    found.append(_rules(_listed(before), after.get("rule")))
    if transition.changed("default_rule"):
        found.append(_rule(before.get("default_rule") or {}, after.get("default_rule") or {}))
    return join_directions(*found)


def _entering(policy: Attributes | None) -> Direction:
    """People begin to be judged by these rules instead of by the policies below."""
    policy = policy or {}
    if policy.get("status") == "INACTIVE":
        return Direction.NEUTRAL
    if undecided(policy.get("rule")):
        return Direction.UNKNOWN
    rules = _active(_listed(policy))
    if not rules:
        return Direction.NEUTRAL
    return Direction.NARROWS if all(map(_is_strict, rules)) else Direction.UNKNOWN


def _leaving(policy: Attributes) -> Direction:
    if policy.get("status") == "INACTIVE":
        return Direction.NEUTRAL
    rules = _active(_listed(policy))
    if not rules:
        return Direction.NEUTRAL
    if any(rule.get("access") == "DENY" or rule.get("mfa_required") for rule in rules):
        return Direction.WIDENS
    return Direction.UNKNOWN


def _is_strict(rule: Rule) -> bool:
    """Whether no policy below could ask for more: no sign-in, or a second factor each time in a session of default length."""
    if rule.get("access") == "DENY":
        return True
    always = rule.get("mfa_required") is True and rule.get("mfa_prompt") == "ALWAYS"
    idle = rule.get("session_idle_minutes")
    return always and isinstance(idle, int | float) and idle <= 120


def _groups(before: Attributes, after: Attributes) -> Direction:
    if undecided(after.get("groups")):
        return Direction.UNKNOWN
    old, new = set(before.get("groups") or ()), set(after.get("groups") or ())
    found = []
    if new - old:
        found.append(_entering(after))
    if old - new:
        found.append(_leaving(before))
    return join_directions(*found)


def _listed(policy: Attributes) -> list[Rule]:
    rules = policy.get("rule")
    return list(rules) if isinstance(rules, list | tuple) else []


def _active(rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.get("status") != "INACTIVE"]


def _rules(before: list[Rule], after: Any) -> Direction:
    if before == after:
        return Direction.NEUTRAL
    if not isinstance(after, list | tuple):
        return Direction.UNKNOWN
    old = {rule.get("name"): rule for rule in before}
    new = {rule.get("name"): rule for rule in after}
    found = []
    common = [name for name in old if name in new]
    if [name for name in new if name in old] != common:
        found.append(Direction.UNKNOWN)
    found.extend(_rule(old[name], new[name]) for name in common)
    found.extend(_appearing(new[name]) for name in new.keys() - old.keys())
    found.extend(_vanishing(old[name]) for name in old.keys() - new.keys())
    return join_directions(*found)


def _appearing(rule: Rule) -> Direction:
    if rule.get("status") == "INACTIVE":
        return Direction.NEUTRAL
    if undecided({name: rule.get(name) for name in ("status", "access", "mfa_required")}):
        return Direction.UNKNOWN
    return Direction.NARROWS if _is_strict(rule) else Direction.UNKNOWN


def _vanishing(rule: Rule) -> Direction:
    if rule.get("status") == "INACTIVE":
        return Direction.NEUTRAL
    strict = rule.get("access") == "DENY" or rule.get("mfa_required")
    return Direction.WIDENS if strict else Direction.UNKNOWN


def _rule(before: Rule, after: Rule) -> Direction:
    if before == after:
        return Direction.NEUTRAL
    if before.get("status") != after.get("status"):
        return _vanishing(before) if after.get("status") == "INACTIVE" else _appearing(after)
    if before.get("status") == "INACTIVE":
        return Direction.NEUTRAL
    access = of_rank(before.get("access"), after.get("access"), ("ALLOW", "DENY"))
    reach = _reach(before, after)
    if after.get("access") == "DENY":
        return join_directions(access, reach)
    found = [
        access,
        reach,
        of_rank(before.get("mfa_required"), after.get("mfa_required"), (False, True)),
        of_amount(before.get("session_idle_minutes"), after.get("session_idle_minutes")),
        of_amount(
            before.get("session_lifetime_minutes"), after.get("session_lifetime_minutes"), endless=0
        ),
        of_rank(
            before.get("session_persistent_cookie"),
            after.get("session_persistent_cookie"),
            (True, False),
        ),
    ]
    if before.get("mfa_required") and after.get("mfa_required"):
        found += [
            of_rank(
                before.get("mfa_prompt"), after.get("mfa_prompt"), ("DEVICE", "SESSION", "ALWAYS")
            ),
            of_rank(
                before.get("mfa_remember_device"), after.get("mfa_remember_device"), (True, False)
            ),
        ]
        if before.get("mfa_prompt") == after.get("mfa_prompt") == "SESSION":
            found.append(
                of_amount(before.get("mfa_lifetime_minutes"), after.get("mfa_lifetime_minutes"))
            )
    return join_directions(*found)


def _reach(before: Rule, after: Rule) -> Direction:
    """To whom and where the rule applies; of a rule that demands something, applying to fewer widens."""
    network = ("network_connection", "network_include", "network_exclude", "auth_type")
    found = []
    if any(before.get(name) != after.get(name) for name in network):
        found.append(Direction.UNKNOWN)
    if before.get("excluded_users") != after.get("excluded_users"):
        strict = before.get("access") == "DENY" or before.get("mfa_required")
        found.append(
            of_set(before.get("excluded_users"), after.get("excluded_users"))
            if strict
            else Direction.UNKNOWN
        )
    return join_directions(*found)
