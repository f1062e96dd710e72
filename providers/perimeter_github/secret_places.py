"""Where GitHub Actions keeps secrets: an organisation, a repository, an environment of a repository."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from perimeter.sdk import (
    SECRETS,
    Invalid,
    NotFound,
    Retryable,
    collect,
    link_pages,
)
from perimeter_github.client import PAGE, Client
from perimeter_github.permissions import (
    ENVIRONMENTS_READ,
    ENVIRONMENTS_WRITE,
    METADATA_READ,
    ORGANIZATION_SECRETS_READ,
    ORGANIZATION_SECRETS_WRITE,
    REPOSITORY_SECRETS_READ,
    REPOSITORY_SECRETS_WRITE,
)
from perimeter_github.sealing import LARGEST, sealed

NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*", re.IGNORECASE)
"""What GitHub takes for a name; it compares without case and shows capitals."""
_SHOWN_WITHIN = 8
_PAUSE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where secrets are; with neither part it is the organisation."""

    repository: str = ""
    environment: str = ""

    @property
    def read(self) -> str:
        """The permission that shows names."""
        if self.environment:
            return ENVIRONMENTS_READ
        return REPOSITORY_SECRETS_READ if self.repository else ORGANIZATION_SECRETS_READ

    @property
    def write(self) -> str:
        """The permission that puts and removes."""
        if self.environment:
            return ENVIRONMENTS_WRITE
        return REPOSITORY_SECRETS_WRITE if self.repository else ORGANIZATION_SECRETS_WRITE

    def path(self, client: Client, *more: str) -> str:
        """The endpoint of all secrets here, or one below it."""
        if self.environment:
            return client.repository(
                self.repository, "environments", self.environment, "secrets", *more
            )
        if self.repository:
            return client.repository(self.repository, "actions", "secrets", *more)
        return client.path("actions", "secrets", *more)

    def id_of(self, name: str) -> str:
        """How perimeter names a secret here."""
        parts = (self.repository.lower(), self.environment, name.upper())
        return "/".join(part for part in parts if part)


def secrets_of(reader: Client, place: Place) -> list[dict[str, Any]]:
    """All secrets of a place, as GitHub shows them: never with their values."""

    def items(data: Any) -> Any:
        return data["secrets"]

    path = place.path(reader)
    with reader.naming(place.read):
        pages = link_pages(reader.http, path, {"per_page": PAGE}, page_size=PAGE, items=items)
        return collect(pages, items, key=lambda item: item["name"])


def one_of(reader: Client, place: Place, name: str) -> dict[str, Any] | None:
    """One secret; None once the place is seen to be readable and has none."""
    try:
        with reader.naming(place.read):
            found = reader.http.get(place.path(reader, name.upper()), fresh=True).data
            return dict(found)
    except NotFound:
        pass
    try:
        secrets_of(reader, place)
    except NotFound as error:
        if place.repository and _is_gone(reader, place):
            return None
        raise reader.hidden(error, place.read) from None
    return None


def _is_gone(reader: Client, place: Place) -> bool:
    """Whether repository or environment surely do not exist (any more)."""
    try:
        reader.get(reader.repository(place.repository), METADATA_READ)
    except NotFound:
        return reader.scopes is not None or reader.selection.get("repositories") == "all"
    return bool(place.environment) and place.environment not in environments(
        reader, place.repository
    )


def repositories(reader: Client) -> list[tuple[str, str]]:
    """Names and numbers of the organisation's repositories, 100 a call."""
    found = reader.items(reader.path("repos"), METADATA_READ)
    return [(str(item["name"]), str(item["id"])) for item in found if not item.get("archived")]


def environments(reader: Client, repository: str) -> list[str]:
    """Names of a repository's environments."""

    def items(data: Any) -> Any:
        return data.get("environments") or []

    path = reader.repository(repository, "environments")
    try:
        with reader.naming("actions=read"):
            pages = link_pages(reader.http, path, {"per_page": PAGE}, page_size=PAGE, items=items)
            return [str(item["name"]) for item in collect(pages, items, key=lambda one: one["id"])]
    except NotFound:
        return []


def places(reader: Client, *, inside_environments: bool) -> Iterator[Place]:
    """Every repository, or every environment of every repository."""
    for name, _ in repositories(reader):
        if not inside_environments:
            yield Place(repository=name)
            continue
        for environment in environments(reader, name):
            yield Place(repository=name, environment=environment)


def put(
    writer: Client, place: Place, name: str, text: str, settings: Mapping[str, Any]
) -> tuple[str, str]:
    """Seal a text for a place, put it there, and see that GitHub shows it as just updated.

    Args:
        writer: the client.
        place: where.
        name: the secret's.
        text: its new value.
        settings: further members of the request, such as ``visibility``.

    Returns:
        When GitHub says it was updated, and the request's id.

    Raises:
        Invalid: it is too long.
        Retryable: GitHub does not show the update (``committed`` None).
    """
    SECRETS.add(text)
    if len(text.encode()) > LARGEST:
        raise Invalid(
            f"GitHub Actions takes secrets of at most {LARGEST // 1024} KB; {name} would have more. Deliver one member only, "
            "or use another sink."
        )
    with writer.naming(place.read):
        key = writer.http.get(place.path(writer, "public-key"), fresh=True).data
    body = {
        **settings,
        "encrypted_value": sealed(text, str(key["key"])),
        "key_id": str(key["key_id"]),
    }
    path = place.path(writer, name.upper())
    with writer.naming(place.write):
        answer = writer.http.put(path, body)
    since = None if answer.date is None else answer.date - timedelta(seconds=1)
    for attempt in range(_SHOWN_WITHIN):
        if attempt:
            time.sleep(_PAUSE * attempt)
        try:
            shown = str(writer.http.get(path, fresh=True).data["updated_at"])
        except NotFound:
            continue
        if since is None or datetime.fromisoformat(shown) >= since:
            return shown, answer.request_id
    raise Retryable(
        f"GitHub took the secret {name}, but does not show it as updated.",
        committed=None,
        request_id=answer.request_id,
    )
