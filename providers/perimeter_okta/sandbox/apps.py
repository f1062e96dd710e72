"""Applications, the groups that may use them, and the scopes of Okta's API they hold."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from perimeter_okta.sandbox.answers import Data, body_of, invalid, matching, missing, page, refuse
from perimeter_okta.sandbox.routing import Request, Response, Route, Tenant, Visit

_OWN = ("groups", "grants", "users", "secrets")
_GRANTS = {"web": ["authorization_code"], "service": ["client_credentials"]}


def _app(request: Request, app: Data) -> Data:
    place = f"{request.base_url}/api/v1/apps/{app['id']}"
    action = "deactivate" if app["status"] == "ACTIVE" else "activate"
    shown = {name: value for name, value in app.items() if name not in _OWN}
    shown["_links"] = {
        "self": {"href": place},
        "groups": {"href": f"{place}/groups"},
        "users": {"href": f"{place}/users"},
        action: {"href": f"{place}/lifecycle/{action}"},
    }
    return shown


def settle_all(tenant: Tenant) -> None:
    """Complete the seed's applications."""
    for app in tenant.apps.values():
        app.setdefault("signOnMode", "OPENID_CONNECT")
        _settle(tenant, app)
        for priority, assigned in enumerate(app["groups"]):
            assigned.setdefault("priority", priority)
            assigned.setdefault("lastUpdated", app["created"])
        for grant in app["grants"]:
            grant.setdefault("id", "")
            grant["id"] = grant["id"] or tenant.new_id("oag")
            grant.setdefault("status", "ACTIVE")
            grant.setdefault("created", app["created"])
            grant.setdefault("lastUpdated", grant["created"])
            grant.setdefault("createdBy", {"id": "system", "type": "User"})
            grant.setdefault("issuer", tenant.org["url"])
            grant.setdefault("source", "ADMIN")


def _settle(tenant: Tenant, app: Data) -> None:
    """Defaults as Okta gives them."""
    app.setdefault("features", [])
    visible = {"autoLaunch": False, "autoSubmitToolbar": False, "hide": {"iOS": True, "web": True}}
    app.setdefault("visibility", visible)
    app.setdefault("accessibility", {"selfService": False})
    settings = app.setdefault("settings", {})
    settings.setdefault("implicitAssignment", False)
    settings.setdefault("manualProvisioning", False)
    settings.setdefault("app", {})
    settings.setdefault("notes", {})
    credentials = app.setdefault("credentials", {})
    template = {"template": "${source.login}", "type": "BUILT_IN"}
    credentials.setdefault("userNameTemplate", template)
    if app["signOnMode"] == "SAML_2_0":
        signing = settings.setdefault("signOn", {})
        for name in ("assertionSigned", "responseSigned", "honorForceAuthn"):
            signing.setdefault(name, True)
        for name in ("allowMultipleAcsEndpoints", "requestCompressed"):
            signing.setdefault(name, False)
    if app["signOnMode"] != "OPENID_CONNECT":
        app.setdefault("name", f"{tenant.org['subdomain']}_{app['label'].lower()}_1")
        return
    app["name"] = "oidc_client"
    client = settings.setdefault("oauthClient", {})
    kind = client.setdefault("application_type", "web")
    client.setdefault("redirect_uris", [])
    client.setdefault("grant_types", list(_GRANTS.get(kind, _GRANTS["web"])))
    client.setdefault("response_types", ["token"] if kind == "service" else ["code"])
    client.setdefault("consent_method", "TRUSTED")
    client.setdefault("issuer_mode", "DYNAMIC")
    client.setdefault("wildcard_redirect", "DISABLED")
    client.setdefault("dpop_bound_access_tokens", False)
    client.setdefault("idp_initiated_login", {"mode": "DISABLED", "default_scope": []})
    held = credentials.setdefault("oauthClient", {})
    public = kind in {"browser", "native"}
    held.setdefault("client_id", app["id"])
    held.setdefault("autoKeyRotation", True)
    held.setdefault("token_endpoint_auth_method", "none" if public else "client_secret_basic")
    held.setdefault("pkce_required", public)
    if held["token_endpoint_auth_method"].startswith("client_secret"):
        held.setdefault("client_secret", _secret(app["id"]))
    else:
        held.pop("client_secret", None)


def _secret(identifier: str) -> str:
    return hashlib.sha256(f"secret of {identifier}".encode()).hexdigest()


def _check(app: Data) -> None:
    label = app.get("label")
    if not isinstance(label, str) or not label:
        raise invalid("label", "label: Label must be specified")
    if app["signOnMode"] != "OPENID_CONNECT":
        return
    client, held = app["settings"]["oauthClient"], app["credentials"]["oauthClient"]
    method = held["token_endpoint_auth_method"]
    grants = set(client["grant_types"])
    if grants & {"authorization_code", "implicit"} and not client["redirect_uris"]:
        raise invalid("redirect_uris", "'redirect_uris' is a required property")
    if method == "none" and not held["pkce_required"]:
        raise invalid("pkce_required", "PKCE is required for clients without authentication")
    keys = client.get("jwks_uri") or (client.get("jwks") or {}).get("keys")
    if method == "private_key_jwt" and not keys:
        raise invalid("jwks", "'jwks' or 'jwks_uri' is required for private_key_jwt")


