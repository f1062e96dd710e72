"""``okta_group_membership``: one user in one group."""

from __future__ import annotations

from perimeter.sdk import (
    STRING,
    Access,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
    Identity,
    Listing,
    ListRequest,
    NotFound,
    Observed,
    Parent,
    ProviderError,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
    Written,
    path_of,
)
from perimeter_okta.access import joined, left
from perimeter_okta.attributes import ID, observed
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.decode import text
from perimeter_okta.edges import edge_id, split_edge
from perimeter_okta.permissions import MEMBERSHIPS
from perimeter_okta.quirks import MEMBERSHIP_POLICIES
from perimeter_okta.revocation import apps_lost_with, attempt, revoke_of_user, unrevoked

_ENDED = "The user was taken out of the group"


class GroupMembership(ResourceType):
    """A user in a group."""

    name = "okta_group_membership"
    schema = Schema(
        doc="One user in one group. Members that nothing declares are left alone unless a collection is exclusive.",
        attributes={
            "id": ID,
            "group": Attribute(type=STRING, doc="The group's id.", required=True, replace=True),
            "user": Attribute(type=STRING, doc="The user's id.", required=True, replace=True),
            "login": observed("What the user signs in with."),
        },
    )
    identity = Identity(
        natural_key=("group", "user"),
        recognition=Recognition.UNIQUE_KEY,
        parent=Parent(type="okta_group", attribute="group"),
        import_format="GROUP_ID/USER_ID",
        visible_within=10.0,
    )
    permissions = MEMBERSHIPS
    quirks = (MEMBERSHIP_POLICIES,)
    affects_sign_in = True

    def list(self, reader: OktaReader, request: ListRequest) -> Listing:
        """Read a group's members: 1,000 a call."""
        group = request.parent or ""
        try:
            found = reader.all(path_of("api", "v1", "groups", group, "users"), {"limit": 1000})
        except NotFound:
            return Listing(objects=())
        return Listing(
            objects=tuple(
                _edge(group, str(item["id"]), text(item, "profile", "login")) for item in found
            )
        )

    def read(self, reader: OktaReader, request: ReadRequest) -> Observed | None:
        """Ask the user's side: one call, however large the group is."""
        group, user = split_edge(request.id)
        person = reader.find(path_of("api", "v1", "users", user))
        if person is None:
            return None
        groups = reader.all(path_of("api", "v1", "users", user, "groups"))
        if all(item["id"] != group for item in groups):
            return None
        return _edge(group, user, text(person, "profile", "login"))

    def create(self, writer: OktaWriter, request: CreateRequest) -> Written:
        """Put the user into the group; doing so twice is no error."""
        group, user = str(request.attributes["group"]), str(request.attributes["user"])
        answer = writer.put(path_of("api", "v1", "groups", group, "users", user))
        return Written(id=edge_id(group, user), request_id=answer.request_id)

    def delete(self, writer: OktaWriter, request: DeleteRequest) -> str:
        """Take the user out of the group, and from the apps they had by it alone the tokens those hold of them."""
        group, user = split_edge(request.id)
        losing = attempt(lambda: apps_lost_with(writer, user, group))
        answer = writer.delete(path_of("api", "v1", "groups", group, "users", user))
        if isinstance(losing, ProviderError):
            raise unrevoked(losing, _ENDED, user)
        if losing:
            revoke_of_user(writer, user, losing, request.also, ended=_ENDED)
        return answer

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """``GROUP_ID/USER_ID``."""
        group, user = split_edge(text)
        return {"id": edge_id(group, user), "group": group, "user": user}

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """Roles and sign-on policies of the group begin or cease to apply to the user."""
        item = transition.after if transition.after is not None else transition.before or {}
        user, group = item.get("user"), item.get("group")
        if transition.after is None:
            return (left(access, user, group),)
        login = item.get("login")
        return (joined(access, user, group, login if isinstance(login, str) else ""),)

    def direction(self, transition: Transition) -> Direction:
        """A member gains what the group carries."""
        return Direction.NARROWS if transition.after is None else Direction.WIDENS

    def describe(self, attributes: Attributes) -> str:
        """Who, and where."""
        return f'"{attributes.get("login") or attributes.get("user")}" in {attributes.get("group")}'


def _edge(group: str, user: str, login: str | None) -> Observed:
    identifier = edge_id(group, user)
    return Observed(
        id=identifier,
        attributes={"id": identifier, "group": group, "user": user, "login": login},
    )
