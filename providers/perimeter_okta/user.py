"""``okta_user``: whether somebody may sign in; profiles are not perimeter's affair."""

from __future__ import annotations

from typing import Any

from perimeter.sdk import (
    STRING,
    Access,
    Attribute,
    Attributes,
    DeleteRequest,
    Direction,
    Facet,
    Identity,
    IdentityFacet,
    Invalid,
    Listing,
    ListRequest,
    ManualStep,
    Observed,
    Plain,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
    Unknown,
    UpdateRequest,
    Written,
    path_of,
)
from perimeter_okta.access import with_status
from perimeter_okta.attributes import ID, moment
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.console import console
from perimeter_okta.decode import given, text, time
from perimeter_okta.permissions import USERS
from perimeter_okta.quirks import ACTIVATION_MAIL, DEACTIVATION
from perimeter_okta.revocation import end_sessions

EVERYBODY = 'lastUpdated ge "1970-01-01T00:00:00.000Z"'
"""Okta's list leaves out deprovisioned users unless a filter is given."""

_ENABLED = frozenset({"ACTIVE", "PROVISIONED", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY"})


def canonical_status(value: Plain) -> Plain:
    """The lifecycle state behind a status: a lock, an expired password or a pending first sign-in leave an account enabled."""
    return "ACTIVE" if value in _ENABLED else value


def fold(value: Plain) -> Plain:
    """Logins compare without case."""
    return value.casefold() if isinstance(value, str) else value


def decode(data: Any) -> Observed:
    """One user of Okta's answers; credentials and profile are dropped."""
    return Observed(
        id=text(data, "id") or "",
        attributes={
            "id": text(data, "id"),
            "login": text(data, "profile", "login"),
            "status": text(data, "status"),
            "created": time(data, "created"),
            "last_login": time(data, "lastLogin"),
            "status_changed": time(data, "statusChanged"),
        },
    )


class User(ResourceType):
    """A user's lifecycle state."""

    name = "okta_user"
    schema = Schema(
        doc="A user's lifecycle state. People or a directory make users; import them to manage whether they may sign in.",
        attributes={
            "id": ID,
            "login": Attribute(
                type=STRING,
                doc="What the user signs in with.",
                required=True,
                replace=True,
                canonical=fold,
            ),
            "status": Attribute(
                type=STRING,
                doc="ACTIVE, SUSPENDED or DEPROVISIONED. A locked account, an expired password and a pending first sign-in"
                " count as ACTIVE.",
                optional=True,
                computed=True,
                values=("ACTIVE", "SUSPENDED", "DEPROVISIONED"),
                canonical=canonical_status,
            ),
            "created": moment("When the account was made."),
            "last_login": moment("When the user last signed in; null for never."),
            "status_changed": moment("When the status last changed."),
        },
    )
    identity = Identity(
        natural_key=("login",), recognition=Recognition.UNIQUE_KEY, import_format="LOGIN or ID"
    )
    permissions = USERS
    quirks = (ACTIVATION_MAIL, DEACTIVATION)
    creatable = False
    deletable = False
    affects_sign_in = True

    def list(self, reader: OktaReader, request: ListRequest) -> Listing:
        """Read all users, deprovisioned ones included: 200 a call."""
        found = reader.all("/api/v1/users", {"filter": EVERYBODY, "limit": 200})
        return Listing(objects=tuple(decode(item) for item in found))

    def read(self, reader: OktaReader, request: ReadRequest) -> Observed | None:
        """Read one user."""
        data = reader.find(path_of("api", "v1", "users", request.id))
        return None if data is None else decode(data)

    def update(self, writer: OktaWriter, request: UpdateRequest) -> Written:
        """Move the account through its lifecycle; who may not sign in any more loses sessions and tokens, too."""
        wanted = given(request.after, "status")
        answer = ""
        for action in _steps(str(request.before.get("status")), wanted):
            params = {"activate": {"sendEmail": True}, "deactivate": {"sendEmail": False}}.get(
                action
            )
            path = path_of("api", "v1", "users", request.id, "lifecycle", action)
            answer = writer.post(path, None, params).request_id
        if answer and wanted in {"SUSPENDED", "DEPROVISIONED"}:
            ended = f"The user was {'suspended' if wanted == 'SUSPENDED' else 'deprovisioned'}"
            end_sessions(writer, request.id, request.also, ended=ended)
        return Written(id=request.id, request_id=answer)

    def delete(self, writer: OktaWriter, request: DeleteRequest) -> str:
        """Never: see ``manual``."""
        raise Invalid("perimeter deletes no user.")

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """A login, or Okta's id."""
        if not text.strip():
            raise ValueError("The import id is empty.")
        return {"login": text} if "@" in text else {"id": text}

    def direction(self, transition: Transition) -> Direction:
        """Enabling an account widens, suspending or deprovisioning it narrows."""
        if transition.before is None or transition.after is None:
            return Direction.NEUTRAL
        after = transition.after.get("status")
        if isinstance(after, Unknown):
            return Direction.UNKNOWN
        rank = {"ACTIVE": 2, "SUSPENDED": 1, "STAGED": 1, "DEPROVISIONED": 0}
        old = rank.get(canonical_status(transition.before.get("status")))
        new = rank.get(canonical_status(after))
        if old is None or new is None:
            return Direction.UNKNOWN
        if old == new:
            return Direction.NEUTRAL
        return Direction.WIDENS if new > old else Direction.NARROWS

    def manual(self, transition: Transition) -> ManualStep | None:
        """People make users, and perimeter deletes none."""
        url = console(transition.tenant, "/admin/users")
        if transition.before is None:
            return ManualStep(
                reason="perimeter manages the lifecycle of users, not their profiles, so it makes none.",
                instructions="Add the person (Directory, People, Add person) or let your directory do so, then plan again"
                " with an import block.",
                url=url,
            )
        if transition.after is None:
            return ManualStep(
                reason="perimeter deletes no user: their history would go with them.",
                instructions='Declare status = "DEPROVISIONED" to end all access, or stop managing the user with a'
                " removed block.",
                url=url,
            )
        return None

    def may_lock_out(self, transition: Transition) -> bool:
        """Only a change of the status can."""
        return transition.before is not None and transition.changed("status")

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """Who is no longer enabled cannot sign in."""
        before, after = transition.before or {}, transition.after
        if after is None:
            return (access,)
        was, becomes = before.get("status"), after.get("status")
        if canonical_status(was) == canonical_status(becomes):
            return (access,)
        return (with_status(access, str(before.get("id")), was, becomes),)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """An identity."""
        login = str(attributes.get("login") or "")
        active = canonical_status(attributes.get("status")) == "ACTIVE"
        risk = ("never signed in",) if active and attributes.get("last_login") is None else ()
        return (
            IdentityFacet(
                id=str(attributes.get("id") or ""),
                name=login,
                login=login,
                active=active,
                risk=risk,
            ),
        )

    def origin(self, attributes: Attributes) -> str:
        """Since when, and when last seen."""
        return (
            f"made {_day(attributes, 'created')}, last signed in {_day(attributes, 'last_login')}"
        )


def _day(attributes: Attributes, name: str) -> str:
    found = attributes.get(name)
    return found[:10] if isinstance(found, str) else "never"


def _steps(before: str, wanted: str | None) -> tuple[str, ...]:
    """The lifecycle actions from one status to another; https://developer.okta.com/docs/concepts/user-lifecycle."""
    now = canonical_status(before)
    if wanted is None or wanted == now:
        return ()
    if wanted == "DEPROVISIONED":
        return ("deactivate",)
    if wanted == "SUSPENDED":
        if before == "LOCKED_OUT":
            return ("unlock", "suspend")
        if before == "ACTIVE":
            return ("suspend",)
        raise Invalid(
            f"Okta suspends only users that have signed in; this one is {before}. Declare ACTIVE or DEPROVISIONED.",
            path=("status",),
        )
    if now == "SUSPENDED":
        return ("unsuspend",)
    if now in {"STAGED", "DEPROVISIONED"}:
        return ("activate",)
    raise Invalid(f"perimeter knows no way from {before} to {wanted}.", path=("status",))
