"""Data sources: look up a group by name, a user by login, an application by label."""

from __future__ import annotations

from typing import Any

from perimeter.sdk import (
    STRING,
    Attribute,
    Attributes,
    Conflict,
    DataRequest,
    DataSource,
    NotFound,
    Permissions,
    Schema,
)
from perimeter_okta import app, group, user
from perimeter_okta.attributes import ID, moment, observed
from perimeter_okta.client import OktaReader
from perimeter_okta.decode import text


class GroupData(DataSource):
    """A group of any origin."""

    name = "okta_group"
    schema = Schema(
        doc="A group by its name: made in Okta, built in (Everyone), or of an app.",
        attributes={
            "id": ID,
            "name": Attribute(type=STRING, doc="Its whole name.", required=True),
            "description": observed("What it is for."),
            "type": observed("OKTA_GROUP, BUILT_IN or APP_GROUP."),
            "created": moment("When it was made."),
        },
    )
    permissions = Permissions(read=("okta.groups.read",))

    def read(self, reader: OktaReader, request: DataRequest) -> Attributes:
        """Search by name; Okta matches beginnings, so the whole name is compared here."""
        name = str(request.config["name"])
        found = reader.all("/api/v1/groups", {"q": name, "limit": 200})
        data = _only([g for g in found if text(g, "profile", "name") == name], "group", name)
        return {**group.decode(data).attributes, "type": text(data, "type")}


class UserData(DataSource):
    """A user."""

    name = "okta_user"
    schema = Schema(
        doc="A user by login.",
        attributes={
            "id": ID,
            "login": Attribute(
                type=STRING, doc="What the user signs in with.", required=True, canonical=user.fold
            ),
            "status": observed("The lifecycle status."),
            "created": moment("When the account was made."),
            "last_login": moment("When the user last signed in."),
            "status_changed": moment("When the status last changed."),
        },
    )
    permissions = Permissions(read=("okta.users.read",))

    def read(self, reader: OktaReader, request: DataRequest) -> Attributes:
        """Look the login up with a filter: Okta's ids by login match short names, too."""
        login = str(request.config["login"])
        quoted = login.replace("\\", "\\\\").replace('"', '\\"')
        found = reader.all("/api/v1/users", {"filter": f'profile.login eq "{quoted}"'})
        return user.decode(_only(found, "user", login)).attributes


class AppData(DataSource):
    """An application."""

    name = "okta_app"
    schema = Schema(
        doc="An application by its label.",
        attributes={
            "id": ID,
            "label": Attribute(type=STRING, doc="Its whole label.", required=True),
            "name": observed("Okta's name of the kind of application."),
            "sign_on_mode": observed("How people sign in to it."),
            "status": observed("Whether it can be used."),
            "client_id": observed("The OAuth client id."),
        },
    )
    permissions = Permissions(read=("okta.apps.read",))

    def read(self, reader: OktaReader, request: DataRequest) -> Attributes:
        """Search by label; Okta matches beginnings, so the whole label is compared here."""
        label = str(request.config["label"])
        found = reader.all("/api/v1/apps", {"q": label, "limit": 200})
        data = _only([a for a in found if text(a, "label") == label], "app", label)
        seen = app.decode(data).attributes
        return {name: seen.get(name) for name in self.schema.attributes}


def _only(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    if not found:
        raise NotFound(f'Okta has no {kind} "{name}".')
    if len(found) > 1:
        raise Conflict(f'Okta has {len(found)} {kind}s "{name}"; give them different names.')
    return found[0]
