"""One call to make, and how its body travels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from perimeter.sdk.errors import Fatal
from perimeter.sdk.graphql import only_reads
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.urls import public_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, apart from its authentication.

    Attributes:
        method: in capitals.
        url: the whole URL.
        headers: by lower-case name.
        content: the encoded body.
        write: whether it may change something.
        fresh: neither use nor confirm a cached body.
        raw: give the body as text.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    write: bool = False
    fresh: bool = True
    raw: bool = False

    @property
    def where(self) -> str:
        """How messages name it: ``GET host/path``."""
        return SECRETS.redact(f"{self.method} {public_url(self.url, query=False)}")


def encoded(body: Any, *, form: bool, where: str) -> bytes | None:
    """The body as JSON, or as a URL-encoded form; None for none.

    Raises:
        Fatal: it holds something that neither can carry, such as a value that is not decided yet.
    """
    if body is None:
        return None
    try:
        if form:
            return urlencode(body).encode("ascii")
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, default=_plain)
        return text.encode()
    except (TypeError, ValueError) as error:
        raise Fatal(
            f"{where}: the body cannot be sent; it holds a value that is not decided yet or is not"
            f" JSON ({type(error).__name__})."
        ) from None


def reads_only(document: Any) -> bool:
    """Whether the body of a POST that is declared as a read reads indeed, as far as it tells.

    GraphQL documents may hold queries only; stored documents, which a digest names, are refused.
    """
    if not isinstance(document, Mapping):
        return False
    if "query" in document:
        return isinstance(document["query"], str) and only_reads(document["query"])
    return not {"extensions", "documentId", "doc_id"} & set(document)


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)
