"""The emulated GitHub: who asks, whether they may, whether they may now, and the answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from perimeter.sandbox.conditional import conditional
from perimeter.sandbox.wire import Request, Response
from perimeter_github.sandbox import (
    action_secrets,
    apps,
    graph,
    hooks,
    organizations,
    people,
    repositories,
    token_access,
)
from perimeter_github.sandbox.access import (
    Caller,
    Need,
    authenticate,
    blocked,
    check,
    role_of,
)
from perimeter_github.sandbox.errors import DOCS, Refused, not_found
from perimeter_github.sandbox.limits import Limits, headers
from perimeter_github.sandbox.tenant import Content

VERSIONS = frozenset({"2022-11-28", "2026-03-10"})


@dataclass(frozen=True, slots=True)
class Route:
    """An operation: how it is called, what it needs, and what answers it."""

    method: str
    pattern: re.Pattern[str]
    need: Need
    handler: Callable[..., Response]
    tenant: bool

    @classmethod
    def of(cls, text: str, need: Need, handler: Callable[..., Response]) -> Route:
        """A route from text such as ``GET /orgs/{org}/hooks``."""
        method, _, path = text.partition(" ")
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)
        return cls(method, re.compile(pattern), need, handler, "{org}" in path)


def _need(
    permission: str = "", level: str = "read", *scopes: str, owner: bool = True, hidden: bool = True
) -> Need:
    return Need(
        permission=permission, level=level, scopes=frozenset(scopes), owner=owner, hidden=hidden
    )


_ANY = Need()
_APP_TOKEN = frozenset({"installation"})
_PATS = "organization_personal_access_tokens"
_ASKED = "organization_personal_access_token_requests"
_KEYS_READ = _need("administration", "read", "repo", owner=False)
_KEYS_WRITE = _need("administration", "write", "repo", owner=False)
_ORG_SECRETS_READ = _need("organization_secrets", "read", "admin:org")
_ORG_SECRETS_WRITE = _need("organization_secrets", "write", "admin:org")
_HOOKS_READ = _need("organization_hooks", "read", "admin:org_hook")
_HOOKS_WRITE = _need("organization_hooks", "write", "admin:org_hook")


_ORG_SECRETS = "/orgs/{org}/actions/secrets"
_REPO_SECRETS = "/repos/{org}/{repo}/actions/secrets"
_ENV_SECRETS = "/repos/{org}/{repo}/environments/{environment}/secrets"


def _app_only(permission: str, level: str) -> Need:
    return Need(permission=permission, level=level, kinds=_APP_TOKEN)


_PLACES: tuple[tuple[str, Need, Callable[..., Response]], ...] = tuple(
    (f"{method} {place}{rest}", _need(permission, level, "repo", owner=False), handler)
    for place, permission in ((_REPO_SECRETS, "secrets"), (_ENV_SECRETS, "environments"))
    for method, rest, level, handler in (
        ("GET", "", "read", action_secrets.listed),
        ("GET", "/public-key", "read", action_secrets.key),
        ("GET", "/{name}", "read", action_secrets.show),
        ("PUT", "/{name}", "write", action_secrets.put),
        ("DELETE", "/{name}", "write", action_secrets.remove),
    )
)

_OPERATIONS: tuple[tuple[str, Need, Callable[..., Response]], ...] = (
    ("GET /orgs/{org}", _ANY, organizations.show),
    (
        "PATCH /orgs/{org}",
        _need("organization_administration", "write", "admin:org", "repo", hidden=False),
        organizations.change,
    ),
    (
        "GET /orgs/{org}/installations",
        _need("organization_administration", "read", "admin:read", "admin:org", hidden=False),
        apps.installations,
    ),
    (
        "GET /orgs/{org}/members",
        _need("members", "read", "read:org", owner=False, hidden=False),
        people.members,
    ),
    ("GET /orgs/{org}/repos", _need("metadata", "read", owner=False), repositories.listed),
    ("GET /orgs/{org}/hooks", _HOOKS_READ, hooks.listed),
    ("POST /orgs/{org}/hooks", _HOOKS_WRITE, hooks.add),
    ("GET /orgs/{org}/hooks/{id}", _HOOKS_READ, hooks.show),
    ("PATCH /orgs/{org}/hooks/{id}", _HOOKS_WRITE, hooks.change),
    ("PATCH /orgs/{org}/hooks/{id}/config", _HOOKS_WRITE, hooks.change_config),
    ("DELETE /orgs/{org}/hooks/{id}", _HOOKS_WRITE, hooks.remove),
    ("POST /orgs/{org}/hooks/{id}/pings", _HOOKS_WRITE, hooks.ping),
    (
        "GET /orgs/{org}/personal-access-tokens",
        _app_only(_PATS, "read"),
        token_access.grants,
    ),
    (
        "POST /orgs/{org}/personal-access-tokens/{id}",
        _app_only(_PATS, "write"),
        token_access.revoke,
    ),
    (
        "GET /orgs/{org}/personal-access-tokens/{id}/repositories",
        _app_only(_PATS, "read"),
        token_access.grant_repositories,
    ),
    (
        "GET /orgs/{org}/personal-access-token-requests",
        _app_only(_ASKED, "read"),
        token_access.requests,
    ),
    (
        "POST /orgs/{org}/personal-access-token-requests/{id}",
        _app_only(_ASKED, "write"),
        token_access.review,
    ),
    (
        "GET /orgs/{org}/personal-access-token-requests/{id}/repositories",
        _app_only(_ASKED, "read"),
        token_access.request_repositories,
    ),
    ("GET /repos/{org}/{repo}", _need("metadata", "read", owner=False), repositories.show),
    ("GET /repos/{org}/{repo}/keys", _KEYS_READ, repositories.keys),
    ("POST /repos/{org}/{repo}/keys", _KEYS_WRITE, repositories.add_key),
    ("GET /repos/{org}/{repo}/keys/{id}", _KEYS_READ, repositories.key),
    ("DELETE /repos/{org}/{repo}/keys/{id}", _KEYS_WRITE, repositories.remove_key),
    (f"GET {_ORG_SECRETS}", _ORG_SECRETS_READ, action_secrets.organization_secrets),
    (f"GET {_ORG_SECRETS}/public-key", _ORG_SECRETS_READ, action_secrets.organization_key),
    (f"GET {_ORG_SECRETS}/{{name}}", _ORG_SECRETS_READ, action_secrets.organization_secret),
    (
        f"PUT {_ORG_SECRETS}/{{name}}",
        _ORG_SECRETS_WRITE,
        action_secrets.put_organization_secret,
    ),
    (
        f"DELETE {_ORG_SECRETS}/{{name}}",
        _ORG_SECRETS_WRITE,
        action_secrets.remove_organization_secret,
    ),
    (f"GET {_ORG_SECRETS}/{{name}}/repositories", _ORG_SECRETS_READ, action_secrets.selected),
    (
        "GET /repos/{org}/{repo}/environments",
        _need("actions", "read", "repo", owner=False),
        action_secrets.environments,
    ),
    *_PLACES,
    ("GET /user", Need(kinds=frozenset({"classic", "fine_grained"})), people.current_user),
    ("GET /installation/repositories", Need(kinds=_APP_TOKEN), apps.own_repositories),
    (
        "GET /user/installations/{id}/repositories",
        Need(kinds=frozenset({"classic"})),
        apps.user_repositories,
    ),
    ("GET /app", Need(kinds=frozenset({"app"})), apps.app),
    (
        "POST /app/installations/{id}/access_tokens",
        Need(kinds=frozenset({"app"})),
        apps.token,
    ),
)
ROUTES = tuple(Route.of(text, need, handler) for text, need, handler in _OPERATIONS)


class GitHub:
    """One or more organisations, as the seed says; see the folder's README for its format."""

    name = "github"

    def __init__(self, seed: dict[str, Any], clock: Callable[[], float]) -> None:
        self._content = Content(seed, clock)
        self._limits = Limits(self._content.data["limits"])
        self._handled = 0

    def dump(self) -> dict[str, Any]:
        """The present content, as a seed that restores it exactly."""
        return self._content.dump()

    def can_sign_in(self, login: str, organization: str) -> bool:
        """Whether a member gets at the organisation's resources; what the tenant says, for tests and drills."""
        found = self._content.organization(organization)
        return found is not None and bool(role_of(found, login)) and not blocked(found, login)

    def administers(self, login: str, organization: str) -> bool:
        """Whether somebody owns the organisation."""
        found = self._content.organization(organization)
        return found is not None and role_of(found, login) == "admin"

    def works(self, token: str, organization: str, *permissions: str) -> bool:
        """Whether a call with this token is let in, and an app's token holds the permissions (``members=read``)."""
        found = self._content.organization(organization)
        headers = {"authorization": f"Bearer {token}"}
        try:
            caller = authenticate(Request(method="GET", path="/", headers=headers), self._content)
        except Refused:
            return False
        if found is None or (caller.login and blocked(found, caller.login)):
            return False
        if caller.kind == "installation":
            return all(caller.may(*word.split("=")) for word in permissions)
        return role_of(found, caller.login) == "admin"

    def secret(
        self, organization: str, name: str, repository: str = "", environment: str = ""
    ) -> str | None:
        """What a workflow would read as a secret of GitHub Actions; None where there is none."""
        holder = self._content.organization(organization)
        if holder is not None and repository:
            found = self._content.repository(organization, repository)
            holder = None if found is None else action_secrets.holder_of(found, environment)
        return None if holder is None else action_secrets.value(holder, name)

    def reaches(self, organization: str, repository: str, private_key: str) -> bool:
        """Whether a private key gets at a repository by SSH now; its deploy key remembers the use."""
        found = self._content.repository(organization, repository)
        return found is not None and action_secrets.uses_key(self._content, found, private_key)

    def signature(self, organization: str, hook: int, body: bytes) -> str:
        """The signature of a webhook's delivery; empty where it is sent without one."""
        found = self._content.organization(organization) or {"hooks": ()}
        held = next((one for one in found["hooks"] if one["id"] == hook), None)
        return "" if held is None else action_secrets.signs(held, body)

    def writes(self, request: Request) -> bool:
        """Whether a successful call changed the tenant: queries and token calls do not."""
        return request.path != "/graphql" and not request.path.endswith("/access_tokens")

    def error_body(self, status: int, request: Request) -> dict[str, Any]:
        """What GitHub's error of that status looks like."""
        return {"message": "Server Error", "documentation_url": DOCS, "status": str(status)}

    def handle(self, request: Request) -> Response:
        """Answer a request; refusals are answers, too."""
        self._handled += 1
        now = self._content.clock()
        extra = {
            "X-GitHub-Request-Id": f"5AD0:{self._handled:06X}:{int(now * 1000):X}",
            "X-GitHub-Media-Type": "github.v3; format=json",
        }
        try:
            response = self._answer(request, now, extra)
        except Refused as refused:
            response = refused.response()
        except ValueError:
            response = Refused(400, "Problems parsing JSON").response()
        return replace(response, headers={**extra, **response.headers})

    def _answer(self, request: Request, now: float, extra: dict[str, str]) -> Response:
        if not request.headers.get("user-agent"):
            raise Refused(403, "Request forbidden by administrative rules.")
        version = request.headers.get("x-github-api-version", "2022-11-28")
        if version not in VERSIONS:
            raise Refused(400, f'"{version}" is not a supported API version.')
        extra["X-GitHub-Api-Version-Selected"] = version
        caller = authenticate(request, self._content)
        if caller.kind == "classic":
            extra["X-OAuth-Scopes"] = ", ".join(caller.granted)
        resource = "graphql" if request.path == "/graphql" else "core"
        bucket = self._limits.bucket(caller.name, resource)
        if request.method == "POST" and resource == "graphql":
            response = graph.answer(self._content, caller, request, bucket)
            return _with(response, headers(bucket.peek(now), resource))
        if request.method == "GET" and request.path == "/rate_limit":
            return self._overview(caller, now)
        self._limits.admit(caller.name, resource, request.method, now)
        try:
            response = conditional(request, self._dispatch(request, caller, extra))
        except Refused as refused:
            response = refused.response()
        taken = bucket.peek(now) if response.status == 304 else bucket.take(now)
        return _with(response, headers(taken, resource))

    def _dispatch(self, request: Request, caller: Caller, extra: dict[str, str]) -> Response:
        for route in ROUTES:
            match = route.pattern.fullmatch(request.path)
            if match is None or route.method != request.method:
                continue
            parts = match.groupdict()
            extra.update(route.need.headers if caller.kind != "app" else {})
            if not route.tenant:
                check(route.need, caller, None)
                return route.handler(self._content, caller, request, *parts.values())
            organization = self._content.organization(parts.pop("org"))
            if organization is None or not self._belongs(caller, organization):
                raise not_found()
            check(route.need, caller, organization)
            return route.handler(self._content, caller, request, organization, *parts.values())
        raise not_found()

    def _belongs(self, caller: Caller, organization: dict[str, Any]) -> bool:
        if caller.installation:
            found = self._content.installation(caller.installation)
            return found is not None and found[0] is organization
        return True

    def _overview(self, caller: Caller, now: float) -> Response:
        shown = {}
        for name in ("core", "graphql", "search"):
            taken = self._limits.bucket(caller.name, name).peek(now)
            shown[name] = {
                "limit": taken.limit,
                "remaining": taken.remaining,
                "used": taken.used,
                "reset": -int(-taken.reset // 1),
            }
        return Response(body={"resources": shown, "rate": shown["core"]})


def _with(response: Response, more: dict[str, str]) -> Response:
    return replace(response, headers={**more, **response.headers})
