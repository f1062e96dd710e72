"""Who loses sign-in or administration by a change."""

from __future__ import annotations

import pytest

from perimeter.sdk import UNKNOWN, Administrator, LockoutRequest, Transition
from perimeter_okta.provider import Okta
from perimeter_okta.session_policy import GlobalSessionPolicy

POLICY = GlobalSessionPolicy()
STRONG = Administrator(
    id="strong", login="s@acme.example", factors=True, groups=frozenset({"staff"})
)
WEAK = Administrator(id="weak", login="w@acme.example", factors=False, groups=frozenset({"staff"}))
UNSURE = Administrator(id="unsure", login="u@acme.example", groups=frozenset({"staff"}))
OUTSIDE = Administrator(id="outside", login="o@acme.example", factors=False, groups=frozenset())
PEOPLE = (STRONG, WEAK, UNSURE, OUTSIDE)


def rule(**values):
    return {"name": "r", "status": "ACTIVE", "access": "ALLOW", "mfa_required": False} | values


def policy(*rules, **values):
    return {
        "status": "ACTIVE",
        "groups": ["staff"],
        "rule": list(rules),
        "default_rule": None,
    } | values


def effect(before, after, people=PEOPLE, kind=POLICY):
    request = LockoutRequest(
        transition=Transition(before=before, after=after), administrators=people
    )
    return kind.lockout(request)


def test_a_factor_that_is_not_enrolled_locks_out():
    found = effect(policy(rule()), policy(rule(mfa_required=True)))
    assert found.lost == {"weak"}
    assert found.uncertain == {"unsure"}
    assert "not enrolled" in found.because


def test_a_new_policy_is_judged_as_well():
    assert effect(None, policy(rule(mfa_required=True))).lost == {"weak"}
    assert effect(None, policy(rule())).lost == frozenset()


def test_denying_everybody_locks_everybody_out():
    found = effect(policy(rule()), policy(rule(access="DENY")))
    assert found.lost == {"strong", "weak", "unsure"}
    assert found.because == "the policy denies sign-in"


def test_an_inactive_rule_or_policy_locks_nobody_out():
    deny = rule(access="DENY", status="INACTIVE")
    assert effect(policy(rule()), policy(deny, rule())).lost == frozenset()
    off = policy(rule(access="DENY"), status="INACTIVE")
    assert effect(None, off).lost == frozenset()


def test_the_first_rule_that_matches_decides():
    exempt = rule(mfa_required=True, excluded_users=["weak", "unsure"])
    assert effect(policy(rule()), policy(exempt, rule())).lost == frozenset()
    assert effect(policy(rule()), policy(rule(access="DENY"), rule())).lost >= {"strong"}
    assert effect(policy(rule()), policy(rule(), rule(access="DENY"))).lost == frozenset()


def test_radius_rules_say_nothing_about_the_web():
    radius = rule(access="DENY", auth_type="RADIUS")
    assert effect(policy(rule()), policy(radius, rule())).lost == frozenset()


def test_a_denied_network_leaves_the_others():
    zone = rule(access="DENY", network_connection="ZONE", network_include=["bad"])
    assert effect(policy(rule()), policy(zone, rule())).lost == frozenset()


def test_a_rule_with_conditions_of_its_own_may_not_match():
    risky = rule(access="DENY", other_conditions=["riskScore"])
    assert effect(policy(rule()), policy(risky, rule())).lost == frozenset()


def test_getting_in_from_one_network_only_is_uncertain():
    office = rule(network_connection="ZONE", network_include=["office"])
    found = effect(policy(rule()), policy(office, rule(access="DENY")))
    assert found.lost == frozenset()
    assert found.uncertain == {"strong", "weak", "unsure"}


def test_a_policy_concerns_its_groups_only():
    found = effect(policy(rule(), groups=[]), policy(rule(mfa_required=True), groups=["other"]))
    assert not found.lost
    somewhere = Administrator(id="x", login="x", factors=False, groups=None)
    assert effect(policy(rule()), policy(rule(mfa_required=True)), (somewhere,)).uncertain == {"x"}


def test_the_default_policy_concerns_everybody():
    before = policy(system=True, groups=["everyone"], default_rule=rule())
    after = {**before, "default_rule": rule(mfa_required=True)}
    assert effect(before, after).lost == {"weak", "outside"}


def test_undoing_a_lockout_lets_people_in_again():
    found = effect(policy(rule(mfa_required=True)), policy(rule()))
    assert found.regained == {"weak"}
    assert not found.lost


def test_a_policy_that_goes_hands_over_to_others():
    found = effect(policy(rule()), None)
    assert found.uncertain == {"weak", "unsure"}
    assert effect(policy(rule()), policy(rule(), status="INACTIVE")).uncertain == found.uncertain


def test_groups_that_are_not_made_yet_matter_to_those_only_who_would_not_pass():
    found = effect(None, policy(rule(mfa_required=True), groups=[UNKNOWN]))
    assert not found.lost
    assert found.uncertain == {"weak", "unsure", "outside"}
    assert not effect(None, policy(rule(), groups=UNKNOWN)).uncertain


def test_what_is_not_decided_is_uncertain():
    found = effect(policy(rule()), policy(rule(mfa_required=UNKNOWN), system=True))
    assert found.uncertain == {"strong", "weak", "unsure", "outside"}


def test_nothing_changes_for_those_who_could_not_get_in_before():
    before = policy(rule(mfa_required=True))
    assert effect(before, {**before, "description": "x"}) == effect(before, before)
    assert not effect(before, before).lost


@pytest.mark.parametrize(
    ("before", "after", "lost", "regained"),
    [
        ("ACTIVE", "SUSPENDED", {"weak"}, set()),
        ("ACTIVE", "DEPROVISIONED", {"weak"}, set()),
        ("SUSPENDED", "ACTIVE", set(), {"weak"}),
        ("PASSWORD_EXPIRED", "ACTIVE", set(), set()),
    ],
)
def test_users(before, after, lost, regained):
    kind = Okta().resources["okta_user"]
    user = {"id": "weak", "login": "w@acme.example"}
    found = effect({**user, "status": before}, {**user, "status": after}, kind=kind)
    assert (found.lost, found.regained) == (lost, regained)
    other = {"id": "nobody", "status": "ACTIVE"}
    assert not effect(other, {**other, "status": "SUSPENDED"}, kind=kind).lost


def test_the_token_that_perimeter_uses():
    kind = Okta().resources["okta_api_token"]
    caller = Administrator(id="me", login="me", caller=True, credentials=frozenset({"00T1"}))
    several = Administrator(
        id="me", login="me", caller=True, credentials=frozenset({"00T1", "00T2"})
    )
    assert effect({"id": "00T1"}, None, (caller,), kind).lost == {"me"}
    assert effect({"id": "00T1"}, None, (several,), kind).uncertain == {"me"}
    assert not effect({"id": "00T3"}, None, (several,), kind).lost
    assert not effect({"id": "00T1"}, {"id": "00T1"}, (caller,), kind).lost
