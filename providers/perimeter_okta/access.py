"""Who gets in and administers an org, judged from facts: roles, groups, status, factors, sign-on policies, credentials.

Facts (see ``administrators.py``, which reads them)::

    users         by id: status, direct (the user holds the role), groups (ids; None where not shown), factors (likewise);
                  of a caller that is no super administrator: lesser_groups, those that give it its roles
    admin_groups  ids of the groups that make their members administrators
    policies      global session policies with their rules, in the order in which they are tried; None where not shown
    tokens        ids of the API tokens of the user that perimeter acts as; the one in use is among them
    app           id, and lost or doubtful with the reason; of the service app that perimeter acts as, else None
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from perimeter.sdk import Access, Administrator, Attributes, Standing, Unknown, Verdict
from perimeter_okta.directions import undecided

ABLE = frozenset({"ACTIVE", "PASSWORD_EXPIRED"})
"""The statuses in which somebody can sign in: https://developer.okta.com/docs/concepts/user-lifecycle."""

APP = "app "
"""How the id of the service app that perimeter acts as begins among people."""

TOKEN = "token of "  # noqa: S105 - words
"""Likewise of the API token that perimeter uses: it works where its user could not sign in by a browser."""

Facts = Mapping[str, Any]


def standings(access: Access) -> dict[str, Standing]:
    """How everybody stands."""
    if "users" not in access.facts:
        return {}
    return {person.id: _standing(person, access.facts) for person in access.people}


def _standing(person: Administrator, facts: Facts) -> Standing:
    if person.id.startswith(APP):
        return _app(facts.get("app") or {})
    user = facts["users"].get(person.id.removeprefix(TOKEN))
    if user is None:
        return Standing(verdict=Verdict.LOST, because="the account is gone")
    found = [_status(user), _role(user, facts)]
    if person.caller:
        found.append(_token(facts))
    if not person.id.startswith(TOKEN):
        found += _session(user, person.id, facts)
    return min(found, key=lambda one: one.verdict.value)


def _app(app: Mapping[str, Any]) -> Standing:
    if app.get("lost"):
        return Standing(verdict=Verdict.LOST, because=str(app["lost"]))
    if app.get("doubtful"):
        return Standing(verdict=Verdict.UNSURE, because=str(app["doubtful"]))
    return Standing()


def _status(user: Mapping[str, Any]) -> Standing:
    status = user["status"]
    if isinstance(status, Unknown):
        return Standing(verdict=Verdict.OPEN, because="the account's status is not known yet")
    if status in ABLE:
        return Standing()
    return Standing(verdict=Verdict.LOST, because=f"the account is {status}")


def _role(user: Mapping[str, Any], facts: Facts) -> Standing:
    if user["direct"]:
        return Standing()
    groups = user["groups"]
    if groups is None:
        return Standing(verdict=Verdict.UNSURE, because="the account's groups are not visible")
    if set(_known(groups)) & {*facts["admin_groups"], *user.get("lesser_groups", ())}:
        return Standing()
    return Standing(verdict=Verdict.LOST, because="the account holds no administrator role")


def _token(facts: Facts) -> Standing:
    if facts.get("token_lost"):
        return Standing(verdict=Verdict.LOST, because=str(facts["token_lost"]))
    if facts.get("token_doubtful"):
        return Standing(verdict=Verdict.UNSURE, because=str(facts["token_doubtful"]))
    return Standing()


def _session(user: Mapping[str, Any], identifier: str, facts: Facts) -> list[Standing]:
    """What the global session policies let a user do, from a network that is in no zone."""
    if user.get("unjudged"):
        return [Standing(verdict=Verdict.UNSURE, because="the sign-on policies are not visible")]
    policies = facts.get("policies")
    return [] if policies is None else [sign_in(policies, user, identifier)]