def _list_apps(call: Visit) -> Response:
    found = matching(call.tenant.listed(call.tenant.apps), call.request.query.get("filter"))
    if "q" in call.request.query:
        start = call.request.query["q"].casefold()
        found = [app for app in found if app["label"].casefold().startswith(start)]
    return page(
        call.request,
        found,
        limit=20,
        most=call.tenant.most(200),
        present=lambda one: _app(call.request, one),
    )


def _apps_of_group(call: Visit, identifier: str) -> Response:
    call.tenant.group(identifier)
    found = [
        app
        for app in call.tenant.listed(call.tenant.apps)
        if any(one["id"] == identifier for one in app["groups"])
    ]
    return page(
        call.request,
        found,
        limit=20,
        most=call.tenant.most(200),
        present=lambda one: _app(call.request, one),
    )


def _get_app(call: Visit, identifier: str) -> Response:
    return Response(body=_app(call.request, call.tenant.app(identifier)))


def _create_app(call: Visit) -> Response:
    body = body_of(call.request)
    if not isinstance(body.get("signOnMode"), str):
        raise invalid("signOnMode", "signOnMode: The field cannot be left blank")
    now = call.tenant.now()
    identifier = call.tenant.new_id("0oa")
    app = {
        **copy.deepcopy(body),
        "id": identifier,
        "orn": f"orn:okta:idp:{call.tenant.org['id']}:apps:{body['signOnMode']}:{identifier}",
        "status": "INACTIVE" if call.request.query.get("activate") == "false" else "ACTIVE",
        "created": now,
        "lastUpdated": now,
        "groups": [],
        "grants": [],
        "users": [],
    }
    _settle(call.tenant, app)
    _check(app)
    call.tenant.apps[identifier] = app
    call.tenant.made(identifier)
    return Response(body=_app(call.request, app))


def _replace_app(call: Visit, identifier: str) -> Response:
    app, body = call.tenant.app(identifier), copy.deepcopy(body_of(call.request))
    if body.get("signOnMode") != app["signOnMode"]:
        raise invalid("signOnMode", "signOnMode: The sign-on mode of an app cannot be changed")
    kept = ("id", "orn", "status", "created", "features", "name", *_OWN)
    changed = {**body, **{name: app[name] for name in kept if name in app}}
    held = (app["credentials"].get("oauthClient") or {}).get("client_secret")
    if held is not None:
        credentials = changed.setdefault("credentials", {}).setdefault("oauthClient", {})
        credentials.setdefault("client_secret", held)
    _settle(call.tenant, changed)
    _check(changed)
    changed["lastUpdated"] = call.tenant.now()
    call.tenant.apps[identifier] = changed
    return Response(body=_app(call.request, changed))


def _delete_app(call: Visit, identifier: str) -> Response:
    if call.tenant.app(identifier)["status"] == "ACTIVE":
        text = "The application must be deactivated before deletion."
        raise refuse(403, "E0000056", "Delete application forbidden.", text)
    del call.tenant.apps[identifier]
    return Response(status=204)


def _switch(status: str) -> Any:
    def switched(call: Visit, identifier: str) -> Response:
        app = call.tenant.app(identifier)
        app["status"] = status
        app["lastUpdated"] = call.tenant.now()
        return Response(body={})

    return switched


def _assignment(request: Request, app: Data, assigned: Data) -> Data:
    place = f"{request.base_url}/api/v1/apps/{app['id']}"
    links = {
        "app": {"href": place},
        "self": {"href": f"{place}/groups/{assigned['id']}"},
        "group": {"href": f"{request.base_url}/api/v1/groups/{assigned['id']}"},
    }
    return {"profile": {}, **assigned, "_links": links}


def _list_assignments(call: Visit, identifier: str) -> Response:
    app = call.tenant.app(identifier)
    found = sorted(app["groups"], key=lambda one: (one["priority"], one["id"]))
    return page(
        call.request,
        found,
        limit=20,
        most=call.tenant.most(200),
        present=lambda one: _assignment(call.request, app, one),
    )


def _get_assignment(call: Visit, identifier: str, group: str) -> Response:
    app = call.tenant.app(identifier)
    for assigned in app["groups"]:
        if assigned["id"] == group:
            return Response(body=_assignment(call.request, app, assigned))
    raise missing(group, "GroupAssignment")


