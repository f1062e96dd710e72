"""Who calls, and what they may do: GitHub's permissions, written down apart from the provider's."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from perimeter.sandbox.wire import Request
from perimeter_github.sandbox.errors import Refused, not_found
from perimeter_github.sandbox.tenant import Content

_LEVELS = {"read": 1, "write": 2, "admin": 3}
_CONTAINS = {
    "admin:org": {"write:org", "read:org"},
    "write:org": {"read:org"},
    "repo": {"public_repo", "repo:status"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a request comes from.

    Attributes:
        name: names the credential in rate limits.
        kind: ``classic``, ``fine_grained``, ``installation`` or ``app`` (a signed assertion).
        login: the user, or nothing.
        granted: scopes of a classic token, as granted.
        scopes: the same, with those that they contain.
        permissions: of the other kinds.
        installation: the installation that a token belongs to.
        app: the app that an assertion belongs to.
        repositories: names of the only repositories it sees, or None for all.
    """

    name: str
    kind: str
    login: str = ""
    granted: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    permissions: dict[str, str] = field(default_factory=dict)
    installation: int = 0
    app: int = 0
    repositories: frozenset[str] | None = None

    def may(self, permission: str, level: str) -> bool:
        """Whether an app's or fine-grained token's permission suffices."""
        return _LEVELS.get(self.permissions.get(permission, ""), 0) >= _LEVELS[level]

    def sees(self, repository: str) -> bool:
        """Whether a repository is within reach."""
        return self.repositories is None or repository.lower() in self.repositories


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an operation asks of its caller.

    Attributes:
        permission: an app's permission, such as ``organization_hooks``; empty for none.
        level: read, write or admin.
        scopes: classic scopes of which one suffices; empty for none.
        owner: a user must own the organisation.
        kinds: the kinds of credential that are taken at all.
        hidden: whether a classic token without the right gets 404 rather than 403.
    """

    permission: str = ""
    level: str = "read"
    scopes: frozenset[str] = frozenset()
    owner: bool = False
    kinds: frozenset[str] = frozenset({"classic", "fine_grained", "installation"})
    hidden: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What GitHub says it would have accepted."""
        found = {"X-Accepted-OAuth-Scopes": ", ".join(sorted(self.scopes))}
        if self.permission:
            found["X-Accepted-GitHub-Permissions"] = f"{self.permission}={self.level}"
        return found


def check(need: Need, caller: Caller, organization: dict[str, Any] | None) -> None:
    """Refuse a caller who lacks what an operation needs."""
    if caller.kind not in need.kinds:
        raise Refused(403, _WRONG_KIND[caller.kind], headers=need.headers)
    if organization is not None and need.scopes and caller.login:
        _admit(organization, caller)
    if caller.kind == "classic":
        if need.scopes and not need.scopes & caller.scopes:
            raise _hidden(need, "Must have admin rights to Organization.")
    elif need.permission and not caller.may(need.permission, need.level):
        raise Refused(403, _WRONG_KIND[caller.kind], headers=need.headers)
    if organization is None or not need.owner or not caller.login:
        return
    if role_of(organization, caller.login) != "admin":
        raise _hidden(need, "You must be an organization owner to use this endpoint.")


def _admit(organization: dict[str, Any], caller: Caller) -> None:
    """Members without a required second factor keep their membership and are let at nothing until they enrol one."""
    if not blocked(organization, caller.login):
        return
    raise Refused(403, "Resource protected by organization two-factor authentication requirement.")


def blocked(organization: dict[str, Any], login: str) -> str:
    """Why a member is kept out of the organisation's resources; empty when they are not."""
    member = next((m for m in organization["members"] if m["login"].lower() == login.lower()), None)
    if member is None:
        return ""
    if organization["settings"]["two_factor_requirement_enabled"] and not member["two_factor"]:
        return "the organisation requires a second factor"
    if organization.get("saml_enforced") and not member.get("saml_identity"):
        return "the organisation enforces SAML, and the member has no linked identity"
    return ""


def role_of(organization: dict[str, Any], login: str) -> str:
    """A user's role in an organisation; empty for none."""
    for member in organization["members"]:
        if member["login"].lower() == login.lower():
            return str(member["role"])
    return ""


