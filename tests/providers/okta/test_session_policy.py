"""Global session policies and their rules, against the sandbox."""

from __future__ import annotations

import pytest

from perimeter.sdk import Conflict, Direction, Invalid
from perimeter_okta.provider import Okta
from tests.providers.okta.seed import DEFAULT, EMPLOYEES, OFFICE, PLAIN, SALES, STRICT

NAME = "okta_global_session_policy"
TYPE = Okta().resources[NAME]
RULE = {name: a.default for name, a in TYPE.schema.blocks["rule"].attributes.items()}


def rule(name, **values):
    return {**RULE, "name": name, **values}


def names(policy):
    return [one["name"] for one in policy["rule"]]


def test_a_list_and_a_hydration_show_what_a_read_shows(org):
    assert list(org.list(NAME)) == [STRICT, OFFICE, DEFAULT]
    assert org.calls() == 3
    for identifier in (STRICT, DEFAULT):
        assert org.hydrate(NAME, identifier) == org.read(NAME, identifier)
    assert "rule" not in org.list(NAME)[STRICT]
    assert names(org.read(NAME, STRICT)) == ["mfa", "rest"]


def test_only_the_default_policy_has_a_default_rule(org):
    default = org.read(NAME, DEFAULT)
    assert default["system"] is True
    assert default["rule"] == []
    assert default["default_rule"]["mfa_required"] is False
    assert org.read(NAME, STRICT)["default_rule"] is None


def test_a_policy_lives(org):
    wanted = {
        "name": "Ops",
        "description": "On call",
        "groups": [SALES],
        "rule": [rule("mfa", mfa_required=True, mfa_prompt="ALWAYS"), rule("rest")],
    }
    identifier = org.create(NAME, wanted).id
    seen = org.read(NAME, identifier)
    assert {n: seen[n] for n in ("name", "description", "groups")} == {
        n: wanted[n] for n in ("name", "description", "groups")
    }
    assert seen["status"] == "ACTIVE"
    for made, asked in zip(seen["rule"], wanted["rule"], strict=True):
        assert made == asked
    org.delete(NAME, identifier)
    assert org.read(NAME, identifier) is None


def test_a_policy_is_put_in_force_when_its_rules_stand(org):
    org.create(NAME, {"name": "Ops", "groups": [SALES], "rule": [rule("a"), rule("b")]})
    written = [(c.method, c.path) for c in org.sandbox.calls.entries if c.method == "POST"]
    kinds = [path.rpartition("/")[2] for _, path in written]
    assert kinds == ["policies", "rules", "rules", "activate"]
    made = next(c for c in org.sandbox.calls.entries if c.path == "/api/v1/policies")
    assert made.query == {"activate": "false"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "Staff"),
        ("description", "Second factor for everybody"),
        ("status", "INACTIVE"),
        ("priority", 2),
        ("groups", [EMPLOYEES, SALES]),
        ("groups", []),
    ],
)
def test_each_attribute_round_trips(org, name, value):
    before = org.read(NAME, STRICT)
    after = org.update(NAME, STRICT, **{name: value})
    assert after[name] == value
    ignored = {name, "last_updated"}
    assert {n: v for n, v in after.items() if n not in ignored} == {
        n: v for n, v in before.items() if n not in ignored
    }
    assert org.update(NAME, STRICT, **{name: before[name]})[name] == before[name]


@pytest.mark.parametrize(
    "change",
    [
        {"access": "DENY"},
        {"mfa_required": False},
        {"mfa_prompt": "DEVICE"},
        {"mfa_prompt": "SESSION", "mfa_lifetime_minutes": 30},
        {"mfa_remember_device": True},
        {"session_idle_minutes": 15},
        {"session_lifetime_minutes": 480},
        {"session_persistent_cookie": True},
        {"network_connection": "ZONE", "network_include": ["nzo1"]},
        {"network_connection": "ZONE", "network_exclude": ["nzo2"]},
        {"excluded_users": [PLAIN]},
        {"auth_type": "RADIUS"},
        {"status": "INACTIVE"},
        {"name": "second factor"},
    ],
    ids=lambda change: "-".join(change),
)
def test_each_attribute_of_a_rule_round_trips(org, change):
    before = org.read(NAME, STRICT)
    first = {**before["rule"][0], **change}
    after = org.update(NAME, STRICT, rule=[first, before["rule"][1]])["rule"]
    if "name" in change:
        assert org.calls("DELETE") == 1
    assert after == [first, before["rule"][1]]
    assert org.update(NAME, STRICT, rule=before["rule"])["rule"] == before["rule"]


def test_the_order_of_rules_is_kept(org):
    mfa, rest = org.read(NAME, STRICT)["rule"]
    assert names(org.update(NAME, STRICT, rule=[rest, mfa])) == ["rest", "mfa"]
    wanted = [rule("first", access="DENY"), mfa, rule("between"), rest, rule("last")]
    after = org.update(NAME, STRICT, rule=wanted)
    assert names(after) == ["first", "mfa", "between", "rest", "last"]
    assert names(org.update(NAME, STRICT, rule=[wanted[4], rest])) == ["last", "rest"]


def test_rules_that_go_are_deleted_after_their_successors_stand(org):
    org.update(NAME, STRICT, rule=[rule("new", mfa_required=True)])
    writes = [c.method for c in org.sandbox.calls.entries if c.method in {"POST", "PUT", "DELETE"}]
    assert writes == ["POST", "DELETE", "DELETE"]


