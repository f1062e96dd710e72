"""Okta's API as the resource types use it: one client that only reads, one that also writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from perimeter.sdk import (
    Answer,
    Budget,
    Forbidden,
    HttpClient,
    NotFound,
    Retryable,
    collect,
    cursor_pages,
    link_pages,
)
from perimeter_okta.permissions import scope_of


class OktaReader:
    """Reads; used by several threads at once.

    Args:
        http: the client for the org.
        client_id: the app that perimeter acts as, if it uses OAuth.
        scopes: tells the scopes that the credential was granted, once it is in use; None for API tokens,
            which may do what their owner may.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        client_id: str = "",
        scopes: Callable[[], frozenset[str]] | None = None,
        also: HttpClient | None = None,
    ) -> None:
        self.http = http
        self.client_id = client_id
        self.scopes = scopes
        self._also = also
        self._organization: Mapping[str, Any] | None = None

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Read one answer."""
        with _explained("GET", path):
            return self.http.get(path, params)

    def find(self, path: str) -> dict[str, Any] | None:
        """Read one object; None when Okta says that it does not exist."""
        try:
            data = self.get(path).data
        except NotFound:
            return None
        if not isinstance(data, dict):
            raise Retryable(f"{path}: the answer holds no object.")
        return data

    def all(self, path: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Read a whole collection, following ``Link: rel="next"``."""
        with _explained("GET", path):
            found = collect(link_pages(self.http, path, params), key=lambda item: item["id"])
        return [item for item in found if isinstance(item, dict)]

    def all_values(self, path: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Read a whole collection whose pages hold ``value`` and ``_links.next``."""

        def fetch(following: str | None) -> Answer:
            return self.http.get(path, params) if following is None else self.http.get(following)

        def following(data: Any) -> str | None:
            link = data.get("_links") or {} if isinstance(data, Mapping) else {}
            found = (link.get("next") or {}).get("href")
            return found if isinstance(found, str) else None

        with _explained("GET", path):
            pages = cursor_pages(fetch, following)
            return collect(pages, lambda data: data["value"], key=lambda item: item["id"])

    def organization(self) -> Mapping[str, Any]:
        """What the org tells everybody about itself, its immutable id among it."""
        if self._organization is None:
            data = self.get("/.well-known/okta-organization").data
            if not isinstance(data, dict) or not isinstance(data.get("id"), str):
                raise Retryable("This host does not answer as an Okta org. Check org_url.")
            self._organization = data
        return self._organization

    def org_url(self) -> str:
        """The org's own URL, which issues Okta's scopes."""
        links = self.organization().get("_links") or {}
        found = (links.get("organization") or {}).get("href")
        return found.rstrip("/") if isinstance(found, str) else self.http.origin.url("/")[:-1]

    def budget(self) -> tuple[Budget, ...]:
        """What is left of the credential's allowances."""
        return self.http.budget()

    @property
    def date(self) -> datetime | None:
        """The vendor's clock, as last seen."""
        return self.http.date

    def close(self) -> None:
        """Release connections."""
        self.http.close()
        if self._also is not None:
            self._also.close()


class OktaWriter(OktaReader):
    """Reads and writes."""

    def post(self, path: str, body: Any = None, params: Mapping[str, Any] | None = None) -> Answer:
        """Create, or carry out an action."""
        with _explained("POST", path):
            return self.http.post(path, body, params)

    def put(self, path: str, body: Any = None) -> Answer:
        """Replace, or add to a collection."""
        with _explained("PUT", path):
            return self.http.put(path, body)

    def delete(self, path: str) -> str:
        """Remove; returns the request's id. What is gone already counts as removed."""
        try:
            with _explained("DELETE", path):
                return self.http.delete(path).request_id
        except NotFound as gone:
            return gone.request_id

    def end(self, path: str, params: Mapping[str, Any]) -> str:
        """Carry out an action that Okta writes as DELETE; returns the request's id. What is not there is an error."""
        with _explained("DELETE", path):
            return self.http.delete(path, None, params).request_id


@contextmanager
def _explained(method: str, path: str) -> Iterator[None]:
    """Name the scope that a refused call needs, where Okta does not."""
    try:
        yield
    except Forbidden as refused:
        if not refused.needs:
            refused.needs = scope_of(method, path)
        raise
