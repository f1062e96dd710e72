"""Which organisation answers, as whom, and who owns it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import Administrator, Fatal, Forbidden, Invalid, NotFound, Tenant
from perimeter_github.client import Client
from perimeter_github.permissions import MEMBERS_READ


def tenant_of(reader: Client) -> Tenant:
    """The organisation's immutable id, and the caller."""
    try:
        answer = reader.http.get(reader.path())
    except NotFound:
        raise Fatal(
            f'GitHub shows no organisation "{reader.organization}" to this credential. Check the '
            "provider's organization argument, and that the credential reaches it."
        ) from None
    data = answer.data
    scopes = None
    if "x-oauth-scopes" in answer.headers:
        words = answer.header("x-oauth-scopes").split(",")
        scopes = frozenset(word.strip() for word in words if word.strip())
    reader.scopes = scopes
    return Tenant(
        id=str(data["id"]),
        name=str(data["login"]),
        caller=_caller(reader),
        caller_credential=reader.installation,
        edition=str((data.get("plan") or {}).get("name") or ""),
        scopes=scopes,
    )


def _caller(reader: Client) -> str:
    if reader.about_app is not None:
        return f"app {reader.about_app.get('/app').data.get('slug') or reader.app}"
    try:
        return str(reader.http.get("/user").data["login"])
    except (Forbidden, NotFound):
        return ""  # a token that stands for no user, such as a workflow's


def administrators_of(reader: Client, tenant: Tenant) -> tuple[Administrator, ...]:
    """The organisation's owners, and the app that perimeter acts as; who has no second factor is shown to owners only."""
    path = reader.path("members")
    owners = reader.items(path, MEMBERS_READ, {"role": "admin"})
    without: frozenset[int] | None
    try:
        found = reader.items(path, MEMBERS_READ, {"role": "admin", "filter": "2fa_disabled"})
        without = frozenset(person["id"] for person in found)
    except (Forbidden, Invalid):
        without = None
    app = Administrator(
        id=f"installation {reader.installation}",
        login=tenant.caller,
        caller=True,
        credentials=frozenset({reader.installation}),
        counted=False,
    )
    return (*((app,) if reader.installation else ()), *_owners(owners, without, tenant))


def _owners(
    owners: Iterable[Mapping[str, Any]], without: frozenset[int] | None, tenant: Tenant
) -> tuple[Administrator, ...]:
    return tuple(
        Administrator(
            id=str(person["id"]),
            login=str(person["login"]),
            factors=None if without is None else person["id"] not in without,
            caller=str(person["login"]).casefold() == tenant.caller.casefold(),
        )
        for person in owners
    )