def _assign(call: Visit, identifier: str, group: str) -> Response:
    app, body = call.tenant.app(identifier), body_of(call.request) if call.request.body else {}
    call.tenant.group(group)
    there = next((one for one in app["groups"] if one["id"] == group), None)
    assigned = there or {"id": group, "priority": 0}
    priority = body.get("priority", assigned["priority"])
    if there is None or priority != assigned["priority"]:
        others = [one for one in app["groups"] if one is not assigned]
        if any(one["priority"] == priority for one in others):
            for one in others:
                one["priority"] += one["priority"] >= priority
    assigned |= {"priority": priority, "lastUpdated": call.tenant.now()}
    if "profile" in body:
        assigned["profile"] = body["profile"]
    if there is None:
        app["groups"].append(assigned)
    return Response(body=_assignment(call.request, app, assigned))


def _unassign(call: Visit, identifier: str, group: str) -> Response:
    app = call.tenant.app(identifier)
    left = [one for one in app["groups"] if one["id"] != group]
    if len(left) == len(app["groups"]):
        raise missing(group, "GroupAssignment")
    app["groups"] = left
    return Response(status=204)


def _grant(request: Request, app: Data, grant: Data) -> Data:
    place = f"{request.base_url}/api/v1/apps/{app['id']}"
    client = (app["credentials"].get("oauthClient") or {}).get("client_id", "")
    links = {
        "app": {"href": place, "title": app["label"]},
        "self": {"href": f"{place}/grants/{grant['id']}", "hints": {"allow": ["GET", "DELETE"]}},
    }
    return {**grant, "clientId": client, "_links": links}


def _list_grants(call: Visit, identifier: str) -> Response:
    app = call.tenant.app(identifier)
    return Response(body=[_grant(call.request, app, grant) for grant in app["grants"]])


def _get_grant(call: Visit, identifier: str, grant: str) -> Response:
    app = call.tenant.app(identifier)
    for one in app["grants"]:
        if one["id"] == grant:
            return Response(body=_grant(call.request, app, one))
    raise missing(grant, "OAuth2ScopeConsentGrant")


def _create_grant(call: Visit, identifier: str) -> Response:
    app, body = call.tenant.app(identifier), body_of(call.request)
    scope = body.get("scopeId")
    if app["signOnMode"] != "OPENID_CONNECT":
        raise invalid("app", "Only OpenID Connect apps hold scopes")
    if not isinstance(scope, str) or not scope.startswith("okta."):
        raise invalid("scopeId", f"scopeId: {scope} is not a scope of this issuer")
    if body.get("issuer") not in {call.tenant.org["url"], call.request.base_url}:
        raise invalid("issuer", "issuer: The issuer is not this organization")
    if any(one["scopeId"] == scope for one in app["grants"]):
        raise invalid("scopeId", "scopeId: An object with this field already exists")
    now = call.tenant.now()
    maker = {
        "id": call.caller.user or call.caller.client,
        "type": "User" if call.caller.user else "Client",
    }
    grant = {
        "id": call.tenant.new_id("oag"),
        "status": "ACTIVE",
        "created": now,
        "createdBy": maker,
        "lastUpdated": now,
        "issuer": call.tenant.org["url"],
        "scopeId": scope,
        "source": "ADMIN",
    }
    app["grants"].append(grant)
    return Response(status=201, body=_grant(call.request, app, grant))


def _delete_grant(call: Visit, identifier: str, grant: str) -> Response:
    app = call.tenant.app(identifier)
    left = [one for one in app["grants"] if one["id"] != grant]
    if len(left) == len(app["grants"]):
        raise missing(grant, "OAuth2ScopeConsentGrant")
    app["grants"] = left
    return Response(status=204)


_READ, _MANAGE = "okta.apps.read", "okta.apps.manage"
_ONE = "/api/v1/apps/{id}"
_GROUP, _GRANT = f"{_ONE}/groups/{{group}}", f"{_ONE}/grants/{{grant}}"

ROUTES = (
    Route("GET", "/api/v1/apps", _READ, _list_apps),
    Route("GET", "/api/v1/groups/{id}/apps", "okta.groups.read", _apps_of_group),
    Route("POST", "/api/v1/apps", _MANAGE, _create_app),
    Route("GET", _ONE, _READ, _get_app),
    Route("PUT", _ONE, _MANAGE, _replace_app),
    Route("DELETE", _ONE, _MANAGE, _delete_app),
    Route("POST", f"{_ONE}/lifecycle/activate", _MANAGE, _switch("ACTIVE")),
    Route("POST", f"{_ONE}/lifecycle/deactivate", _MANAGE, _switch("INACTIVE")),
    Route("GET", f"{_ONE}/groups", _READ, _list_assignments),
    Route("GET", _GROUP, _READ, _get_assignment),
    Route("PUT", _GROUP, _MANAGE, _assign),
    Route("DELETE", _GROUP, _MANAGE, _unassign),
    Route("GET", f"{_ONE}/grants", "okta.appGrants.read", _list_grants),
    Route("POST", f"{_ONE}/grants", "okta.appGrants.manage", _create_grant),
    Route("GET", _GRANT, "okta.appGrants.read", _get_grant),
    Route("DELETE", _GRANT, "okta.appGrants.manage", _delete_grant),
)
