"""What an answer or a lost connection means, as one of the errors of ``perimeter.sdk.errors``."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any

from perimeter.sdk.answer import Answer
from perimeter.sdk.errors import (
    Conflict,
    Fatal,
    Forbidden,
    Invalid,
    NotFound,
    ProviderError,
    RateLimited,
    Retryable,
    Unauthenticated,
    Unsupported,
)
from perimeter.sdk.limiter import Reading
from perimeter.sdk.redact import SECRETS

LONGEST = 400


class Unreached(Retryable):
    """No connection was made: the vendor surely did nothing."""


_MESSAGES = ("message", "errorSummary", "error_description", "detail", "title", "error", "reason")
_CAUSES = ("errors", "errorCauses", "details")
_SCOPE = re.compile(r'insufficient_scope.*?scope="([^"]*)"|scope="([^"]*)".*?insufficient_scope')


def vendor_message(data: Any) -> str:
    """The vendor's own words in an error body of any of the usual shapes.

    Redacted, on one line, and of bounded length.
    """
    words = " ".join(_words(data, 0).split())
    words = SECRETS.redact(words)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def from_answer(
    where: str, answer: Answer, *, write: bool, reading: Reading
) -> ProviderError | None:
    """The error an answer stands for by its status alone; None for success.

    Args:
        where: the exchange, as ``GET host/path``.
        answer: the vendor's answer.
        write: whether the call could have changed something.
        reading: what its rate headers said; a refusal for too many calls may come as a 403.
    """
    status = answer.status
    if status < 400:
        return None
    said = vendor_message(answer.data)
    text = f"{where}: {status}" + (f" {said}" if said else "") + ("" if said.endswith(".") else ".")
    more: dict[str, Any] = {"status": status, "request_id": answer.request_id}
    limited = "rate limit" in said.lower() or reading.retry_after is not None
    if status == 429 or (status == 403 and limited):
        return RateLimited(f"{text} Too many calls.", after=suggested_wait(reading), **more)
    if status == 403:
        scopes = _SCOPE.search(answer.header("www-authenticate"))
        needs = (scopes.group(1) or scopes.group(2)) if scopes else ""
        hint = f"Grant it {needs}." if needs else "Grant it that right, or use another credential."
        return Forbidden(f"{text} The credential lacks a right. {hint}", needs=needs, **more)
    if status in {400, 422}:
        return Invalid(f"{text} The vendor refuses the values; correct them.", **more)
    if status == 423:
        return Retryable(f"{text} The object is locked; try again shortly.", **more)
    if status in {405, 501}:
        return Unsupported(f"{text} This tenant or API version cannot do it.", **more)
    if status in {408, 425} or status >= 500:
        more["committed"] = None if write else False
        return Retryable(f"{text} The vendor has a problem; try again later.", **more)
    kind, hint = _BY_STATUS.get(status, (Fatal, "perimeter does not know what to make of it."))
    return kind(f"{text} {hint}", **more)


_BY_STATUS: Mapping[int, tuple[type[ProviderError], str]] = {
    401: (
        Unauthenticated,
        "The credential was refused; check that it is right, not expired and not revoked.",
    ),
    404: (NotFound, "It does not exist, or the credential may not see it."),
    409: (Conflict, "Somebody else changed or created it; plan again."),
    410: (NotFound, "It no longer exists."),
    412: (Conflict, "Somebody else changed it meanwhile; plan again."),
}


def suggested_wait(reading: Reading) -> float:
    """Seconds to wait after a refusal for too many calls; 0 when the vendor does not tell."""
    if reading.retry_after is not None:
        return reading.retry_after
    if reading.reset is not None and reading.now is not None and not reading.remaining:
        return max(0.0, reading.reset - reading.now)
    return 0.0


def from_transport(where: str, error: Exception, *, write: bool) -> ProviderError:
    """The error that a failed exchange stands for.

    ``committed`` is None when a write may have reached the vendor.
    """
    import httpx2

    host = where.partition(" ")[2].partition("/")[0]
    causes = list(_chain(error))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        reason = next((c.reason for c in causes if isinstance(c, ssl.SSLError) and c.reason), "")
        detail = f" ({reason})" if reason else ""
        return Fatal(
            f"{where}: no trusted TLS connection{detail}. Check the host in the provider's "
            "configuration, the clock, and"
            " whether a proxy's certificate authority is missing from the system's trust store.",
            committed=None if write and not isinstance(error, httpx2.ConnectError) else False,
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Unreached(
            f"{where}: the name {host} cannot be resolved. Check it in the provider's "
            "configuration, and the network."
        )
    if isinstance(error, httpx2.ProxyError):
        return Unreached(
            f"{where}: the proxy refused the connection. Check HTTPS_PROXY and NO_PROXY."
        )
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return Unreached(
            f"{where}: {host} cannot be reached. Check the host in the provider's "
            "configuration, the network and the proxy."
        )
    if isinstance(
        error,
        httpx2.UnsupportedProtocol | httpx2.InvalidURL | httpx2.LocalProtocolError | ValueError,
    ):
        return Fatal(f"{where}: the request cannot be sent ({type(error).__name__}).")
    if isinstance(error, httpx2.TimeoutException):
        return lost(where, "no answer in time", write=write)
    if isinstance(error, httpx2.DecodingError):
        return lost(where, "the answer cannot be decompressed", write=write)
    return lost(where, "the connection broke before the whole answer had arrived", write=write)


def lost(where: str, what: str, *, write: bool) -> Retryable:
    """The error for an answer that did not arrive whole; a write may have happened."""
    if write:
        return Retryable(
            f"{where}: {what}. It is not known whether the change was made; the next plan shows "
            "it.",
            committed=None,
        )
    return Retryable(f"{where}: {what}. Try again.")


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _words(data: Any, depth: int) -> str:
    if isinstance(data, str):
        # Pages in HTML come from proxies and say nothing that helps.
        return "" if data.lstrip().startswith("<") else data
    if depth > 3:
        return ""
    if isinstance(data, list | tuple):
        return "; ".join(filter(None, (_words(item, depth + 1) for item in data[:5])))
    if not isinstance(data, Mapping):
        return ""
    main = next((text for name in _MESSAGES if (text := _words(data.get(name), depth + 1))), "")
    if not main and (code := data.get("code")):
        named = [str(data[name]) for name in ("resource", "field") if data.get(name)]
        main = " ".join([*named, str(code)])
    causes = next((text for name in _CAUSES if (text := _words(data.get(name), depth + 1))), "")
    code = data.get("errorCode")
    lead = f"{code} " if isinstance(code, str) and main else ""
    return f"{lead}{main} ({causes})" if main and causes else lead + (main or causes)
