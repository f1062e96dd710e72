"""Conditional requests (RFC 9110 §13): ETags and 304."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from perimeter.sandbox.wire import Request, Response


def etag_of(body: bytes) -> str:
    """A weak entity tag of a body."""
    return f'W/"{hashlib.sha256(body).hexdigest()[:40]}"'


def conditional(request: Request, response: Response) -> Response:
    """Add an ETag to a successful GET, or answer 304 when the client has that body already.

    A 304 keeps the other headers; its ETag stands for the body alone, as real vendors' do.
    """
    if request.method not in {"GET", "HEAD"} or response.status != 200:
        return response
    etag = etag_of(response.encoded())
    headers = {**response.headers, "ETag": etag}
    if _matches(request.headers.get("if-none-match", ""), etag):
        return Response(status=304, headers=headers)
    return replace(response, headers=headers)


def _matches(header: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
