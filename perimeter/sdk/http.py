"""The HTTP client that providers build their readers and writers on.

The only module that knows the HTTP library.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from perimeter.sdk import failures
from perimeter.sdk.answer import Answer
from perimeter.sdk.auth import Auth
from perimeter.sdk.budget import Budget, Counts
from perimeter.sdk.call import Call, encoded, reads_only
from perimeter.sdk.errors import (
    Conflict,
    Fatal,
    ProviderError,
    RateLimited,
    Retryable,
    Unauthenticated,
)
from perimeter.sdk.etags import Cached, EtagCache
from perimeter.sdk.failures import Unreached
from perimeter.sdk.limiter import (
    LIMITERS,
    LONGEST_WAIT,
    Limiter,
    Limiters,
    OnWait,
    RateHeaders,
    http_date,
)
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.urls import Origin, Params, joined_query, public_url

if TYPE_CHECKING:
    import httpx2

LARGEST_BODY = 100 * 1024 * 1024
ATTEMPTS = 6
CONNECT_ATTEMPTS = 3
WAITS = 60
REDIRECTS = 5
LONGEST_PAUSE = 30.0

_NONE: Mapping[str, str] = MappingProxyType({})
_LOG = logging.getLogger("perimeter.http")


class HttpClient:
    """A client for one host and one credential; used by several threads at once.

    Reads are repeated after lost connections, timeouts, 429 and 5xx; writes only where the vendor
    surely did nothing: the connection was never made, or it answered 429 or 423. A write whose
    answer was lost raises ``Retryable`` with ``committed=None``. Nothing but
    ``perimeter.sdk.errors`` is raised, and no message holds a secret. Credentials go to
    ``base_url``'s host only.

    Args:
        base_url: the API's root; ``https``, or ``http`` on loopback.
        auth: gives the authentication headers of each request; see ``perimeter.sdk.auth``.
        read_only: refuse every write before anything is sent.
        bucket: names the allowance that a (method, path) draws on.
        rate_headers: the vendor's rate headers.
        capacity_share: the share (0, 1] of each limit that perimeter may use.
        on_wait: called with (seconds, reason) when a wait begins.
        on_request: called with (method, URL without secrets, status or 0, seconds) after each
            exchange.
        timeout: seconds allowed for one exchange.
        user_agent: what the client calls itself.
        headers: sent with every request, such as ``accept``.
        credential: a name for the credential that stays the same when it is renewed, such as an
            app's and installation's id; not a secret. By default a digest of the first
            authentication headers.
        post_reads: paths where POST reads, such as ``/graphql`` or a token endpoint.
        etag_cache: answers that the vendor may confirm by 304.
        error_map: reads an answer (also one of status 200) as an error, in the vendor's own terms;
            None for the usual reading by status. ``status`` and ``request_id`` are filled in.
        limiters: where allowances are kept; its clock times the waits.
        transport: replaces the network, in tests.
        max_body: largest body accepted, in bytes.
        max_wait: longest single wait for an allowance, in seconds; what needs longer raises
            ``RateLimited``.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth | None = None,
        *,
        read_only: bool,
        bucket: Callable[[str, str], str] | None = None,
        rate_headers: RateHeaders | None = None,
        capacity_share: float = 0.5,
        on_wait: OnWait | None = None,
        on_request: Callable[[str, str, int, float], None] | None = None,
        timeout: float = 30.0,
        user_agent: str = "",
        headers: Mapping[str, str] = _NONE,
        credential: str = "",
        post_reads: frozenset[str] = frozenset(),
        etag_cache: EtagCache | None = None,
        error_map: Callable[[Answer], ProviderError | None] | None = None,
        limiters: Limiters = LIMITERS,
        transport: httpx2.BaseTransport | None = None,
        max_body: int = LARGEST_BODY,
        max_wait: float = LONGEST_WAIT,
    ) -> None:
        from perimeter import __version__

        self.origin = Origin.of(base_url)
        self.read_only = read_only
        self._auth = auth or (lambda: _NONE)
        self._bucket = bucket or (lambda _method, _path: self.origin.host)
        self._rate_headers = rate_headers or RateHeaders()
        self._share = capacity_share
        self._on_wait = on_wait
        self._on_request = on_request
        self._timeout = timeout
        self._headers = {
            "user-agent": user_agent or f"perimeter/{__version__}",
            "accept": "application/json",
            **{name.lower(): value for name, value in headers.items()},
        }
        self._credential = credential
        self._post_reads = post_reads
        self._etags = etag_cache
        self._error_map = error_map
        self._limiters = limiters
        self._transport = transport
        self._max_body = max_body
        self._max_wait = max_wait
        self._lock = threading.Lock()
        self._clients: dict[bool, httpx2.Client] = {}
        self._counts = Counts()
        self._date: datetime | None = None
        self._closed = False

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] = _NONE,
        fresh: bool = False,
        raw: bool = False,
    ) -> Answer:
        """Read.

        ``path`` is below ``base_url``, or a whole URL on its host; ``fresh`` asks for a body, not
        for a 304.
        """
        return self.request("GET", path, params=params, headers=headers, fresh=fresh, raw=raw)

    def post(self, path: str, body: Any = None, params: Params | None = None) -> Answer:
        """Write with POST; ``body`` is sent as JSON."""
        return self.request("POST", path, body=body, params=params)

    def put(self, path: str, body: Any = None, params: Params | None = None) -> Answer:
        """Write with PUT; ``body`` is sent as JSON."""
        return self.request("PUT", path, body=body, params=params)

    def patch(self, path: str, body: Any = None, params: Params | None = None) -> Answer:
        """Write with PATCH; ``body`` is sent as JSON."""
        return self.request("PATCH", path, body=body, params=params)

    def delete(self, path: str, body: Any = None, params: Params | None = None) -> Answer:
        """Write with DELETE."""
        return self.request("DELETE", path, body=body, params=params)

    def post_read(
        self, path: str, body: Any, *, form: bool = False, headers: Mapping[str, str] = _NONE
    ) -> Answer:
        """Read by POST, at one of ``post_reads``; repeated as a read is.

        Raises:
            Fatal: the path is not declared as a read, or the GraphQL document holds more than
                queries.
        """
        if path not in self._post_reads:
            raise Fatal(
                f"POST {self.origin.host}{path} is not declared as a read; nothing was sent."
            )
        documents = body if isinstance(body, list | tuple) else [body]
        if not all(reads_only(document) for document in documents):
            raise Fatal(
                f"POST {self.origin.host}{path}: the GraphQL document holds more than queries; "
                "nothing was sent."
            )
        return self._run("POST", path, None, body, headers, write=False, form=form)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Any = None,
        headers: Mapping[str, str] = _NONE,
        form: bool = False,
        fresh: bool = False,
        raw: bool = False,
    ) -> Answer:
        """Make a call of any method; anything but GET and HEAD is a write.

        Args:
            method: in capitals.
            path: below ``base_url``, or a whole URL on its host.
            params: the query; None values are left out, sequences repeated.
            body: sent as JSON, or as a form.
            headers: further headers.
            form: send ``body``, a mapping of strings, URL-encoded.
            fresh: neither use nor confirm a cached body.
            raw: give the body as text.
        """
        write = method not in {"GET", "HEAD"}
        if write and self.read_only:
            raise Fatal(
                f"{method} {self.origin.host}{path.partition('?')[0]} was refused and nothing "
                "was sent: this client only reads."
            )
        return self._run(
            method, path, params, body, headers, write=write, form=form, fresh=fresh, raw=raw
        )

    @property
    def counts(self) -> Counts:
        """What the client did so far."""
        with self._lock:
            return self._counts

    @property
    def date(self) -> datetime | None:
        """The vendor's clock as its newest answer showed it; None before the first."""
        return self._date

    def budget(self) -> tuple[Budget, ...]:
        """What is left of each allowance of the credential."""
        return self._limiters.budgets(self._limiter_key()) if self._credential else ()

    def close(self) -> None:
        """Release connections; further calls raise ``Fatal``."""
        with self._lock:
            clients, self._clients, self._closed = tuple(self._clients.values()), {}, True
        for client in clients:
            client.close()
        if self._etags is not None:
            self._etags.close()

    def _run(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: Any,
        headers: Mapping[str, str],
        *,
        write: bool,
        form: bool = False,
        fresh: bool = True,
        raw: bool = False,
    ) -> Answer:
        url = joined_query(self.origin.url(path), params)
        merged = {**self._headers, **{name.lower(): value for name, value in headers.items()}}
        content = encoded(body, form=form, where=f"{method} {public_url(url)}")
        if content is not None:
            kind = "application/x-www-form-urlencoded" if form else "application/json"
            merged.setdefault("content-type", kind)
        call = Call(
            method=method,
            url=url,
            headers=merged,
            content=content,
            write=write,
            fresh=fresh or raw,
            raw=raw,
        )
        for _ in range(REDIRECTS + 1):
            answer = self._repeated(call)
            if not 300 <= answer.status < 400:
                return answer
            call = self._redirected(call, answer)
        raise Fatal(f"{call.where}: the vendor redirects in circles.")

    def _redirected(self, call: Call, answer: Answer) -> Call:
        target = answer.header("location")
        place = f"{call.where}: {answer.status}"
        if not target:
            raise Fatal(f"{place} is a redirect to nowhere.", status=answer.status)
        if not self.origin.holds(call.url, target):
            raise Fatal(
                f"{place} redirects to another host. Credentials are sent to {self.origin.host} "
                "only; if the API has moved,"
                " change the host in the provider's configuration.",
                status=answer.status,
            )
        if call.write:
            raise Conflict(
                f"{place}: the object has moved; nothing was written. Plan again.",
                status=answer.status,
            )
        return replace(call, url=self.origin.resolve(call.url, target))

    def _repeated(self, call: Call) -> Answer:
        limiter = self._limiter(call)
        attempts = waits = 0
        renewed = False
        while True:
            sent = self._authenticated(call)
            try:
                return self._exchange(call, sent, limiter)
            except Unauthenticated:
                renew = getattr(self._auth, "renew", None)
                if renew is None or renewed:
                    raise
                renew(sent)
                renewed = True
            except RateLimited as error:
                waits += 1
                pause = error.after or _backoff(waits, longest=60.0)
                if waits > WAITS or pause > self._max_wait:
                    raise
                limiter.back_off(max(0.1, pause), f"{self.origin.host} allows no more calls now.")
            except Retryable as error:
                attempts += 1
                if not _repeatable(call, error) or attempts >= (
                    CONNECT_ATTEMPTS if isinstance(error, Unreached) else ATTEMPTS
                ):
                    raise
                self._pause(max(_backoff(attempts), error.after), error)
            self._count(retries=1)

    def _exchange(self, call: Call, auth: Mapping[str, str], limiter: Limiter) -> Answer:
        cached = None
        key = f"{call.url} {call.headers.get('accept')}"
        headers = {**call.headers, **auth}
        if self._etags is not None and call.method == "GET" and not call.fresh:
            cached = self._etags.get(key, self._credential)
            if cached is not None:
                headers["if-none-match"] = cached.etag
        with limiter.slot(self._waiting, self._max_wait):
            status, got, content = self._send(call, headers)
            moment = http_date(got.get("date", ""))
            reading = self._rate_headers.read(got, moment)
            limiter.observe(reading, free=status == 304 and self._rate_headers.not_modified_is_free)
        date = None if moment is None else datetime.fromtimestamp(moment, UTC)
        self._date = date or self._date
        answer = Answer(
            status=status,
            headers=got,
            request_id=_request_id(got),
            date=date,
            url=call.url,
        )
        if status == 304 and cached is not None:
            self._count(not_modified=1)
            return replace(
                answer,
                status=200,
                data=cached.data,
                headers={**cached.headers, **got},
                not_modified=True,
                link_is_fresh="link" in got,
            )
        if status == 304:
            raise failures.lost(call.where, "304 without having been asked for", write=call.write)
        if 300 <= status < 400:
            return answer
        answer = replace(answer, data=self._decoded(call, status, content))
        error = self._in_vendor_terms(call, answer) or failures.from_answer(
            call.where, answer, write=call.write, reading=reading
        )
        if error is not None:
            raise self._completed(error, call, answer, failures.suggested_wait(reading))
        if self._etags is not None and call.method == "GET" and not call.raw:
            answer = replace(answer, data=self._stripped(call, answer.data))
            if etag := got.get("etag"):
                kept = {name: got[name] for name in ("link", "content-type") if name in got}
                self._etags.put(
                    key, self._credential, Cached(etag=etag, data=answer.data, headers=kept)
                )
        return answer

    def _send(self, call: Call, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        import httpx2

        started = time.monotonic()
        status = 0
        self._count(calls=1)
        try:
            client = self._client(call.write)
            request = client.build_request(
                call.method, call.url, headers=dict(headers), content=call.content
            )
            response = client.send(request, stream=True)
            try:
                status = response.status_code
                got = {name.lower(): value for name, value in response.headers.items()}
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > self._max_body:
                        raise Fatal(
                            f"{call.where}: the answer is larger than {self._max_body} bytes "
                            "and was refused.",
                            committed=None if call.write else False,
                            status=status,
                        )
                    if time.monotonic() - started > self._timeout:
                        raise failures.lost(call.where, "no answer in time", write=call.write)
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, RuntimeError, ValueError) as error:
            raise failures.from_transport(call.where, error, write=call.write) from None
        finally:
            seconds = time.monotonic() - started
            shown = SECRETS.redact(public_url(call.url))
            _LOG.debug("%s %s %d %.3fs", call.method, shown, status, seconds)
            if self._on_request is not None:
                self._on_request(call.method, shown, status, seconds)
        return status, got, bytes(content)

    def _client(self, write: bool) -> httpx2.Client:
        with self._lock:
            if self._closed:
                raise Fatal(f"The client for {self.origin.host} is closed.")
            client = self._clients.get(write)
            if client is None:
                client = self._clients[write] = self._made(write)
            return client

    def _made(self, write: bool) -> httpx2.Client:
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx2

        return httpx2.Client(
            timeout=self._timeout,
            follow_redirects=False,
            transport=self._transport,
            # An API session in a cookie would outlive a renewed credential.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            # On a kept connection that the vendor has just closed, nobody could tell whether a
            # write ran.
            limits=httpx2.Limits(max_keepalive_connections=0 if write else 20),
        )

    def _authenticated(self, call: Call) -> Mapping[str, str]:
        try:
            headers = self._auth()
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - its message may hold the credential
            raise Fatal(
                f"{call.where}: the credential could not be made ({type(error).__name__})."
            ) from None
        for value in headers.values():
            SECRETS.add(value.partition(" ")[2] or value)
            if not (value.isascii() and value.isprintable()):
                raise Fatal(
                    f"{call.where}: the credential holds characters that no header can carry, "
                    "such as a line break."
                    " Check how it was copied."
                )
        if not self._credential:
            text = json.dumps(sorted(headers.items()))
            self._credential = hashlib.sha256(text.encode()).hexdigest()[:16]
        return headers

    def _limiter_key(self) -> str:
        return f"{self.origin.root} {self._credential}"

    def _limiter(self, call: Call) -> Limiter:
        if not self._credential:
            self._authenticated(call)
        bucket = self._bucket(call.method, self.origin.path(call.url))
        return self._limiters.get(self._limiter_key(), bucket, self._share)

    def _decoded(self, call: Call, status: int, content: bytes) -> Any:
        if call.raw or not content or call.method == "HEAD":
            return content.decode("utf-8", "replace") if content else None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            if status >= 400:
                return content.decode("utf-8", "replace")
            raise failures.lost(call.where, "the answer is not JSON", write=call.write) from None

    def _in_vendor_terms(self, call: Call, answer: Answer) -> ProviderError | None:
        if self._error_map is None:
            return None
        try:
            return self._error_map(answer)
        except ProviderError as error:
            return error
        except Exception:  # noqa: BLE001 - a body of a shape that the provider did not expect
            if answer.status >= 400:
                return None
            what = "the answer has an unexpected shape"
            raise failures.lost(call.where, what, write=call.write) from None

    def _stripped(self, call: Call, data: Any) -> Any:
        assert self._etags is not None
        try:
            return self._etags.strip(data)
        except Exception:  # noqa: BLE001 - a body of a shape that the provider did not expect
            what = "the answer has an unexpected shape"
            raise failures.lost(call.where, what, write=call.write) from None

    def _completed(
        self, error: ProviderError, call: Call, answer: Answer, after: float
    ) -> ProviderError:
        error.message = SECRETS.redact(error.message)
        error.args = (error.message,)
        error.status = error.status or answer.status
        error.request_id = error.request_id or answer.request_id
        if isinstance(error, Retryable):
            if call.write and answer.status not in _UNDONE:
                error.committed = None
            if after <= self._max_wait:
                error.after = max(error.after, after)
        return error

    def _pause(self, seconds: float, error: ProviderError) -> None:
        self._waiting(seconds, error.message)
        self._limiters.sleep(seconds)

    def _waiting(self, seconds: float, reason: str) -> None:
        self._count(waited=seconds)
        if self._on_wait is not None and seconds >= 1:
            self._on_wait(seconds, reason)

    def _count(
        self, *, calls: int = 0, not_modified: int = 0, retries: int = 0, waited: float = 0.0
    ) -> None:
        with self._lock:
            old = self._counts
            self._counts = Counts(
                calls=old.calls + calls,
                not_modified=old.not_modified + not_modified,
                retries=old.retries + retries,
                waited=old.waited + waited,
            )


_UNDONE = frozenset({423, 429})


def _request_id(headers: Mapping[str, str]) -> str:
    names = (name for name in headers if name.endswith(("request-id", "requestid")))
    return next((headers[name] for name in names), "")


def _repeatable(call: Call, error: Retryable) -> bool:
    if not call.write:
        return True
    return isinstance(error, Unreached) or error.status in _UNDONE


def _backoff(attempt: int, *, longest: float = LONGEST_PAUSE) -> float:
    """Half a second, doubled each time, spread so that many clients do not return at once."""
    pause: float = min(longest, 0.5 * 2 ** min(attempt - 1, 10))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it
