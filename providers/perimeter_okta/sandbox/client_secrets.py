"""Client secrets of applications and of API service integrations, and what the authorization server makes of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from urllib.parse import parse_qsl, unquote_plus

from perimeter_okta.sandbox.answers import Data, Refusal, body_of, missing, page, refuse
from perimeter_okta.sandbox.routing import Request, Response, Route, Tenant, Visit

_MOST = 2


def settle_all(tenant: Tenant) -> None:
    """Give every application that has a secret the object for it, and complete the seed's integrations."""
    for app in tenant.apps.values():
        _settle(tenant, app)
    for service in tenant.api_services.values():
        service.setdefault("type", "my_app_cie")
        service.setdefault("name", service["type"])
        service.setdefault("grantedScopes", [])
        service.setdefault("createdBy", "system")
        for number, one in enumerate(service["secrets"]):
            _complete(tenant, service, one, number)


def accepts(tenant: Tenant, client: str, secret: str) -> bool:
    """Whether a client proves itself by a secret now."""
    holder = _holder_of(tenant, client)
    if holder is None:
        return False
    return any(
        one["status"] == "ACTIVE" and secrets.compare_digest(one["client_secret"], secret)
        for one in _secrets(tenant, holder)
    )


def _holder_of(tenant: Tenant, client: str) -> Data | None:
    for app in tenant.apps.values():
        held = app["credentials"].get("oauthClient") or {}
        if app["status"] == "ACTIVE" and held.get("client_id") == client:
            return app
    return tenant.api_services.get(client)


def _settle(tenant: Tenant, app: Data) -> None:
    held = app["credentials"].get("oauthClient") or {}
    value = held.get("client_secret")
    if value is None or app.get("secrets"):
        return
    first = {"client_secret": value, "created": app["created"]}
    app["secrets"] = [first]
    _complete(tenant, app, first, 0)


def _complete(tenant: Tenant, holder: Data, one: Data, number: int) -> None:
    name = hashlib.sha256(f"{holder['id']} {number}".encode()).hexdigest()[:14]
    one.setdefault("id", f"ocs{name}sbx")
    one.setdefault("status", "ACTIVE")
    one.setdefault("created", holder.get("created") or tenant.org["created"])
    one.setdefault("lastUpdated", one["created"])


def _secrets(tenant: Tenant, holder: Data) -> list[Data]:
    if "credentials" in holder:
        _settle(tenant, holder)
    found: list[Data] = holder.get("secrets") or []
    return found


