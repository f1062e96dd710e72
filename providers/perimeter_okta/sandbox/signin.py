"""The org as a person meets it: may they sign in from where they are, and do they administer.

Written from Okta's documentation (global session policies; administrator roles; user lifecycle), apart from the provider.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from perimeter_okta.sandbox.answers import Data
from perimeter_okta.sandbox.tenant import Tenant

SOMEWHERE = "203.0.113.9"
"""An address that is in no zone unless the seed says so (RFC 5737)."""
_SIGNS_IN = {"ACTIVE", "PASSWORD_EXPIRED"}
_WEAK = {"question"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether somebody gets in, and by what it was decided."""

    allowed: bool
    because: str


def sign_in(tenant: Tenant, user: Data, address: str = SOMEWHERE) -> Decision:
    """What happens when a user signs in with the right password, and every factor that is enrolled, from an address."""
    if user["status"] not in _SIGNS_IN:
        return Decision(allowed=False, because=f"the account is {user['status']}")
    chain = [p for p in tenant.policies.values() if p["type"] == "OKTA_SIGN_ON"]
    for policy in sorted(chain, key=lambda one: one["priority"]):
        if policy["status"] != "ACTIVE" or not _assigned(tenant, policy, user):
            continue
        for rule in sorted(policy["rules"], key=lambda one: one["priority"]):
            if rule["status"] == "ACTIVE" and _matches(tenant, rule, user, address):
                return _decided(tenant, policy, rule, user)
    return Decision(allowed=False, because="no rule of any policy matches")


def _assigned(tenant: Tenant, policy: Data, user: Data) -> bool:
    if policy["system"]:
        return True
    wanted = policy["conditions"]["people"]["groups"]["include"]
    return any(
        tenant.holds(tenant.groups[one], user["id"]) for one in wanted if one in tenant.groups
    )


def _matches(tenant: Tenant, rule: Data, user: Data, address: str) -> bool:
    conditions = rule["conditions"]
    if user["id"] in conditions.get("people", {}).get("users", {}).get("exclude", ()):
        return False
    if conditions.get("authContext", {}).get("authType", "ANY") != "ANY":
        return False  # a browser is neither RADIUS nor LDAP
    risk = conditions.get("riskScore", {}).get("level", "ANY")
    if risk not in {"ANY", "LOW"}:
        return False  # nothing is risky here
    return within(tenant, conditions.get("network") or {}, address)


def within(tenant: Tenant, network: Data, address: str) -> bool:
    """Whether an address meets a network condition."""
    if network.get("connection", "ANYWHERE") != "ZONE":
        return True
    include, exclude = network.get("include") or [], network.get("exclude") or []
    if include and not any(_in_zone(tenant, zone, address) for zone in include):
        return False
    return not any(_in_zone(tenant, zone, address) for zone in exclude)


def _in_zone(tenant: Tenant, zone: str, address: str) -> bool:
    here = ip_address(address)
    return any(here in ip_network(block) for block in tenant.zones.get(zone, ()))


def _decided(tenant: Tenant, policy: Data, rule: Data, user: Data) -> Decision:
    name = f"the rule {rule['name']} of {policy['name']}"
    signon = rule["actions"]["signon"]
    if signon["access"] == "DENY":
        return Decision(allowed=False, because=f"{name} denies")
    if signon["requireFactor"] and not _strong(tenant, user):
        return Decision(allowed=False, because=f"{name} asks for a factor that is not enrolled")
    return Decision(allowed=True, because=f"{name} allows")


def _strong(tenant: Tenant, user: Data) -> bool:
    return any(
        one.get("status", "ACTIVE") == "ACTIVE" and one["factorType"] not in _WEAK
        for one in tenant.factors.get(user["id"], ())
    )


def roles_of(tenant: Tenant, user: Data) -> list[tuple[Data, str]]:
    """The roles that a user holds, each with the group it is held through; empty text for none."""
    found = [(role, "") for role in tenant.roles.get(user["id"], ())]
    for group, held in sorted(tenant.group_roles.items()):
        if group in tenant.groups and tenant.holds(tenant.groups[group], user["id"]):
            found.extend((role, group) for role in held)
    return [(role, group) for role, group in found if role.get("status", "ACTIVE") == "ACTIVE"]


def administers(tenant: Tenant, user: Data) -> bool:
    """Whether a user is super administrator, and enabled."""
    roles: list[Any] = [role["type"] for role, _ in roles_of(tenant, user)]
    return user["status"] in _SIGNS_IN and "SUPER_ADMIN" in roles
