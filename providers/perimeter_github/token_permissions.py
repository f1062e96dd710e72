"""What a fine-grained personal access token is shown as: shared by grants and requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perimeter.sdk import (
    BOOL,
    STRING,
    Attribute,
    Attributes,
    Direction,
    Forbidden,
    HydrateRequest,
    Map,
    Mode,
    NotFound,
    Observed,
    Plain,
    Reason,
    Set,
    Unseen,
    join_directions,
)
from perimeter.sdk.canonical import login, timestamp
from perimeter_github import directions
from perimeter_github.client import Client
from perimeter_github.permissions import powers


def _shown(kind: Any, doc: str, canonical: Callable[[Plain], Plain] | None = None) -> Attribute:
    return Attribute(type=kind, doc=doc, computed=True, mode=Mode.OBSERVED, canonical=canonical)


def _declared(kind: Any, doc: str, **more: Any) -> Attribute:
    return Attribute(type=kind, doc=doc, optional=True, computed=True, mode=Mode.OBSERVED, **more)


def _named(doc: str, canonical: Callable[[Plain], Plain] | None = None) -> Attribute:
    return Attribute(type=STRING, doc=doc, required=True, mode=Mode.OBSERVED, canonical=canonical)


def lower_names(value: Plain) -> Plain:
    """Repository names in one case, sorted."""
    return sorted({login(name) if isinstance(name, str) else name for name in value})


ATTRIBUTES: Mapping[str, Attribute] = {
    "id": Attribute(type=STRING, doc="GitHub's number of it.", computed=True),
    "owner": _named("Login of the token's owner.", login),
    "token_name": _named("What its owner calls the token."),
    "token_id": _shown(STRING, "GitHub's number of the token, as in the audit log."),
    "permissions": _declared(
        Map(Map(STRING)),
        "Access levels by permission, under `organization`, `repository` and `other`.",
    ),
    "repository_selection": _declared(
        STRING,
        "Whether the token reaches no, all or some repositories.",
        values=("none", "all", "subset"),
    ),
    "repositories": _declared(
        Set(STRING), "Names of the repositories of a subset; null otherwise.", canonical=lower_names
    ),
    "token_expired": _shown(BOOL, "Whether the token has expired."),
    "token_expires_at": _shown(STRING, "When it expires; null for never.", timestamp),
    "token_last_used_at": _shown(STRING, "When it was last used.", timestamp),
}
"""The attributes that grants and requests have in common."""


def observed(item: Mapping[str, Any], **more: Plain) -> Observed:
    """A grant or request as GitHub shows it."""
    attributes: dict[str, Plain] = {
        "id": str(item["id"]),
        "owner": (item.get("owner") or {}).get("login"),
        "token_name": item.get("token_name"),
        "token_id": str(item.get("token_id")),
        "permissions": _permissions(item.get("permissions") or {}),
        "repository_selection": item.get("repository_selection"),
        "token_expired": item.get("token_expired"),
        "token_expires_at": item.get("token_expires_at"),
        "token_last_used_at": item.get("token_last_used_at"),
        **more,
    }
    if attributes["repository_selection"] != "subset":
        attributes["repositories"] = None
    return Observed(id=str(item["id"]), attributes=attributes)


def _permissions(given: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {area: dict(levels) for area, levels in given.items() if levels}


def hydrated(
    reader: Client, request: HydrateRequest, collection: str, permission: str
) -> tuple[Observed, ...]:
    """The repositories of subsets, one call each."""
    found = []
    for item in request.objects:
        selected = repositories(reader, item, collection, permission)
        found.append(Observed(id=item.id, attributes={"repositories": selected}))
    return tuple(found)


def repositories(reader: Client, item: Observed, collection: str, permission: str) -> Plain:
    """Names of the repositories of a subset, or None; ``Unseen`` where they are not shown."""
    if item.attributes.get("repository_selection") not in {"subset", None}:
        return None
    try:
        shown = reader.items(reader.path(collection, item.id, "repositories"), permission)
    except (Forbidden, NotFound) as error:
        needs = getattr(error, "needs", "") or permission
        return Unseen(reason=Reason.FORBIDDEN, needs=needs, detail=error.message)
    return sorted(str(repository["name"]) for repository in shown)


def direction(before: Attributes, after: Attributes) -> Direction:
    """More permissions or repositories widen."""
    areas = {*_areas(before), *_areas(after)}
    found = [
        directions.levels(_areas(before).get(area, {}), _areas(after).get(area, {}))
        for area in areas
    ]
    found.append(
        directions.rising(
            _REACH.get(str(before.get("repository_selection"))),
            _REACH.get(str(after.get("repository_selection"))),
        )
    )
    if before.get("repository_selection") == after.get("repository_selection"):
        found.append(directions.members(before.get("repositories"), after.get("repositories")))
    return join_directions(*found)


_REACH = {"none": 0, "subset": 1, "all": 2}


def _areas(attributes: Attributes) -> Mapping[str, Any]:
    areas = attributes.get("permissions")
    return areas if isinstance(areas, Mapping) else {}


def risks(attributes: Attributes) -> tuple[str, ...]:
    """What such a token can do, and that it never ends."""
    where = {"all": "every repository", "subset": "selected repositories"}
    selection = str(attributes.get("repository_selection"))
    found: tuple[str, ...] = ()
    for area, levels in _areas(attributes).items():
        if area != "repository" or selection in where:
            found += powers(levels, where.get(selection, ""))
    if attributes.get("token_expires_at") is None:
        found += ("never expires",)
    return found


def changed(before: Attributes, after: Attributes) -> tuple[str, ...]:
    """Names of the declared attributes that differ."""
    return tuple(
        name
        for name, attribute in ATTRIBUTES.items()
        if attribute.optional
        and after.get(name) is not None
        and before.get(name) != after.get(name)
    )
