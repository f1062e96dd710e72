"""Named plans on an Okta org: dangerous ones, and look-alikes that are fine."""

from __future__ import annotations

from perimeter.engine.model import Options
from tests.lockout.okta_org import (
    ADMINS,
    DEFAULT,
    EVERYONE,
    EXEMPT,
    GLASS,
    GLASS_BLOCK,
    LOGINS,
    ME,
    OPS,
    PLAIN,
    ROOTS,
    SECOND,
    STAFF,
    STAFFS,
    Case,
    block,
    default_asks,
    default_block,
    edge,
    enrolled,
    group_block,
    has_policy,
    members,
    policy_block,
    quoted,
    rule,
    rule_block,
    through,
    user_block,
)

ALL = quoted(EVERYONE)
THREE = GLASS_BLOCK.replace("\n}", "\n  minimum_administrators = 3\n}")
EXEMPTING = has_policy(EXEMPT, "Exempt", [OPS], rule("open"), priority=1)


def token_block(name: str, **more: str) -> str:
    """An API token."""
    identifier = {"perimeter": "00Tme", "export": "00Tother"}[name]
    return block("okta_api_token", name, {"name": f'"{name}"', **more}, identifier)


def exempt(*rules: str, groups: str = quoted(OPS), **more: str) -> str:
    """The policy by which the break-glass account is spared."""
    return policy_block("Exempt", groups, *rules, identifier=EXEMPT, **more)


OPEN = rule_block("open")
ASKS = rule_block("asks", factor=True)
DENY = rule_block("deny", deny=True)

DANGEROUS = (
    Case(name="own account deactivated", then=user_block(ME, "DEPROVISIONED")),
    Case(name="own account suspended", then=user_block(ME, "SUSPENDED")),
    Case(name="break-glass account suspended", then=user_block(GLASS, "SUSPENDED")),
    Case(
        name="fewer administrators than the minimum",
        then=user_block(SECOND, "SUSPENDED"),
        glass=THREE,
    ),
    Case(
        name="last administrators suspended one by one",
        changes=(lambda made: made["roles"].update({ME: [{"id": "ra9", "type": "ORG_ADMIN"}]}),),
        then=user_block(SECOND, "SUSPENDED") + user_block(GLASS, "SUSPENDED"),
        glass="",
    ),
    Case(name="default rule denies everybody", then=default_block(deny=True)),
    Case(name="new policy denies everybody", then=policy_block("No", ALL, DENY)),
    Case(name="factor asked for before break-glass is enrolled", then=default_block(factor=True)),
    Case(name="factor asked for by a new policy", then=policy_block("MFA", ALL, ASKS)),
    Case(
        name="priority puts the denying policy first",
        changes=(
            EXEMPTING,
            has_policy(STAFFS, "Closed", [OPS], rule("deny", deny=True), priority=2),
            members(OPS, GLASS),
        ),
        then=policy_block("Closed", quoted(OPS), DENY, identifier=STAFFS, priority="1"),
    ),
    Case(name="token in use revoked", adopt=token_block("perimeter"), then=""),
    Case(
        name="one of two own tokens revoked",
        changes=(
            lambda made: made["api_tokens"].append(
                {"id": "00Ttwo", "name": "two", "userId": ME, "token": "00-two"}
            ),
        ),
        adopt=token_block("perimeter"),
        then="",
    ),
    Case(
        name="token in use taken from the office only",
        then=token_block(
            "perimeter", network_connection='"ZONE"', network_include=quoted("office")
        ),
    ),
    Case(
        name="group that holds the own role deleted",
        changes=(through(ME, ROOTS),),
        adopt=group_block(ROOTS, "Roots"),
        then="",
    ),
    Case(
        name="own membership in the group that holds the role removed",
        changes=(through(ME, ROOTS),),
        adopt=edge(ROOTS, ME, there=True),
        then="",
    ),
    Case(
        name="break-glass leaves the group that holds its role",
        changes=(through(GLASS, ADMINS),),
        adopt=edge(ADMINS, GLASS, there=True),
        then="",
    ),
    Case(
        name="both of the two own groups left",
        changes=(through(ME, ADMINS, ROOTS),),
        adopt=edge(ADMINS, ME, there=True) + edge(ROOTS, ME, there=True),
        then="",
    ),
    Case(
        name="exclusive collection of the administrators' group without break-glass",
        changes=(through(GLASS, ADMINS),),
        then=edge(ADMINS, SECOND, there=True)
        + 'collection "okta_group_membership" "admins" {\n  mode = "exclusive"\n'
        f'  within = {{ group = "{ADMINS}" }}\n}}\n',
    ),
    Case(
        name="everybody outside the office denied",
        then=policy_block(
            "Office",
            ALL,
            rule_block(
                "out", deny=True, network_connection='"ZONE"', network_exclude=quoted("office")
            ),
            OPEN,
        ),
    ),
    Case(
        name="only the office let in",
        then=policy_block(
            "Office",
            ALL,
            rule_block("in", network_connection='"ZONE"', network_include=quoted("office")),
            DENY,
        ),
    ),
    Case(
        name="break-glass brought under a policy that asks for a factor",
        changes=(has_policy(STAFFS, "Staff", [STAFF], rule("asks", factor=True)),),
        then=edge(STAFF, GLASS),
    ),
    Case(
        name="break-glass brought under a policy that denies",
        changes=(has_policy(STAFFS, "Closed", [OPS], rule("deny", deny=True)),),
        then=edge(OPS, GLASS),
    ),
    Case(
        name="exempting policy deleted",
        changes=(default_asks, EXEMPTING, members(OPS, GLASS)),
        adopt=exempt(OPEN),
        then="",
    ),
    Case(
        name="exempting policy switched off",
        changes=(default_asks, EXEMPTING, members(OPS, GLASS)),
        then=exempt(OPEN, status='"INACTIVE"'),
    ),
    Case(
        name="exempting policy moved below the strict one",
        changes=(
            EXEMPTING,
            has_policy(STAFFS, "Strict", [EVERYONE], rule("asks", factor=True), priority=2),
            members(OPS, GLASS),
        ),
        then=exempt(OPEN, priority="2"),
    ),
    Case(
        name="group of the exempting policy deleted",
        changes=(default_asks, EXEMPTING, members(OPS, GLASS)),
        adopt=group_block(OPS, "Ops"),
        then="",
    ),
    Case(
        name="break-glass leaves the exempted group",
        changes=(default_asks, EXEMPTING, members(OPS, GLASS)),
        adopt=edge(OPS, GLASS, there=True),
        then="",
    ),
    Case(
        name="exclusion from the rule taken back",
        changes=(
            has_policy(STAFFS, "MFA", [EVERYONE], rule("asks", factor=True, excluded=[GLASS])),
        ),
        then=policy_block(
            "MFA", ALL, rule_block("asks", factor=True, excluded_users="[]"), identifier=STAFFS
        ),
    ),
    Case(
        name="denying rule moved to the front",
        changes=(has_policy(STAFFS, "Two", [EVERYONE], rule("open"), rule("deny", deny=True)),),
        then=policy_block("Two", ALL, DENY, OPEN, identifier=STAFFS),
    ),
    Case(
        name="rule that lets in removed",
        changes=(has_policy(STAFFS, "Two", [EVERYONE], rule("open"), rule("deny", deny=True)),),
        then=policy_block("Two", ALL, DENY, identifier=STAFFS),
    ),
    Case(
        name="policy that denies switched on",
        changes=(has_policy(STAFFS, "No", [EVERYONE], rule("deny", deny=True), status="INACTIVE"),),
        then=policy_block("No", ALL, DENY, identifier=STAFFS, status='"ACTIVE"'),
    ),
    Case(
        name="groups widened before rules are eased",
        changes=(has_policy(STAFFS, "MFA", [STAFF], rule("asks", factor=True)),),
        then=policy_block("MFA", ALL, rule_block("asks"), identifier=STAFFS),
    ),
)
"""Each would lock out perimeter, the break-glass account or the last administrators; nothing may be called."""

