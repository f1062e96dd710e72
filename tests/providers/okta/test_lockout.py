"""Who loses sign-in or administration by a change, judged from facts alone."""

from __future__ import annotations

import pytest

from perimeter.sdk import UNKNOWN, Access, Administrator, Tenant, Transition, Verdict
from perimeter_okta.provider import Okta

TYPES = Okta().resources
EVERYBODY = ("strong", "weak", "unsure", "outside")


def rule(**values):
    return {"name": "r", "status": "ACTIVE", "access": "ALLOW", "mfa_required": False} | values


def policy(*rules, **values):
    return {
        "id": "p1",
        "name": "Staff",
        "status": "ACTIVE",
        "groups": ["staff"],
        "rule": list(rules),
        "default_rule": None,
        "system": False,
    } | values


DEFAULT = policy(id="p0", name="Default", system=True, groups=[], default_rule=rule())


def user(**values):
    return {"status": "ACTIVE", "direct": True, "groups": ["staff"], "factors": True} | values


def access(*policies, caller="", app=None, tokens=(), admin_groups=(), **users):
    known = {
        "strong": user(),
        "weak": user(factors=False),
        "unsure": user(factors=None),
        "outside": user(factors=False, groups=[]),
    } | users
    people = [
        Administrator(id=name, login=f"{name}@acme.example", caller=name == caller)
        for name in known
    ]
    if app is not None:
        people.append(Administrator(id="app c1", login="app", caller=True, counted=False))
    facts = {
        "users": known,
        "admin_groups": list(admin_groups),
        "policies": [*policies, DEFAULT],
        "tokens": list(tokens),
        "app": app,
    }
    return Access(people=tuple(people), facts=facts)


def worse(before, after):
    """Whose standing fell, by how they stand then."""
    old, new = Okta().standings(before), Okta().standings(after)
    found = {}
    for name, standing in old.items():
        then = new.get(name)
        verdict = Verdict.LOST if then is None else then.verdict
        if verdict.value < standing.verdict.value:
            found.setdefault(verdict, set()).add(name)
    return found


def judged(start, before, after, kind="okta_global_session_policy", tenant=None):
    """Who ends up worse after any of the states that a change goes through."""
    transition = Transition(before=before, after=after, tenant=tenant)
    found = {}
    for state in TYPES[kind].access_after(start, transition):
        for verdict, names in worse(start, state).items():
            found.setdefault(verdict, set()).update(names)
    return found


def changed(before, after, **more):
    return judged(access(before, **more), before, after)


def test_a_factor_that_is_not_enrolled_locks_out():
    found = changed(policy(rule()), policy(rule(mfa_required=True)))
    assert found == {Verdict.LOST: {"weak"}, Verdict.UNSURE: {"unsure"}}


def test_a_new_policy_is_judged_as_well():
    assert judged(access(), None, policy(rule(mfa_required=True)))[Verdict.LOST] == {"weak"}
    assert not judged(access(), None, policy(rule()))


def test_a_policy_of_lower_priority_changes_nothing():
    first = policy(rule(), priority=1)
    later = policy(rule(access="DENY"), id="p2", name="Later", priority=2)
    assert not judged(access(first), None, later)
    sooner = {**later, "priority": 1}
    assert judged(access(first), None, sooner)[Verdict.LOST] == {"strong", "weak", "unsure"}


def test_moving_a_policy_up_puts_it_first():
    first = policy(rule(), priority=1)
    deny = policy(rule(access="DENY"), id="p2", name="Deny", priority=2)
    found = judged(access(first, deny), deny, {**deny, "priority": 1})
    assert found[Verdict.LOST] == {"strong", "weak", "unsure"}


def test_denying_everybody_locks_everybody_out():
    found = changed(policy(rule()), policy(rule(access="DENY")))
    assert found == {Verdict.LOST: {"strong", "weak", "unsure"}}


def test_an_inactive_rule_or_policy_locks_nobody_out():
    deny = rule(name="d", access="DENY", status="INACTIVE")
    assert not changed(policy(rule()), policy(deny, rule()))
    assert not judged(access(), None, policy(rule(access="DENY"), status="INACTIVE"))


def test_the_first_rule_that_matches_decides():
    exempt = rule(name="m", mfa_required=True, excluded_users=["weak", "unsure"])
    assert not changed(policy(rule()), policy(exempt, rule()))
    deny = rule(name="d", access="DENY")
    assert "strong" in changed(policy(rule()), policy(deny, rule()))[Verdict.LOST]
    assert not changed(policy(rule()), policy(rule(), deny))


