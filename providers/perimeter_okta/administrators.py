"""Who administers the org, for the lockout proof."""

from __future__ import annotations

from perimeter.sdk import Administrator, Forbidden, NotFound, Tenant, path_of
from perimeter_okta.client import OktaReader
from perimeter_okta.decode import text

_NO_SECOND_FACTOR = frozenset({"question"})
_ABLE = frozenset({"ACTIVE", "PASSWORD_EXPIRED"})


def administrators(reader: OktaReader, tenant: Tenant) -> tuple[Administrator, ...]:
    """Read the super administrators: a call for those with roles, one for each one's roles, three for each found.

    Raises:
        Forbidden: the credential may not read roles or users.
    """
    found = []
    for assignee in reader.all_values("/api/v1/iam/assignees/users", {"limit": 200}):
        identifier = str(assignee["id"])
        try:
            if _is_super(reader, identifier):
                found.append(_read(reader, tenant, identifier))
        except NotFound:
            continue  # gone since the list was made
    return tuple(found)


def _is_super(reader: OktaReader, user: str) -> bool:
    roles = reader.all(path_of("api", "v1", "users", user, "roles"))
    return any(
        text(role, "type") == "SUPER_ADMIN" and text(role, "status") != "INACTIVE" for role in roles
    )


def _read(reader: OktaReader, tenant: Tenant, user: str) -> Administrator:
    data = reader.get(path_of("api", "v1", "users", user)).data
    login = text(data, "profile", "login") or user
    caller = login.casefold() == tenant.caller.casefold()
    return Administrator(
        id=user,
        login=login,
        able=text(data, "status") in _ABLE,
        factors=_factors(reader, user),
        groups=_groups(reader, user),
        caller=caller,
        credentials=_credentials(reader, user) if caller else frozenset(),
    )


def _factors(reader: OktaReader, user: str) -> bool | None:
    try:
        factors = reader.all(path_of("api", "v1", "users", user, "factors"))
    except Forbidden:
        return None
    return any(
        text(factor, "status") == "ACTIVE" and text(factor, "factorType") not in _NO_SECOND_FACTOR
        for factor in factors
    )


def _groups(reader: OktaReader, user: str) -> frozenset[str] | None:
    try:
        found = reader.all(path_of("api", "v1", "users", user, "groups"))
    except Forbidden:
        return None
    return frozenset(str(group["id"]) for group in found)


def _credentials(reader: OktaReader, user: str) -> frozenset[str]:
    """The caller's API tokens: Okta does not tell which of them made the call."""
    try:
        tokens = reader.all("/api/v1/api-tokens")
    except Forbidden:
        return frozenset()
    return frozenset(str(token["id"]) for token in tokens if text(token, "userId") == user)
