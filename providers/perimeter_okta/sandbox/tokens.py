"""Refresh tokens, the access tokens issued with them, sessions, and who has which application.

Written from Okta's Management API description 2026.06.3 (ApplicationTokens, UserOAuth, UserResources, UserSessions) and RFC 6749.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from perimeter_okta.sandbox.answers import Data, Refusal, missing, page
from perimeter_okta.sandbox.routing import Request, Response, Route, Tenant, Visit

_LIFETIME = 3600


def settle_all(tenant: Tenant) -> None:
    """Complete the seed's refresh tokens."""
    for token in tenant.refresh_tokens.values():
        token.setdefault("status", "ACTIVE")
        token.setdefault("scopes", ["offline_access"])
        token.setdefault("issuer", tenant.org["url"])
        token.setdefault("expiresAt", "2099-01-01T00:00:00.000Z")


def client_id(app: Data) -> str:
    """An application's OAuth client id; empty for those that have none."""
    return str((app["credentials"].get("oauthClient") or {}).get("client_id") or "")


def refreshed(call: Visit, form: dict[str, str]) -> Response:
    """An access token for a refresh token that is good: RFC 6749, section 6."""
    tenant = call.tenant
    app = _authenticated(tenant, call.request, form)
    for token in tenant.refresh_tokens.values():
        right = token.get("token") and token["token"] == form.get("refresh_token")
        if not right or token["clientId"] != client_id(app):
            continue
        user = tenant.users.get(token["userId"])
        if user is None or user["status"] not in {"ACTIVE", "PASSWORD_EXPIRED"}:
            break
        value = secrets.token_urlsafe(32)
        tenant.access_tokens[value] = {
            "client": app["id"],
            "user": user["id"],
            "refresh": token["id"],
            "scopes": sorted(token["scopes"]),
            "expires": tenant.clock() + _LIFETIME,
        }
        body = {"token_type": "Bearer", "expires_in": _LIFETIME, "access_token": value}
        return Response(body={**body, "scope": " ".join(sorted(token["scopes"]))})
    raise _oauth(400, "invalid_grant", "The refresh token is invalid or expired.")


def _authenticated(tenant: Tenant, request: Request, form: dict[str, str]) -> Data:
    """The active app whose secret the request carries, in the header or the form."""
    name, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        name, _, secret = base64.b64decode(value).decode("utf-8", "replace").partition(":")
        name, secret = unquote(name), unquote(secret)
    for app in tenant.apps.values():
        held = (app["credentials"].get("oauthClient") or {}).get("client_secret")
        if app["status"] == "ACTIVE" and client_id(app) == name and held and held == secret:
            return app
    raise _oauth(401, "invalid_client", "Client authentication failed.")


def _oauth(status: int, error: str, description: str) -> Refusal:
    return Refusal(Response(status=status, body={"error": error, "error_description": description}))


def revoke(tenant: Tenant, tokens: Iterable[Data]) -> None:
    """Take refresh tokens away, and the access tokens that were issued with them."""
    gone = {token["id"] for token in tokens}
    for identifier in gone:
        del tenant.refresh_tokens[identifier]
    tenant.access_tokens = {
        value: held
        for value, held in tenant.access_tokens.items()
        if held.get("refresh") not in gone
    }


def of_user(tenant: Tenant, user: str) -> list[Data]:
    """A user's refresh tokens."""
    return [one for one in tenant.refresh_tokens.values() if one["userId"] == user]


def _of_app(call: Visit, identifier: str) -> list[Data]:
    client = client_id(call.tenant.app(identifier))
    return [
        one for one in call.tenant.listed(call.tenant.refresh_tokens) if one["clientId"] == client
    ]


def _of_both(call: Visit, identifier: str, client: str) -> list[Data]:
    user = call.tenant.user(identifier)
    return [one for one in of_user(call.tenant, user["id"]) if one["clientId"] == client]


def _shown(request: Request, token: Data) -> Data:
    place = f"{request.base_url}/api/v1/apps/{token['clientId']}/tokens/{token['id']}"
    links = {
        "self": {"href": place},
        "revoke": {"href": place, "hints": {"allow": ["DELETE"]}},
        "user": {"href": f"{request.base_url}/api/v1/users/{token['userId']}"},
    }
    return {**{k: v for k, v in token.items() if k != "token"}, "_links": links}


def _pages(call: Visit, found: list[Data]) -> Response:
    return page(
        call.request,
        found,
        limit=20,
        most=call.tenant.most(200),
        present=lambda one: _shown(call.request, one),
    )


def _one(found: list[Data], identifier: str) -> Data:
    for token in found:
        if token["id"] == identifier:
            return token
    raise missing(identifier, "OAuth2RefreshToken")


def _list_of_app(call: Visit, app: str) -> Response:
    return _pages(call, _of_app(call, app))


def _get_of_app(call: Visit, app: str, token: str) -> Response:
    return Response(body=_shown(call.request, _one(_of_app(call, app), token)))