def test_each_call_of_an_update_counts():
    """Rules are written one by one: the rule that everybody passes must stand before the others ask for more."""
    before = policy(rule(name="a"))
    lets_in = rule(name="open", excluded_users=[])
    deny = rule(name="a", access="DENY")
    assert not changed(before, policy(lets_in, deny))
    assert changed(before, policy(deny, lets_in))[Verdict.LOST] == {"strong", "weak", "unsure"}


def test_groups_are_widened_before_rules_are_eased():
    """In between, those who come under the policy meet its old rules."""
    before = policy(rule(mfa_required=True), groups=["other"])
    after = policy(rule(), groups=["staff"])
    assert judged(access(before), before, after)[Verdict.LOST] == {"weak"}


def test_radius_rules_say_nothing_about_the_web():
    radius = rule(name="x", access="DENY", auth_type="RADIUS")
    assert not changed(policy(rule()), policy(radius, rule()))


def test_a_denied_network_leaves_the_others():
    zone = rule(name="z", access="DENY", network_connection="ZONE", network_include=["bad"])
    assert not changed(policy(rule()), policy(zone, rule()))


def test_denying_all_but_one_network_locks_out():
    zone = rule(name="z", access="DENY", network_connection="ZONE", network_exclude=["office"])
    assert "strong" in changed(policy(rule()), policy(zone, rule()))[Verdict.LOST]


def test_a_rule_with_conditions_of_its_own_may_not_match():
    risky = rule(name="x", access="DENY", other_conditions=["riskScore"])
    assert not changed(policy(rule()), policy(risky, rule()))


def test_getting_in_from_one_network_only_is_uncertain():
    office = rule(name="o", network_connection="ZONE", network_include=["office"])
    found = changed(policy(rule()), policy(office, rule(access="DENY")))
    assert found == {Verdict.UNSURE: {"strong", "weak", "unsure"}}


def test_a_policy_concerns_its_groups_only():
    asks = rule(mfa_required=True)
    assert not changed(policy(rule(), groups=[]), policy(asks, groups=["other"]))
    start = access(policy(rule()), somewhere=user(groups=None, factors=False))
    found = judged(start, policy(rule()), policy(asks))
    assert "somewhere" in found[Verdict.UNSURE]


def test_the_default_policy_concerns_everybody():
    after = {**DEFAULT, "default_rule": rule(mfa_required=True)}
    assert judged(access(), DEFAULT, after)[Verdict.LOST] == {"weak", "outside"}


def test_a_policy_that_goes_hands_over_to_the_next():
    """Whether that locks out is what the next says, not a guess."""
    lenient, strict = policy(rule()), {**DEFAULT, "default_rule": rule(mfa_required=True)}
    assert not judged(access(lenient), lenient, None)
    start = access(lenient)
    start = TYPES["okta_global_session_policy"].access_after(
        start, Transition(before=DEFAULT, after=strict)
    )[-1]
    found = judged(start, lenient, None)
    assert found == {Verdict.LOST: {"weak"}, Verdict.UNSURE: {"unsure"}}
    off = {**lenient, "status": "INACTIVE"}
    assert judged(start, lenient, off) == found


def test_groups_that_are_not_made_yet_are_judged_once_they_are():
    """Whom the policy will concern is decided while applying: neither lost nor safe."""
    new = policy(rule(access="DENY"), groups=[UNKNOWN])
    assert judged(access(), None, new) == {Verdict.OPEN: set(EVERYBODY)}
    assert not judged(access(), None, policy(rule(), groups=[UNKNOWN]))


def test_what_is_not_decided_is_open():
    found = changed(policy(rule()), policy(rule(mfa_required=UNKNOWN)))
    assert "strong" in found[Verdict.OPEN]


def test_nothing_changes_for_those_who_could_not_get_in_before():
    before = policy(rule(mfa_required=True))
    assert not changed(before, {**before, "description": "x"})


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ("ACTIVE", "SUSPENDED", {"weak"}),
        ("ACTIVE", "DEPROVISIONED", {"weak"}),
        ("PASSWORD_EXPIRED", "ACTIVE", set()),
    ],
)
def test_users(before, after, lost):
    start = access(weak=user(status=before))
    found = judged(
        start, {"id": "weak", "status": before}, {"id": "weak", "status": after}, "okta_user"
    )
    assert found.get(Verdict.LOST, set()) == lost
    other = {"id": "nobody", "status": "ACTIVE"}
    assert not judged(start, other, {**other, "status": "SUSPENDED"}, "okta_user")