def administers(organization: dict[str, Any], repository: dict[str, Any], caller: Caller) -> bool:
    """Whether a user is an admin of a repository; apps are judged by their permissions alone."""
    if not caller.login or role_of(organization, caller.login) == "admin":
        return True
    return caller.login.lower() in {login.lower() for login in repository["admins"]}


def _hidden(need: Need, message: str) -> Refused:
    if not need.hidden:
        return Refused(403, message, headers=need.headers)
    refused = not_found()
    refused.headers.update(need.headers)
    return refused


_WRONG_KIND = {
    "classic": "Resource not accessible by personal access token",
    "fine_grained": "Resource not accessible by personal access token",
    "installation": "Resource not accessible by integration",
    "app": "Resource not accessible by integration",
}


def authenticate(request: Request, content: Content) -> Caller:
    """Find out who calls; refuse strangers."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if not secret:
        raise Refused(401, "Requires authentication")
    if scheme.lower() not in {"bearer", "token"}:
        raise Refused(401, "Bad credentials")
    secret = secret.strip()
    if secret.count(".") == 2:
        return _assertion(secret, content)
    for token in content.data["tokens"]:
        if token["token"] == secret:
            return _token(token, content)
    raise Refused(401, "Bad credentials")


def _token(token: dict[str, Any], content: Content) -> Caller:
    expires = token.get("expires_at")
    if expires and datetime.fromisoformat(expires).timestamp() <= content.clock():
        raise Refused(401, "Bad credentials")
    kind = token["kind"]
    if kind == "installation":
        return _installation_token(token, content)
    scopes = set(token.get("scopes", []))
    for scope in tuple(scopes):
        scopes |= _CONTAINS.get(scope, set())
    return Caller(
        name=f"user {token['login']}",
        kind=kind,
        login=token["login"],
        granted=tuple(sorted(token.get("scopes", []))),
        scopes=frozenset(scopes),
        permissions=dict(token.get("permissions", {})),
        repositories=_names(token.get("repositories")),
    )


def _installation_token(token: dict[str, Any], content: Content) -> Caller:
    found = content.installation(token["installation"])
    if found is None:
        raise Refused(401, "Bad credentials")
    _, installation = found
    if installation["suspended_at"]:
        raise Refused(403, "This installation has been suspended")
    held = installation["permissions"]
    granted = {
        name: min(level, held.get(name, ""), key=lambda one: _LEVELS.get(one, 0))
        for name, level in token.get("permissions", held).items()
    }
    only = installation["repositories"] if _selected(installation) else None
    return Caller(
        name=f"installation {installation['id']}",
        kind="installation",
        permissions=granted,
        installation=installation["id"],
        app=installation["app_id"],
        repositories=_names(only),
    )


def _selected(installation: dict[str, Any]) -> bool:
    return bool(installation["repository_selection"] == "selected")


def _names(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(name.lower() for name in names)


def _assertion(text: str, content: Content) -> Caller:
    """Read a JSON web token that an app signed with its key (RS256)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    header, payload, signature = text.split(".")
    try:
        claims = json.loads(_decoded(payload))
        app = content.app(int(claims["iss"]))
        if app is None or not app.get("public_key"):
            raise Refused(401, "Integration not found")
        key = load_pem_public_key(app["public_key"].encode())
        if not isinstance(key, rsa.RSAPublicKey):
            raise Refused(401, "A JSON web token could not be decoded")
        signed = f"{header}.{payload}".encode()
        key.verify(_decoded(signature), signed, padding.PKCS1v15(), SHA256())
        issued, expires = float(claims["iat"]), float(claims["exp"])
    except (InvalidSignature, ValueError, KeyError, TypeError):
        raise Refused(401, "A JSON web token could not be decoded") from None
    now = content.clock()
    if issued > now + 5:
        raise Refused(401, "'Issued at' claim ('iat') must be an Integer in the past")
    if expires <= now or expires > now + 600:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future or past")
    return Caller(name=f"app {app['id']}", kind="app", app=app["id"])


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