FINE = (
    Case(name="somebody else suspended", then=user_block(PLAIN, "SUSPENDED")),
    Case(name="one administrator of three suspended", then=user_block(SECOND, "SUSPENDED")),
    Case(name="a group without administrators denied", then=policy_block("No", quoted(OPS), DENY)),
    Case(
        name="factor asked for once all are enrolled",
        changes=(enrolled(GLASS),),
        then=default_block(factor=True),
    ),
    Case(
        name="factor asked for by all but break-glass",
        then=policy_block(
            "MFA", ALL, rule_block("asks", factor=True, excluded_users=quoted(GLASS)), OPEN
        ),
        makes=4,
    ),
    Case(
        name="a bad network denied",
        then=policy_block(
            "Bad",
            ALL,
            rule_block(
                "bad", deny=True, network_connection='"ZONE"', network_include=quoted("bad")
            ),
            OPEN,
        ),
        makes=4,
    ),
    Case(
        name="denying rule after one that lets in",
        then=policy_block("Two", ALL, OPEN, DENY),
        makes=4,
    ),
    Case(
        name="denying policy that is off", then=policy_block("No", ALL, DENY, status='"INACTIVE"')
    ),
    Case(
        name="denying policy of lower priority",
        changes=(has_policy(STAFFS, "Open", [EVERYONE], rule("open"), priority=1),),
        then=policy_block("No", ALL, DENY, priority="2"),
    ),
    Case(name="somebody else's token revoked", adopt=token_block("export"), then=""),
    Case(
        name="own token taken from anywhere again",
        changes=(
            lambda made: made["api_tokens"][0].update(
                network={"connection": "ZONE", "include": ["here"]}
            ),
            lambda made: made["zones"].update(here=["127.0.0.0/8"]),
        ),
        then=token_block("perimeter", network_connection='"ANYWHERE"'),
    ),
    Case(name="empty group deleted", adopt=group_block(OPS, "Ops"), then=""),
    Case(name="group that carries nothing deleted", adopt=group_block(STAFF, "Staff"), then=""),
    Case(
        name="one administrator of several leaves the group",
        changes=(members(ADMINS, SECOND, PLAIN),),
        adopt=edge(ADMINS, PLAIN, there=True),
        then="",
    ),
    Case(
        name="one of two own groups left",
        changes=(through(ME, ADMINS, ROOTS),),
        adopt=edge(ADMINS, ME, there=True),
        then="",
    ),
    Case(
        name="own group swapped for another",
        changes=(through(ME, ADMINS),),
        adopt=edge(ADMINS, ME, there=True),
        then=edge(ROOTS, ME),
        makes=2,
    ),
    Case(
        name="break-glass moved to another group",
        changes=(through(GLASS, ROOTS),),
        adopt=edge(ROOTS, GLASS, there=True),
        then=edge(ADMINS, GLASS),
        makes=2,
    ),
    Case(
        name="group with the own role deleted, another entered",
        changes=(through(ME, ROOTS),),
        adopt=group_block(ROOTS, "Roots"),
        then=edge(ADMINS, ME),
        makes=2,
    ),
    Case(
        name="exempting policy replaced by another",
        changes=(default_asks, EXEMPTING, members(OPS, GLASS)),
        adopt=exempt(OPEN),
        then=policy_block("Spared", quoted(OPS), OPEN),
        makes=4,
    ),
    Case(
        name="break-glass exempted, then a factor asked for",
        then=policy_block("Spared", quoted(OPS), OPEN)
        + edge(OPS, GLASS)
        + default_block(factor=True),
        makes=5,
    ),
    Case(
        name="exempting policy by a group that is new, too",
        then=block("okta_group", "spared", {"name": '"Spared"'})
        + block(
            "okta_group_membership",
            "spared",
            {"group": "okta_group.spared.id", "user": f'"{GLASS}"'},
        )
        + policy_block("Spared", "[okta_group.spared.id]", OPEN)
        + default_block(factor=True),
        makes=6,
    ),
    Case(
        name="new group denied by a new policy",
        then=block("okta_group", "out", {"name": '"Out"'})
        + policy_block("Out", "[okta_group.out.id]", DENY),
        makes=4,
    ),
    Case(
        name="RADIUS denied",
        then=policy_block("R", ALL, rule_block("radius", deny=True, auth_type='"RADIUS"'), OPEN),
        makes=4,
    ),
    Case(name="group with a role renamed", then=group_block(ADMINS, "Administrators")),
    Case(
        name="two harmless policies change places",
        changes=(
            has_policy(STAFFS, "One", [EVERYONE], rule("open"), priority=1),
            has_policy(EXEMPT, "Exempt", [OPS], rule("open"), priority=2),
        ),
        then=exempt(OPEN, priority="1"),
    ),
    Case(
        name="sessions shortened",
        changes=(has_policy(STAFFS, "One", [EVERYONE], rule("open")),),
        then=policy_block(
            "One", ALL, rule_block("open", session_idle_minutes="15"), identifier=STAFFS
        ),
    ),
    Case(
        name="somebody else brought under the strict policy",
        changes=(has_policy(STAFFS, "Closed", [OPS], rule("deny", deny=True)),),
        then=edge(OPS, PLAIN),
    ),
    Case(
        name="somebody let back in",
        changes=(lambda made: made["users"][3].update(status="SUSPENDED"),),
        then=user_block(PLAIN, "ACTIVE"),
    ),
    Case(
        name="exclusive collection that knows break-glass",
        changes=(through(GLASS, ADMINS), members(STAFF, PLAIN)),
        adopt="",
        then=edge(ADMINS, SECOND, there=True)
        + edge(ADMINS, GLASS, there=True)
        + 'collection "okta_group_membership" "admins" {\n  mode = "exclusive"\n'
        f'  within = {{ group = "{ADMINS}" }}\n}}\n',
        makes=0,
    ),
    Case(
        name="lockout that is only read",
        then=default_block(deny=True),
        options=Options(refresh_only=True),
        makes=0,
    ),
    Case(
        name="rule without effect added in front",
        changes=(has_policy(STAFFS, "Two", [EVERYONE], rule("open")),),
        then=policy_block(
            "Two", ALL, rule_block("off", deny=True, status='"INACTIVE"'), OPEN, identifier=STAFFS
        ),
    ),
    Case(
        name="denying policy removed",
        changes=(has_policy(STAFFS, "Closed", [OPS], rule("deny", deny=True)),),
        adopt=policy_block("Closed", quoted(OPS), DENY, identifier=STAFFS),
        then="",
    ),
)
"""Each looks like one of those above and takes nothing from anybody who is kept; none may be refused."""

ORDERED = (
    "own group swapped for another",
    "break-glass moved to another group",
    "group with the own role deleted, another entered",
    "exempting policy replaced by another",
    "break-glass exempted, then a factor asked for",
    "exempting policy by a group that is new, too",
)
"""Those that lock somebody out in any other order than the right one."""

assert LOGINS
assert DEFAULT
