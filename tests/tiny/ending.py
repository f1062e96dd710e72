"""Types of the tiny vendor whose nested blocks end by themselves: one folds them into an attribute, one keeps them."""

from __future__ import annotations

from typing import Any

from perimeter.sdk import (
    STRING,
    UNKNOWN,
    Attribute,
    Attributes,
    Direction,
    Identity,
    NestedBlock,
    Nesting,
    Recognition,
    Schema,
    Set,
    Transition,
    Unknown,
)
from tests.tiny.types import ID, Kind, text


class Badge(Kind):
    """Its ``door`` blocks add to ``doors``; the vendor knows only the set."""

    name = "tiny_badge"
    unique = "name"
    identity = Identity(natural_key=("name",), recognition=Recognition.UNIQUE_KEY)
    schema = Schema(
        attributes={
            "id": ID,
            "name": text("Its name.", required=True),
            "doors": Attribute(type=Set(STRING), doc="What it opens.", optional=True),
        },
        blocks={
            "door": NestedBlock(
                nesting=Nesting.SET,
                doc="One more door, for a while.",
                label="name",
                key=("name",),
                expires="expires_at",
                attributes={
                    "name": text("Which.", required=True),
                    "expires_at": text("Until when.", optional=True),
                },
            )
        },
    )

    def fold(self, desired: Attributes) -> Attributes | None:
        blocks = desired.get("door")
        if blocks is None:
            return desired
        rest = {name: value for name, value in desired.items() if name != "door"}
        doors = rest.get("doors") or []
        if isinstance(blocks, Unknown) or isinstance(doors, Unknown):
            return {**rest, "doors": UNKNOWN}
        assert all("expires_at" not in item for item in blocks)
        found = [*doors, *(item["name"] for item in blocks)]
        return {**rest, "doors": found} if found else None

    def direction(self, transition: Transition) -> Direction:
        before, after = transition.before or {}, transition.after or {}
        there, wanted = before.get("doors") or [], after.get("doors") or []
        if isinstance(wanted, Unknown):
            return Direction.UNKNOWN
        if set(wanted) - set(there):
            return Direction.WIDENS
        return Direction.NARROWS if set(there) - set(wanted) else Direction.NEUTRAL


class Ward(Kind):
    """Its ``guest`` blocks are objects of their own to the vendor."""

    name = "tiny_ward"
    unique = "name"
    identity = Identity(natural_key=("name",), recognition=Recognition.UNIQUE_KEY)
    schema = Schema(
        attributes={"id": ID, "name": text("Its name.", required=True)},
        blocks={
            "guest": NestedBlock(
                nesting=Nesting.LIST,
                doc="Who may come.",
                key=("name",),
                expires="until",
                attributes={
                    "name": text("Who.", required=True),
                    "room": text("Where.", optional=True),
                    "until": text("Until when.", optional=True),
                },
            )
        },
    )

    def create(self, writer: Any, request: Any) -> Any:
        assert all(item.get("until") is None for item in request.attributes.get("guest") or ())
        return super().create(writer, request)