def test_who_comes_back_must_follow_a_link_first():
    """A deprovisioned account that is activated gets in only after its person acted on the mail."""
    start = access(weak=user(status="DEPROVISIONED"))
    kind, back = TYPES["okta_user"], {"id": "weak", "status": "ACTIVE"}
    transition = Transition(before={"id": "weak", "status": "DEPROVISIONED"}, after=back)
    (after,) = kind.access_after(start, transition)
    assert Okta().standings(after)["weak"].verdict is Verdict.LOST
    suspended = access(weak=user(status="SUSPENDED"))
    transition = Transition(before={"id": "weak", "status": "SUSPENDED"}, after=back)
    (after,) = kind.access_after(suspended, transition)
    assert Okta().standings(after)["weak"].verdict is Verdict.ABLE


def test_roles_that_are_held_through_groups():
    edge = {"group": "admins", "user": "weak"}
    start = access(weak=user(direct=False, groups=["staff", "admins"]), admin_groups=["admins"])
    assert judged(start, edge, None, "okta_group_membership")[Verdict.LOST] == {"weak"}
    assert judged(start, {"id": "admins"}, None, "okta_group")[Verdict.LOST] == {"weak"}
    assert not judged(start, {**edge, "group": "staff"}, None, "okta_group_membership")
    assert not judged(start, {"id": "staff"}, None, "okta_group")


def test_one_of_two_groups_is_enough():
    start = access(
        weak=user(direct=False, groups=["admins", "roots"]), admin_groups=["admins", "roots"]
    )
    edge = {"group": "admins", "user": "weak"}
    assert not judged(start, edge, None, "okta_group_membership")
    (after,) = TYPES["okta_group_membership"].access_after(
        start, Transition(before=edge, after=None)
    )
    other = {"group": "roots", "user": "weak"}
    assert judged(after, other, None, "okta_group_membership")[Verdict.LOST] == {"weak"}


def test_a_membership_brings_people_under_policies():
    strict = policy(rule(mfa_required=True), groups=["careful"])
    start = access(strict)
    edge = {"group": "careful", "user": "weak"}
    assert judged(start, None, edge, "okta_group_membership")[Verdict.LOST] == {"weak"}
    assert not judged(start, None, {**edge, "user": "strong"}, "okta_group_membership")
    assert not judged(start, None, {**edge, "user": "stranger"}, "okta_group_membership")


def test_the_token_that_perimeter_uses():
    kind, token = "okta_api_token", {"id": "00T1", "network_connection": "ANYWHERE"}
    one = access(caller="strong", tokens=["00T1"])
    several = access(caller="strong", tokens=["00T1", "00T2"])
    assert judged(one, token, None, kind) == {Verdict.LOST: {"strong"}}
    assert judged(several, token, None, kind) == {Verdict.UNSURE: {"strong"}}
    assert not judged(several, {"id": "00T3"}, None, kind)
    zoned = {**token, "network_connection": "ZONE", "network_include": ["office"]}
    assert judged(one, token, zoned, kind) == {Verdict.UNSURE: {"strong"}}
    assert not judged(one, zoned, token, kind)


def test_the_app_that_perimeter_acts_as():
    tenant = Tenant(id="o", name="acme", caller="c1", caller_credential="c1")
    start = access(app={"id": "c1"})
    app = {"id": "c1", "client_id": "c1", "status": "ACTIVE"}
    lost = {Verdict.LOST: {"app c1"}}
    assert judged(start, app, None, "okta_app", tenant) == lost
    assert judged(start, app, {**app, "status": "INACTIVE"}, "okta_app", tenant) == lost
    assert not judged(start, app, {**app, "label": "x"}, "okta_app", tenant)
    other = {"id": "c2", "client_id": "c2", "status": "ACTIVE"}
    assert not TYPES["okta_app"].may_lock_out(Transition(before=other, after=None, tenant=tenant))
    grant = {"app": "c1", "scopes": ["okta.apps.manage", "okta.logs.read"]}
    fewer = {**grant, "scopes": ["okta.apps.manage"]}
    assert not judged(start, grant, fewer, "okta_app_scope_grant", tenant)
    assert (
        judged(
            start, grant, {**grant, "scopes": ["okta.logs.read"]}, "okta_app_scope_grant", tenant
        )
        == lost
    )