def sign_in(
    policies: Sequence[Mapping[str, Any]], user: Mapping[str, Any], identifier: str
) -> Standing:
    """What a chain of policies says to a user: the first rule that matches in a policy of the user's groups."""
    somewhere = False
    for number, policy in enumerate(policies):
        if policy.get("status") == "INACTIVE":
            continue
        concerned = _concerns(policy, user)
        if concerned is False:
            continue
        outcome, passed = _rules(policy, user, identifier)
        somewhere = somewhere or passed
        if concerned is None or isinstance(policy.get("status"), Unknown):
            rest = sign_in(policies[number + 1 :], user, identifier)
            return _either(outcome or rest, rest, policy, user)
        if outcome is None:
            continue
        if outcome.verdict is Verdict.LOST and somewhere:
            because = "they could sign in from some networks or in some circumstances only"
            return Standing(verdict=Verdict.UNSURE, because=because)
        return outcome
    return Standing()


def _either(
    applied: Standing, rest: Standing, policy: Mapping[str, Any], user: Mapping[str, Any]
) -> Standing:
    """Whether the policy applies is not known: it is fine if both ways are."""
    if applied.verdict is rest.verdict:
        return applied
    if user["groups"] is None and not undecided(policy.get("groups")):
        because = f"whether {policy.get('name')} concerns the account is not visible"
        return Standing(verdict=Verdict.UNSURE, because=because)
    because = f"whom {policy.get('name')} concerns is not known yet"
    return Standing(verdict=Verdict.OPEN, because=because)


def _concerns(policy: Mapping[str, Any], user: Mapping[str, Any]) -> bool | None:
    """Whether a policy applies to a user; None while that cannot be told."""
    if policy.get("system") is True:
        return True
    groups, own = policy.get("groups"), user["groups"]
    if isinstance(groups, Unknown):
        return None
    wanted = list(groups or ())
    if own is None:
        return None if wanted else False
    if set(_known(wanted)) & set(_known(own)):
        return True
    return None if any(isinstance(item, Unknown) for item in (*wanted, *own)) and wanted else False


def _rules(
    policy: Mapping[str, Any], user: Mapping[str, Any], identifier: str
) -> tuple[Standing | None, bool]:
    """The outcome of the first rule that matches, and whether one before it passes in some circumstances."""
    rules = policy.get("rule")
    if isinstance(rules, Unknown):
        return Standing(verdict=Verdict.OPEN, because="the rules are not known yet"), False
    somewhere = False
    default = policy.get("default_rule")
    for rule in [*(rules or ()), *([default] if default else ())]:
        if rule.get("status") == "INACTIVE" or rule.get("auth_type") not in (None, "ANY"):
            continue
        if identifier in (rule.get("excluded_users") or ()):
            continue
        outcome = _outcome(rule, user, str(policy.get("name")))
        if not _matches_outside(rule):
            somewhere = somewhere or outcome.verdict is Verdict.ABLE
            continue
        return outcome, somewhere
    return None, somewhere


def _matches_outside(rule: Mapping[str, Any]) -> bool:
    """Whether a rule surely matches a sign-in from a network that is in no zone."""
    if rule.get("other_conditions"):
        return False
    return rule.get("network_connection") != "ZONE" or not rule.get("network_include")


def _outcome(rule: Mapping[str, Any], user: Mapping[str, Any], policy: str) -> Standing:
    named = ("status", "access", "mfa_required", "network_connection", "excluded_users")
    if undecided({name: rule.get(name) for name in named}):
        return Standing(verdict=Verdict.OPEN, because=f"a rule of {policy} is not known yet")
    if rule.get("access") == "DENY":
        return Standing(verdict=Verdict.LOST, because=f"the policy {policy} denies sign-in")
    if not rule.get("mfa_required") or user["factors"]:
        return Standing()
    asks = f"the policy {policy} asks for a second factor"
    if user["factors"] is None:
        return Standing(verdict=Verdict.UNSURE, because=f"{asks}, and factors are not visible")
    return Standing(verdict=Verdict.LOST, because=f"{asks} that is not enrolled")


def _known(items: Iterable[Any]) -> list[str]:
    return [item for item in items if isinstance(item, str)]


# What changes make of it ----------------------------------------------------------------------------------------------


