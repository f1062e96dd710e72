"""The emulated vendor: authentication, scopes, allowances, and then the operation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from perimeter.sandbox.rates import Bucket, Taken
from perimeter.sandbox.wire import Request, Response
from perimeter_okta.sandbox import (
    apps,
    client_secrets,
    directory,
    oauth,
    organization,
    policies,
    sessions,
    signin,
    tokens,
)
from perimeter_okta.sandbox.answers import Data, Refusal, refuse
from perimeter_okta.sandbox.routing import Caller, Route, Visit, route_of
from perimeter_okta.sandbox.tenant import Tenant

_ROUTES: tuple[Route, ...] = (
    *organization.ROUTES,
    *directory.ROUTES,
    *sessions.ROUTES,
    *tokens.ROUTES,
    *policies.ROUTES,
    *apps.ROUTES,
    *oauth.ROUTES,
    *client_secrets.ROUTES,
)
_LIMITS: dict[str, tuple[int, float]] = {
    "/api/v1/users": (600, 60),
    "/api/v1/users/*": (600, 60),
    "/api/v1/groups": (500, 60),
    "/api/v1/groups/*": (500, 60),
    "/api/v1/apps": (100, 60),
    "/api/v1/apps/*": (500, 60),
    "/api/v1/policies": (1000, 60),
    "/api/v1/policies/*": (1000, 60),
    "/api/v1/api-tokens": (300, 60),
    "/api/v1/api-tokens/*": (300, 60),
}
"""Calls and seconds by family; as in recorded answers of real orgs."""
_OTHERS = (1200, 60.0)


class Okta:
    """One org.

    Args:
        seed: what it holds; see README.md.
        clock: seconds since 1970.
    """

    name = "okta"

    def __init__(self, seed: Data, clock: Callable[[], float]) -> None:
        self._tenant = Tenant(seed, clock)
        policies.settle_all(self._tenant)
        apps.settle_all(self._tenant)
        client_secrets.settle_all(self._tenant)
        tokens.settle_all(self._tenant)
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._calls = 0

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        self._calls += 1
        try:
            response = self._answered(request)
        except Refusal as refusal:
            response = refusal.response
        headers = {"X-Okta-Request-Id": f"req{self._calls:020d}", **response.headers}
        return replace(response, headers=headers)

    def dump(self) -> dict[str, Any]:
        """A seed that restores the org exactly."""
        return self._tenant.dump()

    def can_sign_in(self, user: str, address: str = signin.SOMEWHERE) -> signin.Decision:
        """Whether somebody (id or login) gets in from an address; what the tenant says, for tests and drills."""
        try:
            return signin.sign_in(self._tenant, self._tenant.user(user), address)
        except Refusal:
            return signin.Decision(allowed=False, because="there is no such account")

    def administers(self, user: str) -> bool:
        """Whether somebody (id or login) is super administrator, directly or through a group."""
        try:
            return signin.administers(self._tenant, self._tenant.user(user))
        except Refusal:
            return False

    def works(self, token: str) -> bool:
        """Whether a call with this API token is let in, and its user administers."""
        headers = {"authorization": f"SSWS {token}"}
        request = Request(method="GET", path="/api/v1/users/me", headers=headers)
        try:
            caller = self._caller(request)
        except Refusal:
            return False
        user = self._tenant.users[caller.user]
        return not self._tenant.judges_roles or bool(signin.roles_of(self._tenant, user))

    def accepts(self, client: str, secret: str) -> bool:
        """Whether an OAuth client proves itself by a secret now."""
        return client_secrets.accepts(self._tenant, client, secret)

    def writes(self, request: Request) -> bool:
        """Whether a request may change what a tenant holds; asking for a token does not."""
        asks = request.path in {"/oauth2/v1/token", "/oauth2/v1/introspect"}
        return request.method not in {"GET", "HEAD"} and not asks

    def error_body(self, status: int, request: Request) -> Any:
        """The body of an injected error."""
        known = {429: ("E0000047", "API call exceeded rate limit due to too many requests.")}
        code, summary = known.get(status, ("E0000009", "Internal Server Error"))
        return refuse(status, code, summary).response.body

    def _answered(self, request: Request) -> Response:
        found = route_of(_ROUTES, request.method, request.path)
        if found is not None and found[0].scope is None:
            nobody = Caller(key="")
            return found[0].handler(self._visit(request, nobody), *found[1])
        caller = self._caller(request)
        taken = self._take(caller, request)
        rates = {
            "x-rate-limit-limit": str(taken.limit),
            "x-rate-limit-remaining": str(taken.remaining),
            "x-rate-limit-reset": str(math.ceil(taken.reset)),
        }
        try:
            if not taken.allowed:
                text = "API call exceeded rate limit due to too many requests."
                raise refuse(429, "E0000047", text)
            if found is None:
                raise self._unknown(request)
            route, ids = found
            self._permit(caller, route, request)
            response = route.handler(self._visit(request, caller), *ids)
        except Refusal as refusal:
            response = refusal.response
        return replace(response, headers={**response.headers, **rates})

    def _visit(self, request: Request, caller: Caller) -> Visit:
        return Visit(tenant=self._tenant, request=request, caller=caller)

    def _unknown(self, request: Request) -> Refusal:
        others = [r for r in _ROUTES if r.match(r.method, request.path) is not None]
        if others:
            text = "The endpoint does not support the provided HTTP method"
            return refuse(405, "E0000022", text)
        return refuse(404, "E0000007", f"Not found: Resource not found: {request.path} (Endpoint)")

    def _caller(self, request: Request) -> Caller:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme == "SSWS":
            for token in self._tenant.api_tokens.values():
                if token.get("token") == value:
                    return self._user(token)
        if scheme == "Bearer":
            found = self._tenant.access_tokens.get(value)
            if found is not None and found["expires"] > self._tenant.clock():
                return Caller(
                    key=f"client {found['client']}",
                    client=found["client"],
                    scopes=frozenset(found["scopes"]),
                )
        raise refuse(401, "E0000011", "Invalid token provided")

    def _user(self, token: Data) -> Caller:
        user = self._tenant.users.get(token["userId"])
        if user is None or user["status"] not in {"ACTIVE", "PASSWORD_EXPIRED"}:
            raise refuse(401, "E0000011", "Invalid token provided")
        network = token.get("network") or {}
        if not signin.within(self._tenant, network, self._tenant.address):
            raise refuse(401, "E0000011", "Invalid token provided")
        scopes = token.get("scopes")
        return Caller(
            key=f"token {token['id']}",
            user=user["id"],
            scopes=None if scopes is None else frozenset(scopes),
        )

    def _permit(self, caller: Caller, route: Route, request: Request) -> None:
        may = caller.scopes is None or route.scope in caller.scopes
        if not route.scope or (may and self._empowered(caller, route.scope)):
            return
        text = "You do not have permission to perform the requested action"
        refusal = refuse(403, "E0000006", text)
        if caller.client:
            said = (
                f'Bearer realm="{request.base_url}", scope="{route.scope}", error="insufficient_scope",'
                ' error_description="The access token provided does not contain the required scopes."'
            )
            refusal.response = replace(refusal.response, headers={"WWW-Authenticate": said})
        raise refusal

    def _empowered(self, caller: Caller, scope: str) -> bool:
        """Whether the user behind an API token holds a role that lets it: a token can do what its user can."""
        if not caller.user or not self._tenant.judges_roles:
            return True
        held = {
            role["type"]
            for role, _ in signin.roles_of(self._tenant, self._tenant.users[caller.user])
        }
        if scope.endswith(".read"):
            return bool(held)
        return bool(held - {"READ_ONLY_ADMIN", "REPORT_ADMIN"})

    def _take(self, caller: Caller, request: Request) -> Taken:
        parts = request.path.strip("/").split("/")
        family = "/" + "/".join(parts[:3])
        if len(parts) > 3 or request.method != "GET":
            family += "/*"
        bucket = self._buckets.get((caller.key, family))
        if bucket is None:
            limit, window = self._tenant.rate_limits.get(family) or _LIMITS.get(family, _OTHERS)
            bucket = Bucket(family, int(limit), float(window))
            self._buckets[caller.key, family] = bucket
        return bucket.take(self._tenant.clock())
