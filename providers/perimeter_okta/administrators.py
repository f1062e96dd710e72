"""Reads who administers the org and what decides whether they get in, for the lockout proof; judged in ``access.py``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from perimeter.sdk import Access, AccessRequest, Administrator, Forbidden, NotFound, Tenant, path_of
from perimeter_okta.access import ABLE, APP, TOKEN
from perimeter_okta.client import OktaReader
from perimeter_okta.decode import text
from perimeter_okta.session_policy import decode, decode_rules

_NO_SECOND_FACTOR = frozenset({"question"})


@dataclass(slots=True, kw_only=True)
class _Roles:
    """Who holds a role that administers: by themselves, or through which group; and whose is not super administrator."""

    direct: set[str] = field(default_factory=set)
    through: dict[str, set[str]] = field(default_factory=dict)
    lesser: set[str] = field(default_factory=set)


def read_access(reader: OktaReader, request: AccessRequest) -> Access:
    """Read the super administrators, the caller and the accounts that must get in; and the sign-on policies.

    Calls: one for those with roles, one for each one's roles, one per group that gives the role, three for each found, one
    for the policies and one for each one's rules.

    Raises:
        Forbidden: the credential may not read roles or users.
    """
    roles = _Roles()
    for assignee in reader.all_values("/api/v1/iam/assignees/users", {"limit": 200}):
        _roles(reader, str(assignee["id"]), roles, everything=False)
    watched = {}
    tenant = request.tenant
    names = dict.fromkeys((*_caller_login(tenant), *request.accounts))
    for login in names:
        found = reader.find(path_of("api", "v1", "users", login))
        if found is None:
            continue
        identifier = str(found["id"])
        watched[identifier] = found
        caller = _is_caller(found, tenant)
        if identifier not in roles.direct | roles.through.keys():
            _roles(reader, identifier, roles, everything=caller)
        if caller and identifier not in roles.direct | roles.through.keys():
            roles.direct.add(identifier)  # whatever lets it act, Okta does not show as a role
    groups = sorted(
        {
            group
            for user, found in roles.through.items()
            for group in found
            if user not in roles.lesser
        }
    )
    members = {user for group in groups for user in _members(reader, group)}
    people, users = [], {}
    for identifier in sorted(roles.direct | roles.through.keys() | members | watched.keys()):
        data = watched.get(identifier) or reader.find(path_of("api", "v1", "users", identifier))
        if data is None:
            continue  # gone since the list was made
        users[identifier] = _user(reader, identifier, data, roles)
        people.append(_person(reader, identifier, data, tenant, users[identifier]))
        if people[-1].caller:
            login = f"the API token of {people[-1].login}"
            people.append(
                Administrator(id=f"{TOKEN}{identifier}", login=login, caller=True, counted=False)
            )
    app = None
    if reader.client_id:
        app = {"id": reader.client_id}
        people.append(
            Administrator(
                id=f"{APP}{reader.client_id}",
                login=f"the app {reader.client_id}",
                caller=True,
                counted=False,
            )
        )
    groups = sorted({*groups, *_entered(reader, request, users.keys())})
    facts = {
        "users": users,
        "admin_groups": groups,
        "policies": _policies(reader),
        "tokens": sorted({token for person in people for token in person.credentials}),
        "app": app,
    }
    return Access(people=tuple(people), facts=facts)


def _entered(reader: OktaReader, request: AccessRequest, people: Collection[str]) -> Iterator[str]:
    """Groups that one of these people is to enter and that make their members super administrators: a call per group."""
    wanted = {
        group
        for after in (transition.after for transition in request.transitions)
        if after is not None
        and after.get("user") in people
        and isinstance(group := after.get("group"), str)
    }
    for group in sorted(wanted):
        try:
            roles = reader.all(path_of("api", "v1", "groups", group, "roles"))
        except NotFound:
            continue
        if any(
            text(role, "type") == "SUPER_ADMIN" and text(role, "status") != "INACTIVE"
            for role in roles
        ):
            yield group


def _caller_login(tenant: Tenant) -> tuple[str, ...]:
    return (tenant.caller,) if tenant.caller and not tenant.caller_credential else ()


def _is_caller(data: Any, tenant: Tenant) -> bool:
    login = text(data, "profile", "login") or ""
    return bool(login) and login.casefold() == tenant.caller.casefold()


def _roles(reader: OktaReader, user: str, roles: _Roles, *, everything: bool) -> None:
    """Note the roles of a user; of the caller any role counts, of others super administrator only."""
    try:
        found = reader.all(path_of("api", "v1", "users", user, "roles"))
    except NotFound:
        return  # gone since the list was made
    held = [role for role in found if text(role, "status") != "INACTIVE"]
    chosen = [role for role in held if text(role, "type") == "SUPER_ADMIN"]
    if everything and not chosen:
        roles.lesser.add(user)
    for role in chosen or (held if everything else []):
        if text(role, "assignmentType") == "GROUP":
            href = text(role, "_links", "assignee", "href") or ""
            roles.through.setdefault(user, set()).add(href.rstrip("/").rpartition("/")[2])
        else:
            roles.direct.add(user)


def _members(reader: OktaReader, group: str) -> Iterator[str]:
    try:
        found = reader.all(path_of("api", "v1", "groups", group, "users"), {"limit": 1000})
    except NotFound:
        return
    for item in found:
        yield str(item["id"])


def _user(reader: OktaReader, user: str, data: Any, roles: _Roles) -> Mapping[str, Any]:
    groups = _groups(reader, user)
    return {
        "status": text(data, "status") or "",
        "direct": user in roles.direct,
        "super": user not in roles.lesser,
        "lesser_groups": sorted(roles.through.get(user, ())) if user in roles.lesser else [],
        "groups": groups,
        "factors": _factors(reader, user),
    }


def _person(
    reader: OktaReader, user: str, data: Any, tenant: Tenant, facts: Mapping[str, Any]
) -> Administrator:
    caller = _is_caller(data, tenant)
    return Administrator(
        id=user,
        login=text(data, "profile", "login") or user,
        able=facts["status"] in ABLE,
        factors=facts["factors"],
        groups=None if facts["groups"] is None else frozenset(facts["groups"]),
        caller=caller,
        counted=facts["super"],
        credentials=_credentials(reader, user) if caller else frozenset(),
    )


def _factors(reader: OktaReader, user: str) -> bool | None:
    try:
        factors = reader.all(path_of("api", "v1", "users", user, "factors"))
    except Forbidden:
        return None
    except NotFound:
        return False
    return any(
        text(factor, "status") == "ACTIVE" and text(factor, "factorType") not in _NO_SECOND_FACTOR
        for factor in factors
    )


def _groups(reader: OktaReader, user: str) -> list[str] | None:
    try:
        found = reader.all(path_of("api", "v1", "users", user, "groups"))
    except (Forbidden, NotFound):
        return None
    return sorted(str(group["id"]) for group in found)


def _policies(reader: OktaReader) -> list[Mapping[str, Any]] | None:
    """The policies with their rules, as they are tried; None where the credential may not see them."""
    found = []
    try:
        for item in reader.all("/api/v1/policies", {"type": "OKTA_SIGN_ON"}):
            policy = decode(item).attributes
            try:
                rules = reader.all(path_of("api", "v1", "policies", str(item["id"]), "rules"))
            except NotFound:
                continue
            names = ("id", "name", "status", "priority", "groups", "system")
            found.append({**{name: policy[name] for name in names}, **decode_rules(rules)})
    except Forbidden:
        return None
    return sorted(found, key=lambda one: (bool(one["system"]), one["priority"] or 0))


def _credentials(reader: OktaReader, user: str) -> frozenset[str]:
    """The caller's API tokens: Okta does not tell which of them made the call."""
    try:
        tokens = reader.all("/api/v1/api-tokens")
    except Forbidden:
        return frozenset()
    return frozenset(str(token["id"]) for token in tokens if text(token, "userId") == user)