def _hash(one: Data) -> str:
    digest = hashlib.sha256(one["client_secret"].encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _shown(request: Request, one: Data, *, plain: bool) -> Data:
    place = request.path
    if not place.endswith("/secrets"):
        place = place.partition("/secrets/")[0] + "/secrets"
    self_ = f"{request.base_url}{place}/{one['id']}"
    active = one["status"] == "ACTIVE"
    verb = "deactivate" if active else "activate"
    links = {verb: {"href": f"{self_}/lifecycle/{verb}", "hints": {"allow": ["POST"]}}}
    if not active:
        links["delete"] = {"href": self_, "hints": {"allow": ["DELETE"]}}
    names = ("id", "status", "created", "lastUpdated")
    return {
        **{name: one[name] for name in names},
        "client_secret": one["client_secret"] if plain else _hash(one),
        "secret_hash": _hash(one),
        "_links": links,
    }


class _Kind:
    """The operations on one kind of holder."""

    def __init__(self, name: str, *, plain: bool) -> None:
        self.name = name
        self.plain = plain

    def holder(self, tenant: Tenant, identifier: str) -> Data:
        """An application that has a secret, or an integration."""
        if self.name == "service":
            found = tenant.api_services.get(identifier)
            if found is None:
                raise missing(identifier, "ApiServiceIntegration")
            return found
        app = tenant.app(identifier)
        if (app["credentials"].get("oauthClient") or {}).get("client_secret") is None:
            raise missing(identifier, "OAuthClientCredentials")
        return app

    def list(self, call: Visit, identifier: str) -> Response:
        """All secrets: apps' are shown as they are, integrations' as a hash."""
        holder = self.holder(call.tenant, identifier)
        found = [
            _shown(call.request, one, plain=self.plain) for one in _secrets(call.tenant, holder)
        ]
        return Response(body=found)

    def get(self, call: Visit, identifier: str, secret: str) -> Response:
        """One secret."""
        one = self.find(call.tenant, identifier, secret)
        return Response(body=_shown(call.request, one, plain=self.plain))

    def create(self, call: Visit, identifier: str) -> Response:
        """A new one, unless there are two."""
        holder = self.holder(call.tenant, identifier)
        held = _secrets(call.tenant, holder)
        if len(held) >= _MOST:
            text = "You have reached the maximum number of client secrets per client."
            raise refuse(400, "E0000001", "Api validation failed: clientSecret", text)
        body = body_of(call.request) if call.request.body else {}
        now = call.tenant.now()
        one = {
            "id": call.tenant.new_id("ocs"),
            "client_secret": body.get("client_secret") or secrets.token_urlsafe(48),
            "status": body.get("status") or "ACTIVE",
            "created": now,
            "lastUpdated": now,
        }
        held.append(one)
        self.sync(holder)
        return Response(status=201, body=_shown(call.request, one, plain=True))

    def delete(self, call: Visit, identifier: str, secret: str) -> Response:
        """Only an inactive one."""
        one = self.find(call.tenant, identifier, secret)
        if one["status"] == "ACTIVE":
            text = "You can only delete an inactive client secret."
            if self.name == "service":  # its description knows no 400 here
                raise refuse(403, "E0000006", text)
            raise refuse(400, "E0000001", "Api validation failed: clientSecret", text)
        self.holder(call.tenant, identifier)["secrets"].remove(one)
        return Response(status=204)

    def activate(self, call: Visit, identifier: str, secret: str) -> Response:
        """Take it again."""
        return self.switched(call, identifier, secret, "ACTIVE")

    def deactivate(self, call: Visit, identifier: str, secret: str) -> Response:
        """Take it no more; not the only one of an app. Of integrations the description says no such thing."""
        holder = self.holder(call.tenant, identifier)
        others = [
            one
            for one in _secrets(call.tenant, holder)
            if one["id"] != secret and one["status"] == "ACTIVE"
        ]
        if not others and self.name == "app":
            text = "You can't deactivate the only active client secret."
            raise refuse(400, "E0000001", "Api validation failed: clientSecret", text)
        return self.switched(call, identifier, secret, "INACTIVE")

    def switched(self, call: Visit, identifier: str, secret: str, status: str) -> Response:
        """With the new status."""
        one = self.find(call.tenant, identifier, secret)
        one |= {"status": status, "lastUpdated": call.tenant.now()}
        self.sync(self.holder(call.tenant, identifier))
        return Response(body=_shown(call.request, one, plain=self.plain))

    def find(self, tenant: Tenant, identifier: str, secret: str) -> Data:
        """One secret of a holder."""
        for one in _secrets(tenant, self.holder(tenant, identifier)):
            if one["id"] == secret:
                return one
        raise missing(secret, "ClientSecret")

    def sync(self, holder: Data) -> None:
        """An application shows its newest active secret."""
        held = (holder.get("credentials") or {}).get("oauthClient")
        active = [one for one in holder["secrets"] if one["status"] == "ACTIVE"]
        if held is not None and active:
            held["client_secret"] = active[-1]["client_secret"]


def _service(request: Request, service: Data) -> Data:
    own = f"{request.base_url}/integrations/api/v1/api-services/{service['id']}"
    client = f"{request.base_url}/oauth2/v1/clients/{service['id']}"
    return {
        "id": service["id"],
        "type": service["type"],
        "name": service["name"],
        "createdAt": service["created"],
        "createdBy": service["createdBy"],
        "configGuideUrl": "https://docs.example/guide",
        "grantedScopes": service["grantedScopes"],
        "_links": {"self": {"href": own}, "client": {"href": client}},
    }


def _list_services(call: Visit) -> Response:
    found = [call.tenant.api_services[one] for one in sorted(call.tenant.api_services)]
    return page(
        call.request,
        found,
        limit=20,
        most=call.tenant.most(20),
        present=lambda one: _service(call.request, one),
    )


def _get_service(call: Visit, identifier: str) -> Response:
    found = call.tenant.api_services.get(identifier)
    if found is None:
        raise missing(identifier, "ApiServiceIntegration")
    return Response(body=_service(call.request, found))


def _introspect(call: Visit) -> Response:
    """RFC 7662, for clients that prove themselves by a secret; of unknown tokens it only tells that they are not active."""
    form = dict(parse_qsl(call.request.body.decode("utf-8", "replace"), keep_blank_values=True))
    client, secret = _basic(call.request) or (
        form.get("client_id", ""),
        form.get("client_secret", ""),
    )
    if not accepts(call.tenant, client, secret):
        body = {
            "error": "invalid_client",
            "error_description": "The client secret supplied for a confidential client is invalid.",
        }
        raise Refusal(Response(status=401, body=body))
    if not form.get("token"):
        body = {"error": "invalid_request", "error_description": "The token is missing."}
        raise Refusal(Response(status=400, body=body))
    return Response(body={"active": False})


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client), unquote_plus(secret)


def _routes(kind: _Kind, place: str, read: str, manage: str) -> tuple[Route, ...]:
    one = f"{place}/{{secret}}"
    return (
        Route("GET", place, read, kind.list),
        Route("POST", place, manage, kind.create),
        Route("DELETE", one, manage, kind.delete),
        Route("POST", f"{one}/lifecycle/activate", manage, kind.activate),
        Route("POST", f"{one}/lifecycle/deactivate", manage, kind.deactivate),
    )


_APP = _Kind("app", plain=True)
_SERVICE = _Kind("service", plain=False)
_APP_PLACE = "/api/v1/apps/{id}/credentials/secrets"
_SERVICES = "/integrations/api/v1/api-services"
_READ, _MANAGE = "okta.oauthIntegrations.read", "okta.oauthIntegrations.manage"

ROUTES: tuple[Route, ...] = (
    *_routes(_APP, _APP_PLACE, "okta.apps.read", "okta.apps.manage"),
    Route("GET", f"{_APP_PLACE}/{{secret}}", "okta.apps.read", _APP.get),
    Route("GET", _SERVICES, _READ, _list_services),
    Route("GET", f"{_SERVICES}/{{id}}", _READ, _get_service),
    *_routes(_SERVICE, f"{_SERVICES}/{{id}}/credentials/secrets", _READ, _MANAGE),
    Route("POST", "/oauth2/v1/introspect", None, _introspect),
)