def _revoke_of_app(call: Visit, app: str) -> Response:
    revoke(call.tenant, _of_app(call, app))
    return Response(status=204)


def _revoke_one_of_app(call: Visit, app: str, token: str) -> Response:
    revoke(call.tenant, [_one(_of_app(call, app), token)])
    return Response(status=204)


def _clients(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    used = {token["clientId"] for token in of_user(call.tenant, user["id"])}
    found = [
        {
            "client_id": client_id(app),
            "client_name": app["label"],
            "_links": {"self": {"href": f"{call.request.base_url}/oauth2/v1/clients/{app['id']}"}},
        }
        for app in call.tenant.apps.values()
        if client_id(app) in used
    ]
    return Response(body=found)


def _list_of_both(call: Visit, user: str, client: str) -> Response:
    return _pages(call, _of_both(call, user, client))


def _get_of_both(call: Visit, user: str, client: str, token: str) -> Response:
    return Response(body=_shown(call.request, _one(_of_both(call, user, client), token)))


def _revoke_of_both(call: Visit, user: str, client: str) -> Response:
    revoke(call.tenant, _of_both(call, user, client))
    return Response(status=204)


def _revoke_one_of_both(call: Visit, user: str, client: str, token: str) -> Response:
    revoke(call.tenant, [_one(_of_both(call, user, client), token)])
    return Response(status=204)


def assigned(tenant: Tenant, app: Data) -> dict[str, str]:
    """How each user has an application: ``USER`` directly, ``GROUP`` through a group."""
    found = dict.fromkeys(
        (
            user["id"]
            for one in app["groups"]
            if one["id"] in tenant.groups
            for user in tenant.members(tenant.groups[one["id"]])
        ),
        "GROUP",
    )
    return {**found, **dict.fromkeys(app["users"], "USER")}


def _app_user(call: Visit, user: str, scope: str, app: Data) -> Data:
    place = f"{call.request.base_url}/api/v1"
    return {
        "id": user,
        "scope": scope,
        "status": "ACTIVE",
        "created": app["created"],
        "lastUpdated": app["lastUpdated"],
        "statusChanged": app["created"],
        "profile": {},
        "credentials": {"userName": call.tenant.users[user]["profile"]["login"]},
        "_links": {
            "app": {"href": f"{place}/apps/{app['id']}"},
            "user": {"href": f"{place}/users/{user}"},
        },
    }


def _get_app_user(call: Visit, identifier: str, user: str) -> Response:
    app, person = call.tenant.app(identifier), call.tenant.user(user)
    scope = assigned(call.tenant, app).get(person["id"])
    if scope is None:
        raise missing(user, "AppUser")
    return Response(body=_app_user(call, person["id"], scope, app))


def _session(call: Visit, identifier: str) -> Data:
    for user in call.tenant.users.values():
        if identifier in user.get("sessions", ()):
            return user
    raise Refusal(Response(status=404))


def _get_session(call: Visit, identifier: str) -> Response:
    user = _session(call, identifier)
    body: dict[str, Any] = {
        "id": identifier,
        "userId": user["id"],
        "login": user["profile"]["login"],
        "status": "ACTIVE",
        "createdAt": user["created"],
        "expiresAt": "2099-01-01T00:00:00.000Z",
        "amr": ["pwd"],
        "idp": {"id": call.tenant.org["id"], "type": "OKTA"},
    }
    return Response(body=body)


def _end_session(call: Visit, identifier: str) -> Response:
    _session(call, identifier)["sessions"].remove(identifier)
    return Response(status=204)


_APP, _BOTH = "/api/v1/apps/{id}/tokens", "/api/v1/users/{id}/clients/{client}/tokens"
_APPS, _USERS = "okta.apps", "okta.users"

ROUTES = (
    Route("GET", _APP, f"{_APPS}.read", _list_of_app),
    Route("DELETE", _APP, f"{_APPS}.manage", _revoke_of_app),
    Route("GET", f"{_APP}/{{token}}", f"{_APPS}.read", _get_of_app),
    Route("DELETE", f"{_APP}/{{token}}", f"{_APPS}.manage", _revoke_one_of_app),
    Route("GET", "/api/v1/apps/{id}/users/{user}", f"{_APPS}.read", _get_app_user),
    Route("GET", "/api/v1/users/{id}/clients", f"{_USERS}.read", _clients),
    Route("GET", _BOTH, f"{_USERS}.read", _list_of_both),
    Route("DELETE", _BOTH, f"{_USERS}.manage", _revoke_of_both),
    Route("GET", f"{_BOTH}/{{token}}", f"{_USERS}.read", _get_of_both),
    Route("DELETE", f"{_BOTH}/{{token}}", f"{_USERS}.manage", _revoke_one_of_both),
    Route("GET", "/api/v1/sessions/{id}", "okta.sessions.read", _get_session),
    Route("DELETE", "/api/v1/sessions/{id}", "okta.sessions.manage", _end_session),
)
