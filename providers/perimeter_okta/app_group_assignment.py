"""``okta_app_group_assignment``: who may use an application."""

from __future__ import annotations

from typing import Any

from perimeter.sdk import (
    NUMBER,
    STRING,
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
    UpdateRequest,
    Written,
    path_of,
)
from perimeter_okta.attributes import ID
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.decode import at, given, number, text, without
from perimeter_okta.edges import edge_id, split_edge
from perimeter_okta.permissions import ASSIGNMENTS
from perimeter_okta.revocation import (
    attempt,
    holders_losing,
    revoke_some,
    tokens_of_app,
    unrevoked,
)


def decode(app: str, data: Any) -> Observed:
    """One assignment of Okta's answers."""
    group = text(data, "id") or ""
    identifier = edge_id(app, group)
    return Observed(
        id=identifier,
        attributes={
            "id": identifier,
            "app": app,
            "group": group,
            "priority": number(data, "priority"),
        },
    )


class AppGroupAssignment(ResourceType):
    """A group that may use an application."""

    name = "okta_app_group_assignment"
    schema = Schema(
        doc="A group whose members may use an application.",
        attributes={
            "id": ID,
            "app": Attribute(type=STRING, doc="The application's id.", required=True, replace=True),
            "group": Attribute(type=STRING, doc="The group's id.", required=True, replace=True),
            "priority": Attribute(
                type=NUMBER,
                doc="Which group's profile wins for members of several; 0 is first.",
                optional=True,
                computed=True,
            ),
        },
    )
    identity = Identity(
        natural_key=("app", "group"),
        recognition=Recognition.UNIQUE_KEY,
        parent=Parent(type="okta_app", attribute="app"),
        import_format="APP_ID/GROUP_ID",
    )
    permissions = ASSIGNMENTS

    def list(self, reader: OktaReader, request: ListRequest) -> Listing:
        """Read an application's groups: 200 a call."""
        app = request.parent or ""
        try:
            found = reader.all(path_of("api", "v1", "apps", app, "groups"), {"limit": 200})
        except NotFound:
            return Listing(objects=())
        return Listing(objects=tuple(decode(app, item) for item in found))

    def read(self, reader: OktaReader, request: ReadRequest) -> Observed | None:
        """Read one assignment."""
        app, group = split_edge(request.id)
        data = reader.find(_path(app, group))
        return None if data is None else decode(app, data)

    def create(self, writer: OktaWriter, request: CreateRequest) -> Written:
        """Assign the group; doing so twice is no error."""
        app, group = str(request.attributes["app"]), str(request.attributes["group"])
        return self._put(writer, app, group, request.attributes, None)

    def update(self, writer: OktaWriter, request: UpdateRequest) -> Written:
        """Change the priority; the app profile of the assignment stays."""
        app, group = split_edge(request.id)
        return self._put(writer, app, group, request.after, writer.find(_path(app, group)))

    def _put(
        self, writer: OktaWriter, app: str, group: str, wanted: Attributes, kept: Any
    ) -> Written:
        body: dict[str, Any] = {}
        profile = at(kept, "profile")
        if isinstance(profile, dict) and profile:
            body["profile"] = without(profile, ())
        if given(wanted, "priority") is not None:
            body["priority"] = given(wanted, "priority")
        answer = writer.put(_path(app, group), body)
        return Written(id=edge_id(app, group), request_id=answer.request_id)

    def delete(self, writer: OktaWriter, request: DeleteRequest) -> str:
        """Take the application away from the group, and from who had it by this group alone the tokens it holds of them."""
        app, group = split_edge(request.id)
        losing = attempt(lambda: _losing(writer, app, group))
        answer = writer.delete(_path(app, group))
        if isinstance(losing, ProviderError):
            raise unrevoked(losing, _ENDED, app)
        if losing:
            revoke_some(
                writer,
                app,
                lambda token: text(token, "userId") in losing,
                request.also,
                ended=_ENDED,
            )
        return answer

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """``APP_ID/GROUP_ID``."""
        app, group = split_edge(text)
        return {"id": edge_id(app, group), "app": app, "group": group}

    def direction(self, transition: Transition) -> Direction:
        """An assignment gives access; its priority decides which profile, and so which role in the app, people get."""
        if transition.before is None:
            return Direction.WIDENS
        if transition.after is None:
            return Direction.NARROWS
        return Direction.UNKNOWN if transition.changed("priority") else Direction.NEUTRAL

    def describe(self, attributes: Attributes) -> str:
        """Which group, and what for."""
        return f'"{attributes.get("group")}" on {attributes.get("app")}'


_ENDED = "The group was unassigned"


def _losing(reader: OktaReader, app: str, group: str) -> frozenset[str]:
    users = {user for token in tokens_of_app(reader, app) if (user := text(token, "userId"))}
    return holders_losing(reader, app, group, users)


def _path(app: str, group: str) -> str:
    return path_of("api", "v1", "apps", app, "groups", group)
