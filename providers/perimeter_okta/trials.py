"""Trying a credential of Okta's, with a client of its own; nothing is changed by it and no token is minted."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus

from perimeter.sdk import (
    SECRETS,
    Fatal,
    HttpClient,
    Invalid,
    NotFound,
    Probed,
    ProbeRequest,
    ProviderError,
    Unauthenticated,
    bearer,
)

INTROSPECTION = "/oauth2/v1/introspect"
_BY_SECRET = {"client_secret_basic", "client_secret_post", ""}


def try_client_secret(request: ProbeRequest) -> Probed:
    """Ask the org authorization server about a token that is none (RFC 7662): it answers those that prove themselves.

    Okta tells a wrong secret by ``invalid_client``, and otherwise that the token is not active.
    """
    method = str(request.attributes.get("token_endpoint_auth_method") or "")
    if method not in _BY_SECRET:
        return Probed(works=None, detail=f"the app proves itself by {method}")
    client = str(request.secret.get("client_id") or request.attributes.get("client_id") or "")
    secret = request.secret.get("client_secret") or ""
    if not client or not secret:
        return Probed(works=None, detail="client id or secret is not known")
    SECRETS.add(secret)
    url = _org_url(request)
    if not url:
        return Probed(works=None, detail="org_url is not known")
    in_form = method == "client_secret_post"
    pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
    headers = {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
    form = {"token": "none", "token_type_hint": "access_token"}
    if in_form:
        form |= {"client_id": client, "client_secret": secret}
    http = HttpClient(
        url,
        None if in_form else lambda: headers,
        read_only=True,
        credential=f"trial of {client}",
        post_reads=frozenset({INTROSPECTION}),
    )
    try:
        data = http.post_read(INTROSPECTION, form, form=True).data
    except Unauthenticated:
        return Probed(works=False, detail="Okta refuses client id and secret")
    except Invalid as refused:
        if "invalid_client" in refused.message:
            return Probed(works=False, detail="Okta refuses client id and secret")
        return Probed(works=None, detail=refused.message)
    except ProviderError as problem:
        return Probed(works=None, detail=problem.message)
    finally:
        http.close()
    if not isinstance(data, dict) or "active" not in data:
        return Probed(works=None, detail="the answer is none of an authorization server")
    return Probed(works=True, detail="the authorization server accepts it")


def try_api_token(request: ProbeRequest) -> Probed:
    """Ask who the token acts as."""
    token, url = request.secret.get("token") or "", _org_url(request)
    if not token or not url:
        return Probed(works=None, detail="the token or org_url is not known")
    SECRETS.add(token)
    http = HttpClient(url, bearer(token, "SSWS"), read_only=True, credential="trial of a token")
    try:
        http.get("/api/v1/users/me", fresh=True)
    except Unauthenticated:
        return Probed(works=False, detail="Okta refuses the token")
    except (NotFound, Fatal, ProviderError) as problem:
        return Probed(works=None, detail=problem.message)
    finally:
        http.close()
    return Probed(works=True, detail="Okta accepts the token")


def _org_url(request: ProbeRequest) -> str:
    found = request.config.get("org_url") or request.environment.get("OKTA_ORG_URL") or ""
    return str(found).rstrip("/")