def test_what_perimeter_does_not_know_of_a_rule_stays(org_with):
    from tests.providers.okta.seed import seed

    content = seed()
    kept = content["policies"][0]["rules"][0]
    kept["conditions"] = {"identityProvider": {"provider": "OKTA"}}
    kept["actions"]["signon"]["primaryFactor"] = "PASSWORD_IDP_ANY_FACTOR"
    org = org_with(policies=content["policies"])
    before = org.read(NAME, STRICT)["rule"]
    assert before[0]["other_conditions"] == ["identityProvider"]
    org.update(NAME, STRICT, rule=[{**before[0], "session_idle_minutes": 5}, before[1]])
    there = next(p for p in org.content()["policies"] if p["id"] == STRICT)["rules"][0]
    assert there["conditions"]["identityProvider"] == {"provider": "OKTA"}
    assert there["actions"]["signon"]["primaryFactor"] == "PASSWORD_IDP_ANY_FACTOR"


def test_the_default_rule_is_managed_and_nothing_else_of_the_default_policy(org):
    default = org.read(NAME, DEFAULT)
    wanted = {**default["default_rule"], "mfa_required": True, "mfa_prompt": "ALWAYS"}
    assert org.update(NAME, DEFAULT, default_rule=wanted)["default_rule"] == wanted
    with pytest.raises(Invalid, match="keeps its name"):
        org.update(NAME, DEFAULT, name="Ours")
    with pytest.raises(Invalid, match="Only Okta's default policy"):
        org.update(NAME, STRICT, default_rule=wanted)
    step = TYPE.manual(org.transition(default, None))
    assert "cannot be" in step.reason or "neither deleted" in step.reason
    assert step.url == "https://acme-admin.okta.com/admin/access/policies"
    assert TYPE.manual(org.transition(org.read(NAME, STRICT), None)) is None


def test_a_policys_name_is_unique(org):
    with pytest.raises(Conflict, match="already in use"):
        org.create(NAME, {"name": "Sales", "groups": [], "rule": []})


def found(config):
    return [problem for _, problem in TYPE.validate(config)]


def test_contradictions_are_found_before_anything_is_asked():
    assert found({"rule": [{"name": "a", "mfa_required": True, "mfa_prompt": "ALWAYS"}]}) == []
    wrong = {"name": "a", "mfa_required": False, "mfa_prompt": "DEVICE"}
    assert "means nothing" in found({"rule": [wrong]})[0]
    assert "SESSION" in found({"rule": [{"name": "a", "mfa_lifetime_minutes": 5}]})[0]
    assert "Zones need" in found({"rule": [{"name": "a", "network_include": ["nzo"]}]})[0]
    assert (
        "needs network_include" in found({"rule": [{"name": "a", "network_connection": "ZONE"}]})[0]
    )
    assert "called" in found({"rule": [{"name": "a"}, {"name": "a"}]})[0]


BASE = {
    "status": "ACTIVE",
    "priority": 1,
    "groups": ["g"],
    "rule": [rule("a", mfa_required=True, mfa_prompt="ALWAYS"), rule("b")],
}
A, B = BASE["rule"]


@pytest.mark.parametrize(
    ("change", "direction"),
    [
        ({}, Direction.NEUTRAL),
        ({"description": "x"}, Direction.NEUTRAL),
        ({"status": "INACTIVE"}, Direction.WIDENS),
        ({"priority": 2}, Direction.UNKNOWN),
        ({"groups": []}, Direction.WIDENS),
        ({"groups": ["g", "h"]}, Direction.UNKNOWN),
        ({"rule": [{**A, "mfa_required": False}, B]}, Direction.WIDENS),
        ({"rule": [{**A, "mfa_prompt": "DEVICE"}, B]}, Direction.WIDENS),
        ({"rule": [{**A, "access": "DENY"}, B]}, Direction.NARROWS),
        ({"rule": [{**A, "session_idle_minutes": 10}, B]}, Direction.NARROWS),
        ({"rule": [{**A, "session_idle_minutes": 600}, B]}, Direction.WIDENS),
        ({"rule": [{**A, "session_lifetime_minutes": 60}, B]}, Direction.NARROWS),
        ({"rule": [{**A, "excluded_users": ["u"]}, B]}, Direction.WIDENS),
        ({"rule": [{**A, "network_connection": "ZONE"}, B]}, Direction.UNKNOWN),
        ({"rule": [{**A, "status": "INACTIVE"}, B]}, Direction.WIDENS),
        ({"rule": [A, {**B, "mfa_required": True, "mfa_prompt": "ALWAYS"}]}, Direction.NARROWS),
        ({"rule": [B, A]}, Direction.UNKNOWN),
        ({"rule": [B]}, Direction.WIDENS),
        ({"rule": [A]}, Direction.UNKNOWN),
        ({"rule": [rule("no", access="DENY"), A, B]}, Direction.NARROWS),
        ({"rule": [rule("yes"), A, B]}, Direction.UNKNOWN),
    ],
)
def test_direction_of_a_change(org, change, direction):
    transition = org.transition(BASE, {**BASE, **change})
    assert TYPE.direction(transition) is direction


def test_direction_of_coming_and_going(org):
    strict = {**BASE, "rule": [A]}
    assert TYPE.direction(org.transition(None, strict)) is Direction.NARROWS
    assert TYPE.direction(org.transition(None, BASE)) is Direction.UNKNOWN
    assert (
        TYPE.direction(org.transition(None, {**strict, "status": "INACTIVE"})) is Direction.NEUTRAL
    )
    assert TYPE.direction(org.transition(strict, None)) is Direction.WIDENS
    deny = {**BASE, "rule": [rule("no", access="DENY")]}
    assert TYPE.direction(org.transition(deny, None)) is Direction.WIDENS


def test_facets(org):
    (setting,) = TYPE.facets(org.read(NAME, STRICT))
    assert setting.requires_factor is False
    assert setting.risk == ("lets people in without a second factor",)
    (listed,) = TYPE.facets(org.list(NAME)[STRICT])
    assert listed.requires_factor is None
