"""Generated organisations and plans on Okta: whatever is refused or fails, the tenant keeps letting in whom it must."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perimeter.sandbox.faults import Fault
from tests.lockout.okta_org import (
    ADMINS,
    DEFAULT,
    EVERYONE,
    EXEMPT,
    GLASS,
    GLASS_BLOCK,
    ME,
    OPS,
    PLAIN,
    ROOTS,
    SECOND,
    STAFF,
    STAFFS,
    Case,
    Content,
    default_block,
    edge,
    find,
    group_block,
    org_of,
    policy_block,
    quoted,
    rule_block,
    user_block,
)

EXAMPLES = int(os.environ.get("PERIMETER_LOCKOUT_EXAMPLES", "12"))
USERS, GROUPS = (ME, GLASS, SECOND, PLAIN), (ADMINS, ROOTS, STAFF, OPS)
NAMES = {ADMINS: "Admins", ROOTS: "Roots", STAFF: "Staff", OPS: "Ops"}
POLICIES = {EXEMPT: "Exempt", STAFFS: "Strict"}

rules = st.fixed_dictionaries(
    {"deny": st.booleans(), "factor": st.booleans(), "excluded": st.sets(st.sampled_from(USERS))}
)
policies = st.fixed_dictionaries(
    {
        "groups": st.sets(st.sampled_from((*GROUPS, EVERYONE)), min_size=1, max_size=2),
        "rules": st.lists(rules, min_size=1, max_size=2),
        "status": st.sampled_from(("ACTIVE", "ACTIVE", "INACTIVE")),
    }
)
organisations = st.fixed_dictionaries(
    {
        "edges": st.sets(st.tuples(st.sampled_from(GROUPS), st.sampled_from(USERS)), max_size=8),
        "direct": st.sets(st.sampled_from((ME, GLASS, SECOND)), min_size=1),
        "enrolled": st.sets(st.sampled_from(USERS), min_size=1),
        "policies": st.dictionaries(st.sampled_from(tuple(POLICIES)), policies),
        "asks": st.booleans(),
    }
)
plans = st.fixed_dictionaries(
    {
        "edges": st.sets(st.tuples(st.sampled_from(GROUPS), st.sampled_from(USERS)), max_size=8),
        "gone": st.sets(st.sampled_from(GROUPS), max_size=1),
        "policies": st.dictionaries(st.sampled_from(tuple(POLICIES)), policies),
        "order": st.permutations(tuple(POLICIES)),
        "default": st.fixed_dictionaries(
            {"deny": st.sampled_from((False, False, True)), "factor": st.booleans()}
        ),
        "suspended": st.sets(st.sampled_from(USERS), max_size=1),
        "minimum": st.integers(1, 2),
    }
)


def built(made: dict[str, Any]) -> tuple[Any, ...]:
    """An organisation as changes of the plain one."""

    def change(content: Content) -> None:
        for group in GROUPS:
            members = [user for at, user in sorted(made["edges"]) if at == group]
            find(content, "groups", group)["users"] = members
        held = content["roles"][ME]
        # Perimeter's own user administers in any case: by itself, or through a group.
        roots = {user for at, user in made["edges"] if at in {ADMINS, ROOTS}}
        direct = made["direct"] | (set() if ME in roots else {ME})
        content["roles"] = dict.fromkeys(direct, held)
        content["factors"] = {
            user: [{"id": f"f{user}", "factorType": "push"}] for user in made["enrolled"]
        }
        for identifier, policy in sorted(made["policies"].items()):
            content["policies"].append(
                {
                    "id": identifier,
                    "name": POLICIES[identifier],
                    "status": policy["status"],
                    "conditions": {"people": {"groups": {"include": sorted(policy["groups"])}}},
                    "rules": [
                        {
                            "id": f"0pr{identifier}{number}",
                            "name": f"r{number}",
                            "actions": {
                                "signon": {
                                    "access": "DENY" if rule["deny"] else "ALLOW",
                                    "requireFactor": rule["factor"],
                                }
                            },
                            "conditions": {
                                "people": {"users": {"exclude": sorted(rule["excluded"])}}
                            },
                        }
                        for number, rule in enumerate(policy["rules"])
                    ],
                }
            )
        signon = {"requireFactor": made["asks"]}
        find(content, "policies", DEFAULT)["rules"][0]["actions"] = {"signon": signon}

    return (change,)


def adopted(made: dict[str, Any]) -> str:
    """What is there, taken over as it is."""
    text = "".join(edge(group, user, there=True) for group, user in sorted(made["edges"]))
    text += "".join(group_block(group, NAMES[group]) for group in GROUPS)
    for identifier, policy in sorted(made["policies"].items()):
        text += wanted_policy(identifier, policy, there=True)
    return text


def wanted_policy(identifier: str, policy: dict[str, Any], *, there: bool, **more: str) -> str:
    """A policy block."""
    inner = [
        rule_block(
            f"r{number}",
            deny=rule["deny"],
            factor=rule["factor"],
            excluded_users=quoted(*sorted(rule["excluded"])),
        )
        for number, rule in enumerate(policy["rules"])
    ]
    return policy_block(
        POLICIES[identifier],
        quoted(*sorted(policy["groups"])),
        *inner,
        identifier=identifier if there else "",
        status=f'"{policy["status"]}"',
        **more,
    )


def asked(made: dict[str, Any], plan: dict[str, Any]) -> str:
    """What is wanted instead."""
    gone = plan["gone"]
    text = "".join(
        edge(group, user, there=(group, user) in made["edges"])
        for group, user in sorted(plan["edges"])
        if group not in gone
    )
    text += "".join(group_block(group, NAMES[group]) for group in GROUPS if group not in gone)
    names = [name for name in plan["order"] if name in plan["policies"]]
    for place, identifier in enumerate(names, start=1):
        policy = plan["policies"][identifier]
        policy = {**policy, "groups": policy["groups"] - gone or {EVERYONE}}
        there = identifier in made["policies"]
        text += wanted_policy(identifier, policy, there=there, priority=str(place))
    text += default_block(**plan["default"])
    return text + "".join(user_block(user, "SUSPENDED") for user in sorted(plan["suspended"]))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(made=organisations, plan=plans, failing=st.none() | st.integers(0, 6), lost=st.booleans())
def test_whoever_must_get_in_gets_in(
    made: dict[str, Any], plan: dict[str, Any], failing: int | None, lost: bool
) -> None:
    """After every call, also where one of them fails or its answer is lost; and a refused plan makes no call."""
    glass = GLASS_BLOCK.replace("\n}", f"\n  minimum_administrators = {plan['minimum']}\n}}")
    case = Case(
        name="generated",
        changes=built(made),
        adopt=adopted(made),
        then=asked(made, plan),
        glass=glass,
    )
    with tempfile.TemporaryDirectory() as directory, org_of(case, Path(directory)) as org:
        org.adopt()
        faults = []
        if failing is not None:
            kind = "lost" if lost else "status"
            faults = [
                Fault(kind=kind, method=method, after=failing, status=403)
                for method in ("P*", "DELETE")
            ]
        ran = org.run(*faults)
        assert ran.breaches == [], (ran.writes, case.adopt, case.then)
        if ran.outcome.applied is None:
            assert ran.writes == []
            assert all("-allow-lockout=" in error for error in ran.outcome.errors)
