"""Requests and responses as an emulated vendor sees them, apart from any socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request.

    Attributes:
        method: upper case.
        path: decoded path below the vendor's root, starting with ``/``.
        query: decoded query parameters; the last one wins.
        headers: lower-case names.
        body: raw bytes.
        base_url: the vendor's root as the client sees it, without a trailing slash (for Link headers).
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = ""

    def json(self) -> Any:
        """The decoded body; None when it is empty.

        Raises:
            ValueError: the body is no JSON.
        """
        return json.loads(self.body) if self.body else None

    @staticmethod
    def parse_query(text: str) -> dict[str, str]:
        """Decode a query string."""
        return dict(parse_qsl(text, keep_blank_values=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP answer; ``body`` is JSON data, or bytes sent as they are, or None for no body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The bytes on the wire."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, separators=(",", ":")).encode()


class Vendor(Protocol):
    """An emulated vendor: one tenant's data and the vendor's manners.

    Found through the entry-point group ``perimeter.sandboxes``; constructed with the seed (a JSON object) and a
    clock (a function returning seconds since the epoch). ``handle`` is called by one thread at a time.
    """

    name: str

    def handle(self, request: Request) -> Response:
        """Answer one request; never raises."""
        ...

    def dump(self) -> dict[str, Any]:
        """The tenant's present content, as a seed that restores it exactly."""
        ...
