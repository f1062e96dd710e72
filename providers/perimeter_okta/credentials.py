"""From the provider block to an authenticated client."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perimeter.sdk import (
    SECRETS,
    Auth,
    ConnectRequest,
    Fatal,
    HttpClient,
    Invalid,
    RateHeaders,
    RenewedAuth,
    Retryable,
    Token,
    Unauthenticated,
    bearer,
    sign_jwt,
)
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.failures import vendor_error
from perimeter_okta.permissions import MANAGE_SCOPES, READ_SCOPES, bucket_of

TOKEN_PATH = "/oauth2/v1/token"  # noqa: S105 - a path
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RATES = RateHeaders(
    limit="x-rate-limit-limit",
    remaining="x-rate-limit-remaining",
    reset="x-rate-limit-reset",
    retry_after="",
)
"""Okta's rate headers; its 429 carries no Retry-After, so that the reset tells the wait."""

_LIFETIME = 300


def connect(request: ConnectRequest, *, write: bool) -> OktaWriter | OktaReader:
    """Make the client that a provider block asks for.

    Raises:
        Fatal: the block and the environment give no credential, or two.
    """
    org_url = _org_url(request)
    token = request.config.get("token")
    client_id = request.config.get("client_id")
    if token and client_id:
        raise Fatal("The okta provider takes either token or client_id, not both.")
    if not token and not client_id:
        token = request.environment.get("OKTA_API_TOKEN")
    kind = OktaWriter if write else OktaReader
    if client_id:
        exchange = _client(request, org_url, None, read_only=True, post_reads={TOKEN_PATH})
        wanted = _wanted(request, write=write)
        grant = _Grant(exchange, str(client_id), _private_key(request), request, wanted)
        http = _client(
            request, org_url, RenewedAuth(grant.fetch), read_only=not write, name=str(client_id)
        )
        return kind(http, client_id=str(client_id), scopes=grant.granted, also=exchange)
    if not token:
        raise Fatal(
            "The okta provider has no credential. Set token (or OKTA_API_TOKEN in the environment) for an API token, or"
            " client_id and private_key (or OKTA_PRIVATE_KEY) for a service app."
        )
    return kind(_client(request, org_url, bearer(str(token), "SSWS"), read_only=not write))


def _org_url(request: ConnectRequest) -> str:
    found = request.config.get("org_url") or request.environment.get("OKTA_ORG_URL")
    if not found:
        raise Fatal('The okta provider needs org_url, such as "https://acme.okta.com".')
    url = str(found).rstrip("/")
    host = url.partition("://")[2].partition("/")[0]
    if host.partition(".")[0].endswith("-admin"):
        raise Fatal(
            f"org_url must be the org itself, not its admin console: use {url.replace('-admin.', '.', 1)}."
        )
    return url


def _client(
    request: ConnectRequest,
    org_url: str,
    auth: Auth | None,
    *,
    read_only: bool,
    name: str = "",
    post_reads: set[str] | None = None,
) -> HttpClient:
    return HttpClient(
        org_url,
        auth,
        read_only=read_only,
        bucket=bucket_of,
        rate_headers=RATES,
        capacity_share=request.capacity_share,
        on_wait=request.on_wait,
        on_request=request.on_request,
        timeout=request.timeout,
        credential=name,
        post_reads=frozenset(post_reads or ()),
        error_map=vendor_error,
    )


def _wanted(request: ConnectRequest, *, write: bool) -> tuple[str, ...]:
    named = request.config.get("scopes")
    if named:
        keep = sorted(str(scope) for scope in named)
        return tuple(scope for scope in keep if write or not scope.endswith(".manage"))
    return (*READ_SCOPES, *MANAGE_SCOPES) if write else READ_SCOPES


def _private_key(request: ConnectRequest) -> str:
    given = request.config.get("private_key") or request.environment.get("OKTA_PRIVATE_KEY")
    if not given:
        raise Fatal("client_id needs private_key, or OKTA_PRIVATE_KEY in the environment (PEM).")
    text = str(given)
    if "-----BEGIN" not in text and len(text) < 1024:
        path = Path(request.base_dir, text)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise Fatal(
                f"private_key is neither PEM text nor a readable file ({error.strerror})."
            ) from None
    SECRETS.add(text)
    return text


class _Grant:
    """Exchanges a signed assertion for access tokens (RFC 7523) with as many of the wanted scopes as the app holds."""

    def __init__(
        self,
        http: HttpClient,
        client_id: str,
        private_key: str,
        request: ConnectRequest,
        wanted: Sequence[str],
    ) -> None:
        self._http = http
        self._client_id = client_id
        self._private_key = private_key
        self._key_id = request.config.get("key_id")
        self._audience = f"{_org_url(request)}{TOKEN_PATH}"
        self._wanted = tuple(wanted)
        self._lock = threading.Lock()
        self._granted: frozenset[str] = frozenset()

    def granted(self) -> frozenset[str]:
        """The scopes of the token in use."""
        return self._granted

    def fetch(self) -> Token:
        """Get a token; when the app lacks some scopes, one with those that it has."""
        with self._lock:
            data = self._ask(self._wanted)
            if data is None:
                held = tuple(scope for scope in self._wanted if self._ask((scope,)) is not None)
                data = self._ask(held) if held else None
            if data is None:
                raise Unauthenticated(
                    f"Okta grants the app {self._client_id} none of the scopes perimeter asks for. Grant it at least one"
                    " okta.*.read scope (Applications, the app, Okta API Scopes)."
                )
            token = data["access_token"]
            SECRETS.add(token)
            self._granted = frozenset(str(data.get("scope") or "").split())
            lifetime = float(data.get("expires_in") or 3600)
            return Token(headers={"authorization": f"Bearer {token}"}, lifetime=lifetime)

    def _ask(self, scopes: Sequence[str]) -> dict[str, Any] | None:
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._audience,
            "iat": now,
            "exp": now + _LIFETIME,
            "jti": str(uuid.uuid4()),
        }
        header = {"kid": str(self._key_id)} if self._key_id else None
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(scopes),
            "client_assertion_type": ASSERTION,
            "client_assertion": sign_jwt(claims, self._private_key, header),
        }
        try:
            data = self._http.post_read(TOKEN_PATH, form, form=True).data
        except Invalid as refused:
            if any(word in refused.message for word in ("scope", "consent")):
                return None
            raise Unauthenticated(
                f"Okta refuses the app {self._client_id}: {refused.message}"
            ) from None
        if not isinstance(data, dict) or not isinstance(data.get("access_token"), str):
            raise Retryable("Okta's token endpoint answered without a token.")
        SECRETS.add(json.dumps(data["access_token"])[1:-1])
        return data
