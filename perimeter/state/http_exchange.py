"""Requests to an HTTP server that keeps state: bounded in time, tried again, secrets kept."""

from __future__ import annotations

import base64
import hashlib
import os
import ssl
import tempfile
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perimeter.sdk.redact import SECRETS
from perimeter.state.errors import StateError, state_error
from perimeter.state.settings import SettingError

if TYPE_CHECKING:
    import httpx2

RETRIED = frozenset({429, 500, 502, 503, 504})
"""Answers after which a request may be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to talk to the server.

    Attributes:
        retry_max: how often a request is tried again.
        retry_wait_min: seconds before the second try; they double.
        retry_wait_max: seconds at most.
        verify: whether the server's certificate is checked.
        ca: certificates (PEM) to trust instead of the system's.
        certificate: (PEM) by which the server knows us.
        key: (PEM) of ``certificate``.
        timeout: seconds for which the server may be silent.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    retry_max: int = 5
    retry_wait_min: float = 1.0
    retry_wait_max: float = 30.0
    verify: bool = True
    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)
    timeout: float = 60.0

    def pause(self, tried: int) -> float:
        """Seconds to wait after so many tries."""
        return min(self.retry_wait_max, self.retry_wait_min * 2.0 ** (tried - 1))


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said; ``status`` 0 when nobody knows what became of the request."""

    status: int
    body: bytes = b""
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300

    @property
    def unsure(self) -> bool:
        """Whether it may have been done nevertheless, or can be tried again."""
        return self.status == 0 or self.status in RETRIED

    def told(self) -> str:
        """What went wrong, for people."""
        if not self.status:
            return SECRETS.redact(self.problem)
        text = " ".join(self.body[:300].decode("utf-8", "replace").split())
        return f"it answered {self.status}{f': {SECRETS.redact(text)}' if text else ''}".rstrip(".")


class Exchange:
    """A client for one server; threads may share it."""

    def __init__(self, access: Access) -> None:
        for secret in (access.password, access.key, *access.headers.values()):
            SECRETS.add(secret)
        self.access = access
        self._made: list[httpx2.Client] = []
        weakref.finalize(self, _close, self._made)

    def once(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request once."""
        import httpx2

        headers = {}
        if body is not None:
            digest = hashlib.md5(body, usedforsecurity=False).digest()
            headers = {
                "content-type": "application/json",
                "content-md5": base64.b64encode(digest).decode(),
            }
        try:
            answer = self._client().request(
                method,
                httpx2.URL(url).copy_merge_params(dict(params or {})),
                content=body,
                headers=headers,
            )
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as problem:
            raise state_error(
                "Invalid address", f"{url} cannot be asked: {problem}. Correct the backend block."
            ) from None
        except httpx2.HTTPError as problem:
            return Reply(0, problem=f"{type(problem).__name__}: {problem}".rstrip(": "))
        return Reply(answer.status_code, answer.content)

    def repeated(self, method: str, url: str, body: bytes | None = None) -> Reply:
        """Send a request that may be done twice, until its outcome is known or the tries are spent."""
        tried = 0
        while True:
            reply = self.once(method, url, body)
            tried += 1
            if not reply.unsure or tried > self.access.retry_max:
                return reply
            time.sleep(self.access.pause(tried))

    def close(self) -> None:
        """Close the connections; the next request makes new ones."""
        _close(self._made)

    def _client(self) -> httpx2.Client:
        if not self._made:
            import httpx2

            from perimeter import __version__

            access = self.access
            basic = httpx2.BasicAuth(access.username, access.password) if access.username else None
            self._made.append(
                httpx2.Client(
                    auth=basic,
                    verify=_context(access),
                    headers={
                        "user-agent": f"perimeter/{__version__}",
                        "accept": "application/json",
                        **access.headers,
                    },
                    timeout=httpx2.Timeout(access.timeout, connect=10.0),
                )
            )
        return self._made[0]


def failed(summary: str, reply: Reply, where: str, remains: str) -> StateError:
    """An answer as an error that says what is still true."""
    if reply.status == 401:
        then = "It wants credentials: set username and password (PERIMETER_HTTP_USERNAME, PERIMETER_HTTP_PASSWORD)."
    elif reply.status == 403:
        then = "The credentials do not allow it."
    elif reply.status in (404, 405, 501):
        then = "Check address and method in the backend block."
    elif reply.status == 413:
        then = "The server limits the size of a state; raise its limit."
    elif 300 <= reply.status < 400:
        then = "Redirections are not followed: give the final address."
    elif reply.unsure:
        then = "Check that the server can be reached and is well, then run again."
    else:
        then = "Run again; if it persists, look into the server's log."
    return state_error(summary, f"{where}: {reply.told()}. {remains} {then}")


def _context(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.ca or None)
    except (ssl.SSLError, ValueError):
        raise SettingError(
            "client_ca_certificate_pem",
            "Invalid certificate",
            "client_ca_certificate_pem holds no certificates in PEM form.",
        ) from None
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if access.certificate:
        descriptor, name = tempfile.mkstemp(prefix="perimeter-")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{access.certificate}\n{access.key}\n")
            context.load_cert_chain(name)
        except (ssl.SSLError, ValueError):
            raise SettingError(
                "client_certificate_pem",
                "Invalid client certificate",
                "client_certificate_pem and client_private_key_pem are no certificate and its key in PEM form.",
            ) from None
        finally:
            with suppress(OSError):
                os.unlink(name)  # noqa: PTH108  # a name, not a path
    return context


def _close(clients: list[httpx2.Client]) -> None:
    while clients:
        clients.pop().close()
