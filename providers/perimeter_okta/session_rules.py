"""Rules of global session policies: their schema, and Okta's form of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.sdk import BOOL, NUMBER, STRING, Attribute, Mode, NestedBlock, Nesting, Set
from perimeter_okta.decode import at, flag, given, number, text, texts, without

_READ_ONLY = ("id", "created", "lastUpdated", "system", "_links", "_embedded")

_KNOWN = frozenset({"people", "network", "authContext"})
_EVERY_RULE: dict[str, Any] = {
    "risk": {"behaviors": []},
    "riskScore": {"level": "ANY"},
    "identityProvider": {"provider": "ANY"},
}
"""Conditions that demand nothing, which Okta shows on many rules and does not describe."""

_ACTIONS: dict[str, Attribute] = {
    "access": Attribute(
        type=STRING,
        doc="Whether people may sign in.",
        optional=True,
        default="ALLOW",
        values=("ALLOW", "DENY"),
    ),
    "mfa_required": Attribute(
        type=BOOL, doc="Whether a second factor is asked for.", optional=True, default=False
    ),
    "mfa_prompt": Attribute(
        type=STRING,
        doc="When the second factor is asked for. Okta keeps it only while mfa_required; otherwise it reads ALWAYS.",
        optional=True,
        default="ALWAYS",
        values=("ALWAYS", "DEVICE", "SESSION"),
    ),
    "mfa_lifetime_minutes": Attribute(
        type=NUMBER,
        doc='Minutes until the second factor is asked for again. Okta keeps it only with mfa_prompt = "SESSION";'
        " otherwise it reads 15.",
        optional=True,
        default=15,
    ),
    "mfa_remember_device": Attribute(
        type=BOOL,
        doc="Whether the device is remembered unless people say otherwise.",
        optional=True,
        default=False,
    ),
    "session_idle_minutes": Attribute(
        type=NUMBER,
        doc="Minutes without activity after which a session ends.",
        optional=True,
        default=120,
    ),
    "session_lifetime_minutes": Attribute(
        type=NUMBER,
        doc="Minutes after which a session ends in any case; 0 for no limit.",
        optional=True,
        default=0,
    ),
    "session_persistent_cookie": Attribute(
        type=BOOL, doc="Whether a session outlives the browser.", optional=True, default=False
    ),
}

RULE = NestedBlock(
    nesting=Nesting.LIST,
    doc="Rules, in the order in which they are tried; the first that matches decides.",
    label="name",
    key=("name",),
    attributes={
        "name": Attribute(
            type=STRING, doc="What people call it; unique in the policy.", required=True
        ),
        "status": Attribute(
            type=STRING,
            doc="Whether the rule is in force.",
            optional=True,
            default="ACTIVE",
            values=("ACTIVE", "INACTIVE"),
        ),
        **_ACTIONS,
        "network_connection": Attribute(
            type=STRING,
            doc="ANYWHERE, or ZONE to match some network zones only.",
            optional=True,
            default="ANYWHERE",
            values=("ANYWHERE", "ZONE"),
        ),
        "network_include": Attribute(
            type=Set(STRING), doc="Ids of zones that match.", optional=True, default=[]
        ),
        "network_exclude": Attribute(
            type=Set(STRING), doc="Ids of zones that do not match.", optional=True, default=[]
        ),
        "excluded_users": Attribute(
            type=Set(STRING),
            doc="Ids of users that the rule does not apply to.",
            optional=True,
            default=[],
        ),
        "auth_type": Attribute(
            type=STRING,
            doc="The way of signing in that matches.",
            optional=True,
            default="ANY",
            values=("ANY", "RADIUS", "LDAP_INTERFACE"),
        ),
        "other_conditions": Attribute(
            type=Set(STRING),
            doc="Names of further conditions that Okta holds and perimeter leaves alone, such as riskScore.",
            default=[],
            mode=Mode.OBSERVED,
        ),
    },
)

DEFAULT_RULE = NestedBlock(
    nesting=Nesting.SINGLE,
    doc="The last rule of Okta's default policy, which applies to everybody that no other rule matches. No other policy has one.",
    attributes=dict(_ACTIONS),
)


def decode_rule(data: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of Okta's answers."""
    return {
        "name": text(data, "name"),
        "status": text(data, "status") or "ACTIVE",
        **decode_actions(data),
        "network_connection": text(data, "conditions", "network", "connection") or "ANYWHERE",
        "network_include": texts(data, "conditions", "network", "include"),
        "network_exclude": texts(data, "conditions", "network", "exclude"),
        "excluded_users": texts(data, "conditions", "people", "users", "exclude"),
        "auth_type": text(data, "conditions", "authContext", "authType") or "ANY",
        "other_conditions": _others(at(data, "conditions")),
    }


