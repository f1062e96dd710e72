"""``perimeter_data``: a value with the lifecycle of a resource."""

from __future__ import annotations

import uuid
from typing import Any

from perimeter.sdk import (
    DYNAMIC,
    STRING,
    UNKNOWN,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
    Identity,
    Listing,
    ListRequest,
    Observed,
    Permissions,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Transition,
    UpdateRequest,
    Written,
)


class Data(ResourceType):
    """Behaves as Terraform's ``terraform_data``: https://developer.hashicorp.com/terraform/language/resources/terraform-data."""

    name = "perimeter_data"
    local = True
    schema = Schema(
        doc="Holds a value with the lifecycle of a resource: in state only, at no vendor.",
        attributes={
            "id": Attribute(
                type=STRING, doc="A random id, new with each replacement.", computed=True
            ),
            "input": Attribute(type=DYNAMIC, doc="The value to hold.", optional=True),
            "output": Attribute(
                type=DYNAMIC, doc="The value held: `input` as applied.", computed=True
            ),
            "triggers_replace": Attribute(
                type=DYNAMIC,
                doc="A change of this value replaces the resource.",
                optional=True,
                replace=True,
            ),
        },
    )
    identity = Identity(recognition=Recognition.TOKEN, import_format="ID")
    permissions = Permissions()

    def list(self, reader: Any, request: ListRequest) -> Listing:
        """Nothing: only state knows such objects."""
        return Listing(objects=())

    def read(self, reader: Any, request: ReadRequest) -> Observed | None:
        """The object as state remembers it, which is all there is."""
        return Observed(id=request.id, attributes=request.hint)

    def create(self, writer: Any, request: CreateRequest) -> Written:
        """Make an id."""
        identifier = str(uuid.uuid4())
        return Written(id=identifier, attributes={"id": identifier, **_held(request.attributes)})

    def update(self, writer: Any, request: UpdateRequest) -> Written:
        """Take over the new input."""
        return Written(id=request.id, attributes={"id": request.id, **_held(request.after)})

    def delete(self, writer: Any, request: DeleteRequest) -> str:
        """Nothing is left to remove."""
        return ""

    def plan(self, transition: Transition) -> Attributes:
        """As Terraform: ``output`` is known once ``input`` has been applied."""
        after = dict(transition.after or {})
        before = transition.before
        if before is None:
            after["id"] = UNKNOWN
            after["output"] = None if after.get("input") is None else UNKNOWN
        elif transition.changed("input"):
            after["output"] = UNKNOWN
        return after

    def direction(self, transition: Transition) -> Direction:
        """It touches nobody's access."""
        return Direction.NEUTRAL


def _held(attributes: Attributes) -> dict[str, Any]:
    value = attributes.get("input")
    return {
        "input": value,
        "output": value,
        "triggers_replace": attributes.get("triggers_replace"),
    }
