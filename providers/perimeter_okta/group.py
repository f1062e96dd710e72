"""``okta_group``: groups made in Okta itself."""

from __future__ import annotations

from typing import Any

from perimeter.sdk import (
    STRING,
    Access,
    Attribute,
    CreateRequest,
    DeleteRequest,
    Direction,
    Identity,
    Listing,
    ListRequest,
    Observed,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Transition,
    UpdateRequest,
    Written,
    path_of,
)
from perimeter_okta.access import without_group
from perimeter_okta.attributes import ID, moment
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.decode import at, given, text, time, without
from perimeter_okta.permissions import GROUPS
from perimeter_okta.quirks import GROUP_DELETION

OWN = 'type eq "OKTA_GROUP"'


def decode(data: Any) -> Observed:
    """One group of Okta's answers."""
    return Observed(
        id=text(data, "id") or "",
        attributes={
            "id": text(data, "id"),
            "name": text(data, "profile", "name"),
            "description": text(data, "profile", "description") or "",
            "created": time(data, "created"),
        },
    )


class Group(ResourceType):
    """A group made in Okta."""

    name = "okta_group"
    schema = Schema(
        doc="A group made in Okta. Groups that come from an app or a directory, and Everyone, are the data source's affair.",
        attributes={
            "id": ID,
            "name": Attribute(type=STRING, doc="What people call it; unique.", required=True),
            "description": Attribute(type=STRING, doc="What it is for.", optional=True, default=""),
            "created": moment("When it was made."),
        },
    )
    identity = Identity(
        natural_key=("name",), recognition=Recognition.UNIQUE_KEY, visible_within=10.0
    )
    permissions = GROUPS
    hides = "Groups that come from an app or a directory, and built-in ones, are left out."
    quirks = (GROUP_DELETION,)
    affects_sign_in = True

    def list(self, reader: OktaReader, request: ListRequest) -> Listing:
        """Read all groups made in Okta: 200 a call, as Okta recommends."""
        found = reader.all("/api/v1/groups", {"filter": OWN, "limit": 200})
        return Listing(objects=tuple(decode(item) for item in found))

    def read(self, reader: OktaReader, request: ReadRequest) -> Observed | None:
        """Read one group."""
        data = reader.find(path_of("api", "v1", "groups", request.id))
        return None if data is None else decode(data)

    def create(self, writer: OktaWriter, request: CreateRequest) -> Written:
        """Make a group."""
        answer = writer.post("/api/v1/groups", {"profile": _profile(request.attributes)})
        return Written(id=answer.data["id"], request_id=answer.request_id)

    def update(self, writer: OktaWriter, request: UpdateRequest) -> Written:
        """Rename or describe it; custom profile attributes stay as they are."""
        path = path_of("api", "v1", "groups", request.id)
        kept = at(writer.find(path), "profile")
        profile = {
            **(without(kept, ()) if isinstance(kept, dict) else {}),
            **_profile(request.after),
        }
        answer = writer.put(path, {"profile": profile})
        return Written(id=request.id, request_id=answer.request_id)

    def delete(self, writer: OktaWriter, request: DeleteRequest) -> str:
        """Delete it."""
        return writer.delete(path_of("api", "v1", "groups", request.id))

    def may_lock_out(self, transition: Transition) -> bool:
        """An empty group, or another name, takes nothing from anybody; deleting one ends what it carried."""
        return transition.after is None

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """Its members lose its roles, and the policies that are bound to it."""
        return (without_group(access, str((transition.before or {}).get("id"))),)

    def direction(self, transition: Transition) -> Direction:
        """An empty group grants nothing; a deleted one may have carried access or held people to a stricter policy."""
        return Direction.UNKNOWN if transition.after is None else Direction.NEUTRAL

    def origin(self, attributes: Any) -> str:
        """Since when."""
        made = attributes.get("created")
        return f"made {made[:10]}" if isinstance(made, str) else ""


def _profile(attributes: Any) -> dict[str, str]:
    return {
        "name": given(attributes, "name") or "",
        "description": given(attributes, "description") or "",
    }