def _others(conditions: Any) -> list[str]:
    if not isinstance(conditions, Mapping):
        return []
    found = [
        name
        for name, value in conditions.items()
        if name not in _KNOWN and value is not None and value != _EVERY_RULE.get(name)
    ]
    people = conditions.get("people")
    groups = at(people, "groups", "include") or at(people, "groups", "exclude")
    if groups or at(people, "users", "include"):
        found.append("people")
    return sorted(found)


def decode_actions(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule does."""
    signon = at(data, "actions", "signon")
    required = flag(signon, "requireFactor") or False
    prompt = (text(signon, "factorPromptMode") if required else None) or "ALWAYS"
    lifetime = number(signon, "factorLifetime") if required and prompt == "SESSION" else None
    session = at(signon, "session")
    idle = number(session, "maxSessionIdleMinutes")
    return {
        "access": text(signon, "access") or "ALLOW",
        "mfa_required": required,
        "mfa_prompt": prompt,
        "mfa_lifetime_minutes": 15 if lifetime is None else lifetime,
        "mfa_remember_device": flag(signon, "rememberDeviceByDefault") or False,
        "session_idle_minutes": 120 if idle is None else idle,
        "session_lifetime_minutes": number(session, "maxSessionLifetimeMinutes") or 0,
        "session_persistent_cookie": flag(session, "usePersistentCookie") or False,
    }


def encode_rule(
    wanted: Mapping[str, Any], kept: Mapping[str, Any] | None, priority: int
) -> dict[str, Any]:
    """A rule to send; what ``kept`` holds and configuration does not know stays as it is."""
    body = encode_actions(wanted, kept)
    body |= {"type": "SIGN_ON", "name": given(wanted, "name"), "priority": priority}
    conditions = dict(body.get("conditions") or {})
    for name, default in _EVERY_RULE.items():
        if conditions.get(name) == default:
            del conditions[name]
    people = dict(conditions.get("people") or {})
    users = dict(people.get("users") or {})
    people["users"] = {**users, "exclude": list(given(wanted, "excluded_users") or ())}
    connection = given(wanted, "network_connection") or "ANYWHERE"
    network: dict[str, Any] = {"connection": connection}
    if connection == "ZONE":
        for name in ("include", "exclude"):
            zones = list(given(wanted, f"network_{name}") or ())
            if zones:
                network[name] = zones
    conditions |= {
        "people": people,
        "network": network,
        "authContext": {"authType": given(wanted, "auth_type") or "ANY"},
    }
    body["conditions"] = conditions
    return body


def encode_actions(wanted: Mapping[str, Any], kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """A rule to send that differs from ``kept`` in what it does only."""
    body = without(kept or {}, (*_READ_ONLY, "status"))
    actions = dict(body.get("actions") or {})
    signon = dict(actions.get("signon") or {})
    required = bool(given(wanted, "mfa_required"))
    signon["access"] = given(wanted, "access") or "ALLOW"
    signon["requireFactor"] = required
    signon["rememberDeviceByDefault"] = bool(given(wanted, "mfa_remember_device"))
    for name in ("factorPromptMode", "factorLifetime"):
        signon.pop(name, None)
    if required:
        prompt = given(wanted, "mfa_prompt") or "ALWAYS"
        signon["factorPromptMode"] = prompt
        if prompt == "SESSION":
            signon["factorLifetime"] = given(wanted, "mfa_lifetime_minutes") or 15
    session = dict(signon.get("session") or {})
    for name, field, default in (
        ("session_idle_minutes", "maxSessionIdleMinutes", 120),
        ("session_lifetime_minutes", "maxSessionLifetimeMinutes", 0),
        ("session_persistent_cookie", "usePersistentCookie", False),
    ):
        value = given(wanted, name)
        session[field] = default if value is None else value
    signon["session"] = session
    actions["signon"] = signon
    body["actions"] = actions
    return body
