"""What can be looked up: the organisation and its repositories."""

from __future__ import annotations

from typing import Any

from perimeter.sdk import (
    BOOL,
    STRING,
    Attribute,
    Attributes,
    DataRequest,
    DataSource,
    Mode,
    Permissions,
    Schema,
)
from perimeter_github.client import Client
from perimeter_github.permissions import METADATA_READ


def _shown(kind: Any, doc: str) -> Attribute:
    return Attribute(type=kind, doc=doc, computed=True, mode=Mode.OBSERVED)


class RepositoryData(DataSource):
    """One repository of the organisation."""

    name = "github_repository"
    permissions = Permissions(read=(METADATA_READ,))
    schema = Schema(
        doc="A repository of the organisation, by name.",
        attributes={
            "name": Attribute(
                type=STRING, doc="Its name, without the organisation.", required=True
            ),
            "id": _shown(STRING, "GitHub's number of it."),
            "full_name": _shown(STRING, "Its name with the organisation."),
            "visibility": _shown(STRING, "`public`, `private` or `internal`."),
            "default_branch": _shown(STRING, "Its default branch."),
            "archived": _shown(BOOL, "Whether it is archived."),
        },
    )

    def read(self, reader: Client, request: DataRequest) -> Attributes:
        """``GET /repos/{owner}/{repo}``."""
        name = str(request.config["name"])
        data = reader.get(reader.repository(name), METADATA_READ).data
        private = "private" if data.get("private") else "public"
        return {
            "name": name,
            "id": str(data["id"]),
            "full_name": data.get("full_name"),
            "visibility": data.get("visibility") or private,
            "default_branch": data.get("default_branch"),
            "archived": data.get("archived"),
        }


class OrganizationData(DataSource):
    """The organisation that the provider block names."""

    name = "github_organization"
    permissions = Permissions()
    schema = Schema(
        doc="The organisation that the provider block names.",
        attributes={
            "id": _shown(STRING, "Its id, which never changes."),
            "login": _shown(STRING, "Its name in URLs."),
            "name": _shown(STRING, "What it calls itself."),
            "html_url": _shown(STRING, "Where it is on the web."),
            "plan": _shown(STRING, "Its plan, where GitHub tells."),
        },
    )

    def read(self, reader: Client, request: DataRequest) -> Attributes:
        """``GET /orgs/{org}``."""
        data = reader.get(reader.path(), METADATA_READ).data
        return {
            "id": str(data["id"]),
            "login": data.get("login"),
            "name": data.get("name"),
            "html_url": data.get("html_url"),
            "plan": (data.get("plan") or {}).get("name"),
        }
