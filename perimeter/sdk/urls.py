"""Putting URLs together so that nothing leaves the host they belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from perimeter.sdk.errors import Fatal

Params = Mapping[str, str | int | bool | Sequence[str | int] | None]
"""A query: None is left out, booleans are ``true`` and ``false``, sequences are repeated."""

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
_PORTS = {"https": 443, "http": 80}
_DOTS = re.compile(r"(^|/)(\.|%2e){1,2}(/|$)", re.IGNORECASE)
_SECRET_NAME = re.compile(r"token|secret|passw|key|code|sig|assertion|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an API lives: scheme, host and port, and the path that all calls share."""

    root: str
    prefix: str

    @classmethod
    def of(cls, base_url: str) -> Origin:
        """Read a base URL.

        Raises:
            Fatal: it is no ``https`` URL (``http`` is allowed on loopback), or holds a user, query
                or fragment.
        """
        root = _root(base_url)
        if root is None:
            raise Fatal("The API's URL is not a URL such as https://api.example.com.")
        parts = urlsplit(base_url)
        if parts.scheme.lower() == "http" and not _LOOPBACK.fullmatch(parts.hostname or ""):
            raise Fatal(
                "The API's URL must begin with https: over http, credentials would travel to "
                f"{parts.hostname} in the open."
            )
        if parts.username is not None or parts.query or parts.fragment:
            raise Fatal("The API's URL must be a host and a path only.")
        return cls(root, parts.path.rstrip("/"))

    @property
    def host(self) -> str:
        """Host, and port unless it is the usual one."""
        return self.root.partition("://")[2]

    def url(self, path: str) -> str:
        """The whole URL of a path below the base URL, or of a whole URL on the same host.

        Raises:
            Fatal: it leads to another host, or holds dot segments or control characters.
        """
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path):
            if _root(path) != self.root:
                raise Fatal(
                    f"{self.host} points to another host; credentials are sent to {self.host} only."
                )
            url = path.partition("#")[0]
        elif path.startswith("/"):
            url = self.root + self.prefix + path.partition("#")[0]
        else:
            raise Fatal(f"The path {path!r} must begin with a slash.")
        if (
            _DOTS.search(urlsplit(url).path)
            or not url.isascii()
            or not url.isprintable()
            or " " in url
        ):
            raise Fatal(f"The path {path!r} holds characters or dot segments that are not allowed.")
        return url

    def path(self, url: str) -> str:
        """The path of a URL below the base URL, without the query."""
        return urlsplit(url).path.removeprefix(self.prefix)

    def holds(self, base: str, reference: str) -> bool:
        """Whether a link found at ``base`` stays on this host."""
        return _root(urljoin(base, reference)) == self.root

    def resolve(self, base: str, reference: str) -> str:
        """The whole URL of a link found at ``base``; raises ``Fatal`` as ``url`` does."""
        return self.url(urljoin(base, reference))


def path_of(*segments: str | int) -> str:
    """A path of segments, each escaped, so that an id cannot lead elsewhere.

    ``path_of("repos", "a", "b/c")``.
    """
    return "".join("/" + quote(str(segment), safe="") for segment in segments)


def joined_query(url: str, params: Params | None) -> str:
    """The URL with parameters added to its query, in the order given."""
    pairs: list[tuple[str, str]] = []
    for name, value in (params or {}).items():
        if value is None:
            continue
        values = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, str(v).lower() if isinstance(v, bool) else str(v)) for v in values]
    if not pairs:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"


def public_url(url: str, *, query: bool = True) -> str:
    """A URL for people.

    Without the scheme, and without the values of query fields that may be secrets.
    """
    parts = urlsplit(url)
    shown = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
    if not query or not parts.query:
        return shown
    pairs = [
        (name, "(redacted)" if _SECRET_NAME.search(name) else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return f"{shown}?{urlencode(pairs, safe='()/:,')}"


def _root(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{scheme}://{host}" + ("" if port in {None, _PORTS[scheme]} else f":{port}")