def with_user(access: Access, identifier: str, **changes: Any) -> Access:
    """The same with something else of one user."""
    users = dict(access.facts["users"])
    users[identifier] = {**users[identifier], **changes}
    return with_facts(access, users=users)


def with_facts(access: Access, **changes: Any) -> Access:
    """The same with other facts."""
    return replace(access, facts={**access.facts, **changes})


def joined(access: Access, user: Any, group: Any, login: str) -> Access:
    """After somebody has entered a group."""
    if not isinstance(user, str) or "users" not in access.facts:
        return access
    known = access.facts["users"].get(user)
    if known is None:
        if not isinstance(group, str) or group not in access.facts["admin_groups"]:
            return access
        # A new administrator, of whom nothing is known before the membership stands.
        waiting = {"status": Unknown(), "direct": False, "groups": [group], "factors": None}
        users = {**access.facts["users"], user: waiting}
        person = Administrator(id=user, login=login or user)
        return replace(with_facts(access, users=users), people=(*access.people, person))
    if known["groups"] is None:
        return with_user(access, user, unjudged=True)
    if isinstance(group, str) and group in known["groups"]:
        return access
    return _moved(access, user, [*known["groups"], group])


def left(access: Access, user: Any, group: Any) -> Access:
    """After somebody has left a group."""
    if "users" not in access.facts or not isinstance(user, str):
        return access
    known = access.facts["users"].get(user)
    if known is None or known["groups"] is None or group not in known["groups"]:
        return access
    return _moved(access, user, [item for item in known["groups"] if item != group])


def _moved(access: Access, user: str, groups: list[Any]) -> Access:
    blind = access.facts.get("policies") is None
    return with_user(access, user, groups=groups, unjudged=blind)


def without_group(access: Access, group: str) -> Access:
    """After a group was deleted: nobody is in it, and no policy names it."""
    found = access
    for user, known in access.facts.get("users", {}).items():
        if known["groups"] and group in known["groups"]:
            found = left(found, user, group)
    policies = found.facts.get("policies")
    if any(group in (policy.get("groups") or ()) for policy in policies or ()):
        changed = [
            {**policy, "groups": [item for item in policy.get("groups") or () if item != group]}
            if not undecided(policy.get("groups"))
            else policy
            for policy in policies or ()
        ]
        found = with_facts(found, policies=changed)
    return found


def with_status(access: Access, user: str, before: Any, after: Any) -> Access:
    """After a user's lifecycle state changed."""
    if user not in access.facts.get("users", {}):
        return access
    if after == "ACTIVE" and before in ("STAGED", "DEPROVISIONED"):
        after = "PROVISIONED"  # until the person follows the link in the mail
    return with_user(access, user, status=after)


def with_policy(access: Access, policy: Attributes) -> Access:
    """After a policy was made or changed; it is put at its priority, the system's own stays last."""
    policies = access.facts.get("policies")
    if policies is None:
        users = {u: {**known, "unjudged": True} for u, known in access.facts["users"].items()}
        return with_facts(access, users=users)
    key = policy.get("id") or policy.get("name")
    others = [one for one in policies if (one.get("id") or one.get("name")) != key]
    place = next((n for n, one in enumerate(policies) if one not in others), len(others))
    wanted = policy.get("priority")
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        place = max(0, int(wanted) - 1)
    others.insert(place, dict(policy))
    return with_facts(access, policies=sorted(others, key=lambda one: one.get("system") is True))


def without_policy(access: Access, policy: Attributes) -> Access:
    """After a policy was deleted."""
    key = policy.get("id") or policy.get("name")
    policies = access.facts.get("policies") or ()
    kept = [one for one in policies if (one.get("id") or one.get("name")) != key]
    return with_facts(access, policies=kept)


def with_app(access: Access, *, lost: str = "", doubtful: str = "") -> Access:
    """After something of perimeter's own service app changed."""
    app = dict(access.facts.get("app") or {})
    if lost:
        app["lost"] = lost
    if doubtful:
        app.setdefault("doubtful", doubtful)
    return with_facts(access, app=app)
