"""Fetching over https: files and small answers. The only module here that knows the HTTP library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from perimeter.config.sources.address import SourceError, is_loopback
from perimeter.config.sources.limits import LIMITS, Limits, too_large
from perimeter.sdk.urls import public_url

if TYPE_CHECKING:
    import httpx2

REDIRECTS = 10
TIMEOUT = 30.0
"""Seconds for a connection, and between two parts of an answer."""

LARGEST_ANSWER = 10 * 1024 * 1024
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said: ``headers`` by lower-case name, ``url`` after redirects."""

    status: int
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


def get(url: str, headers: Mapping[str, str] = _NONE) -> Answer:
    """A small answer, whatever its status.

    Args:
        url: ``https``, or ``http`` on loopback; so are redirects.
        headers: sent to the URL's own origin only.

    Raises:
        SourceError: there is no answer, or it is not small.
    """
    with _opened(url, headers) as (answer, at):
        body = b""
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise failed(at, "its answer is too long")
        return Answer(status=answer.status_code, url=at, headers=_named(answer), body=body)


def save(
    url: str,
    path: Path,
    headers: Mapping[str, str] = _NONE,
    *,
    checksum: tuple[str, str] | None = None,
    limits: Limits = LIMITS,
) -> Answer:
    """Write what is behind a URL to a file, unless the answer says where else to look.

    The file is written where the status is 200 and there is no ``x-terraform-get`` header.

    Raises:
        SourceError: there is no answer, the file is too large, or its checksum is another.
        OSError: the file cannot be written.
    """
    with _opened(url, headers) as (answer, at):
        found = Answer(status=answer.status_code, url=at, headers=_named(answer))
        if found.status != 200 or "x-terraform-get" in found.headers:
            return found
        with path.open("xb") as out:
            size = 0
            for chunk in answer.iter_bytes():
                size += len(chunk)
                if size > limits.download:
                    raise too_large(f"is over {limits.download} bytes to download")
                out.write(chunk)
    check(path, checksum, at)
    return found


def check(path: Path, checksum: tuple[str, str] | None, url: str) -> None:
    """Compare a file with the checksum that its address gives.

    Raises:
        SourceError: they differ.
    """
    if checksum is None:
        return
    kind, wanted = checksum
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, kind).hexdigest()
    if digest != wanted:
        raise SourceError(
            "Module checksum does not match",
            f"{public_url(url)} has the {kind} checksum {digest}, and the source asks for {wanted}. "
            "Do not use it before you know why.",
        )


def failed(url: str, reason: str) -> SourceError:
    """A download that did not work."""
    return SourceError(
        "Failed to download module", f"{public_url(url)} could not be fetched: {reason}."
    )


def _named(answer: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


@contextmanager
def _opened(url: str, headers: Mapping[str, str]) -> Iterator[tuple[httpx2.Response, str]]:
    import httpx2

    from perimeter import __version__

    home = _origin(url)
    with httpx2.Client(
        follow_redirects=False, timeout=TIMEOUT, headers={"user-agent": f"perimeter/{__version__}"}
    ) as client:
        try:
            for _ in range(REDIRECTS + 1):
                own = dict(headers) if _origin(url) == home else {}
                with client.stream("GET", url, headers=own) as answer:
                    if not answer.is_redirect:
                        yield answer, url
                        return
                    target = urljoin(url, answer.headers.get("location", ""))
                _check_redirect(url, target)
                url = target
        except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
            reason = str(problem).rstrip(".") or type(problem).__name__
            raise failed(url, reason) from None
    raise failed(url, "it redirects without end")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _check_redirect(url: str, target: str) -> None:
    scheme = urlsplit(target).scheme
    local = scheme == "http" and is_loopback(url) and is_loopback(target)
    if scheme != "https" and not local:
        raise failed(url, "it redirects to something other than https")
