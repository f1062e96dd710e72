"""The org authorization server: access tokens for service apps that prove a private key (RFC 7523)."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any
from urllib.parse import parse_qsl

from perimeter_okta.sandbox.answers import Data, Refusal
from perimeter_okta.sandbox.routing import Request, Response, Route, Tenant, Visit
from perimeter_okta.sandbox.tokens import refreshed

_LIFETIME = 3600
_KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _refuse(status: int, error: str, description: str) -> Refusal:
    body = {"error": error, "error_description": description}
    return Refusal(Response(status=status, body=body))


def _token(call: Visit) -> Response:
    form = dict(parse_qsl(call.request.body.decode("utf-8", "replace"), keep_blank_values=True))
    if form.get("grant_type") == "refresh_token":
        return refreshed(call, form)
    if form.get("grant_type") != "client_credentials":
        raise _refuse(
            400,
            "unsupported_grant_type",
            "Only client_credentials and refresh_token are supported.",
        )
    app = _client(call.tenant, call.request, form)
    wanted = form.get("scope", "").split()
    if not wanted:
        raise _refuse(400, "invalid_scope", "The 'scope' parameter must be given.")
    held = {grant["scopeId"] for grant in app["grants"] if grant["status"] == "ACTIVE"}
    if not set(wanted) <= held:
        text = "One or more scopes are not granted to the client application."
        raise _refuse(400, "invalid_scope", text)
    value = secrets.token_urlsafe(32)
    now = call.tenant.clock()
    call.tenant.access_tokens[value] = {
        "client": app["id"],
        "scopes": sorted(wanted),
        "expires": now + _LIFETIME,
    }
    body = {
        "token_type": "Bearer",
        "expires_in": _LIFETIME,
        "access_token": value,
        "scope": " ".join(sorted(wanted)),
    }
    return Response(body=body)


def _client(tenant: Tenant, request: Request, form: dict[str, str]) -> Data:
    """The app that an assertion proves."""
    if form.get("client_assertion_type") != _KIND:
        raise _refuse(401, "invalid_client", "The client_assertion_type is missing or invalid.")
    header, claims, signed, signature = _parsed(form.get("client_assertion", ""))
    issuer = claims.get("iss")
    clients = {_id(one): one for one in tenant.apps.values() if _id(one) is not None}
    app = clients.get(issuer) if isinstance(issuer, str) else None
    if app is None or app["status"] != "ACTIVE" or claims.get("sub") != issuer:
        raise _refuse(401, "invalid_client", "Client authentication failed.")
    if not any(_proves(key, header, signed, signature) for key in _keys(app, header)):
        raise _refuse(401, "invalid_client", "The client_assertion signature is invalid.")
    now = tenant.clock()
    audiences = {f"{tenant.org['url']}/oauth2/v1/token", f"{request.base_url}/oauth2/v1/token"}
    if claims.get("aud") not in audiences:
        raise _refuse(401, "invalid_client", "The audience claim is not this endpoint.")
    ends = claims.get("exp")
    if not isinstance(ends, int | float) or not now < ends <= now + 3600:
        raise _refuse(401, "invalid_client", "The client_assertion _token is expired.")
    once = claims.get("jti")
    tenant.assertions = {one: end for one, end in tenant.assertions.items() if end > now}
    if once in tenant.assertions:
        raise _refuse(401, "invalid_client", "The client_assertion was used before.")
    if isinstance(once, str):
        tenant.assertions[once] = ends
    return app


def _id(app: Data) -> Any:
    return (app["credentials"].get("oauthClient") or {}).get("client_id")


def _parsed(assertion: str) -> tuple[Data, Data, bytes, bytes]:
    head, _, rest = assertion.partition(".")
    body, _, tail = rest.partition(".")
    try:
        header, claims = json.loads(_decoded(head)), json.loads(_decoded(body))
        signature = _decoded(tail)
    except ValueError:
        header = claims = None
        signature = b""
    if not isinstance(header, dict) or not isinstance(claims, dict) or not signature:
        raise _refuse(401, "invalid_client", "The client_assertion is not a signed JWT.")
    return header, claims, f"{head}.{body}".encode(), signature


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _keys(app: Data, header: Data) -> list[Data]:
    keys = (app["settings"]["oauthClient"].get("jwks") or {}).get("keys") or []
    named = header.get("kid")
    return [key for key in keys if named is None or key.get("kid") == named]


def _proves(key: Data, header: Data, signed: bytes, signature: bytes) -> bool:
    """Whether a public key (RFC 7517) made a signature: RS256, or ES256."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    def number(name: str) -> int:
        return int.from_bytes(_decoded(key[name]), "big")

    try:
        if key.get("kty") == "RSA" and header.get("alg") == "RS256":
            public = rsa.RSAPublicNumbers(number("e"), number("n")).public_key()
            public.verify(signature, signed, padding.PKCS1v15(), SHA256())
            return True
        if key.get("kty") == "EC" and header.get("alg") == "ES256":
            half = len(signature) // 2
            r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
            point = ec.EllipticCurvePublicNumbers(number("x"), number("y"), ec.SECP256R1())
            der = utils.encode_dss_signature(r, s)
            point.public_key().verify(der, signed, ec.ECDSA(SHA256()))
            return True
    except (InvalidSignature, KeyError, ValueError):
        return False
    return False


ROUTES = (Route("POST", "/oauth2/v1/token", None, _token),)
