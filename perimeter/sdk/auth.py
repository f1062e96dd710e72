"""Where a client's credential comes from."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from perimeter.sdk.limiter import Clock
from perimeter.sdk.redact import SECRETS

Auth = Callable[[], Mapping[str, str]]
"""Gives the headers that authenticate a request.

When it also has ``renew(stale)``, a refused credential is renewed once.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A short-lived credential.

    Attributes:
        headers: the headers it is sent in.
        lifetime: seconds it is valid for.
    """

    headers: Mapping[str, str] = field(repr=False)
    lifetime: float


def bearer(token: str, scheme: str = "Bearer") -> Auth:
    """Authenticate by a fixed token, under a scheme such as ``Bearer`` or ``SSWS``."""
    SECRETS.add(token)
    return lambda: {"authorization": f"{scheme} {token}"}


def basic(user: str, password: str) -> Auth:
    """Authenticate by HTTP Basic (RFC 7617)."""
    SECRETS.add(password)
    text = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return lambda: {"authorization": f"Basic {text}"}


class RenewedAuth:
    """Authenticates by a short-lived token that is fetched when needed and renewed before it ends.

    Thread-safe.
    """

    def __init__(
        self, fetch: Callable[[], Token], *, margin: float = 60.0, clock: Clock | None = None
    ) -> None:
        self._fetch = fetch
        self._margin = margin
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._until = 0.0

    def __call__(self) -> Mapping[str, str]:
        """The headers; fetches a token when there is none or it is about to end."""
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._until:
                self._token = self._fetch()
                margin = min(self._margin, self._token.lifetime / 2)
                self._until = self._clock.monotonic() + self._token.lifetime - margin
            return self._token.headers

    def renew(self, stale: Mapping[str, str]) -> None:
        """Forget the token, unless another thread has replaced the refused one already."""
        with self._lock:
            if self._token is not None and self._token.headers == stale:
                self._token = None
