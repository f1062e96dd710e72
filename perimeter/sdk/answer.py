"""One vendor answer, independent of the HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    Attributes:
        status: HTTP status; 200 when a cached body was confirmed by a 304.
        headers: by lower-case name; repeated ones joined by ``, ``.
        data: the decoded JSON body; None when empty; text when ``raw`` was asked for or the answer
            is a failure that is not JSON. May hold secrets until the provider's decoder has dropped
            them.
        request_id: the vendor's id of the exchange, where it gives one.
        date: the vendor's clock (UTC), from the ``Date`` header; age and expiry are judged by it.
        url: where the body came from, after redirects.
        not_modified: whether the body is a cached one that the vendor confirmed.
        link_is_fresh: whether the ``Link`` header belongs to this exchange rather than to the
            cached one.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Any = field(default=None, repr=False)
    request_id: str = ""
    date: datetime | None = None
    url: str = field(default="", repr=False)
    not_modified: bool = False
    link_is_fresh: bool = True

    def header(self, name: str) -> str:
        """The header's value, or nothing."""
        return self.headers.get(name.lower(), "")
