"""The emulated server: tokens, policies, logins, and the engines behind them."""

from __future__ import annotations

import base64
import copy
import json
import re
import secrets
from collections.abc import Callable
from typing import Any

from perimeter.sandbox.wire import Request, Response
from perimeter_vault.sandbox.answers import Data, Refusal, body_of, denied, framed
from perimeter_vault.sandbox.engine import Engine

_CAPABILITIES = {
    "GET": {"read"},
    "LIST": {"list"},
    "POST": {"create", "update"},
    "PUT": {"create", "update"},
    "DELETE": {"delete"},
}
_DEFAULT = {
    "auth/token/lookup-self": ["read"],
    "sys/internal/ui/mounts": ["read"],
    "sys/internal/ui/mounts/*": ["read"],
}
"""What Vault's own policy ``default`` allows, as far as it matters here."""


class Vault:
    """One unsealed server without namespaces.

    Args:
        seed: ``cluster_id``, ``cluster_name``, ``tokens``, ``policies``, ``approle``, ``jwt``, ``mounts``.
        clock: seconds since 1970.
    """

    name = "vault"

    def __init__(self, seed: Data, clock: Callable[[], float]) -> None:
        held = copy.deepcopy(seed)
        self._held: Data = {
            "cluster_id": held["cluster_id"],
            "cluster_name": held.get("cluster_name", "vault-cluster"),
            "sealed": held.get("sealed", False),
            "tokens": held.get("tokens", {}),
            "policies": held.get("policies", {}),
            "approle": held.get("approle", {}),
            "jwt": held.get("jwt", {}),
            "mounts": held.get("mounts", {"secret": {"secrets": {}}}),
        }
        self._clock = clock
        self._engines = {
            name: Engine(mount.setdefault("secrets", {}), clock)
            for name, mount in self._held["mounts"].items()
            if mount.get("version", 2) == 2
        }

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return self._answered(request)
        except Refusal as refusal:
            return refusal.response

    def dump(self) -> dict[str, Any]:
        """A seed that restores the server exactly."""
        return copy.deepcopy(self._held)

    def writes(self, request: Request) -> bool:
        """Whether a request may change what is held; a login does not."""
        return request.method != "GET" and not request.path.startswith("/v1/auth/")

    def error_body(self, status: int, request: Request) -> Any:
        """The body of an injected error."""
        known = {429: "request path: rate limit quota exceeded", 503: "Vault is not ready"}
        return {"errors": [known.get(status, "internal error")]}

    def _answered(self, request: Request) -> Response:
        path = request.path.removeprefix("/v1/")
        if path == request.path:
            raise Refusal(404)
        if path == "sys/health":
            return self._health()
        if self._held["sealed"]:
            raise Refusal(503, "Vault is sealed")
        if request.headers.get("x-vault-namespace"):
            raise Refusal(404, "no handler for route; this server has no namespaces")
        login = re.fullmatch(r"auth/(approle|jwt)/login", path)
        if login:
            return self._login(login[1], body_of(request))
        token = self._token(request)
        listing = request.query.get("list") == "true"
        verb = "LIST" if listing and request.method == "GET" else request.method
        # A list is judged by the folder's path, with its slash.
        judged = path.rstrip("/") + "/" if verb == "LIST" else path
        self._permit(token, judged, _CAPABILITIES.get(verb, {"sudo"}))
        if path == "auth/token/lookup-self":
            value = request.headers["x-vault-token"]
            return framed({"id": value, "ttl": 3600, "type": "service", **token})
        if path == "sys/internal/ui/mounts":
            return framed({"auth": {}, "secret": self._shown(token)})
        for name in sorted(self._engines, key=len, reverse=True):
            found = re.fullmatch(re.escape(name) + r"/(data|metadata)(?:/(.*))?", path)
            if found:
                return self._engines[name].handle(request, found[1], found[2] or "")
        raise Refusal(404, f'no handler for route "{path}". route entry not found.')

    def _health(self) -> Response:
        sealed = self._held["sealed"]
        body = {
            "initialized": True,
            "sealed": sealed,
            "standby": False,
            "performance_standby": False,
            "server_time_utc": int(self._clock()),
            "version": "1.19.0",
        }
        if not sealed:
            body |= {name: self._held[name] for name in ("cluster_id", "cluster_name")}
        return Response(status=503 if sealed else 200, body=body)

    def _token(self, request: Request) -> Data:
        found: Data | None = self._held["tokens"].get(request.headers.get("x-vault-token", ""))
        if found is None:
            raise denied(token=True)
        return found

    def _permit(self, token: Data, path: str, wanted: set[str]) -> None:
        if "root" in token["policies"]:
            return
        if not self._allowed(token, path) >= wanted:
            raise denied()

    def _allowed(self, token: Data, path: str) -> set[str]:
        """What the most specific rule of any policy allows on a path."""
        rules: dict[str, set[str]] = {}
        for policy in [_DEFAULT, *(self._held["policies"].get(n, {}) for n in token["policies"])]:
            for pattern, capabilities in policy.items():
                if _fits(pattern, path):
                    rules.setdefault(pattern, set()).update(capabilities)
        if not rules:
            return set()
        best = max(rules, key=lambda pattern: (not pattern.endswith("*"), len(pattern)))
        return set() if "deny" in rules[best] else rules[best]

    def _shown(self, token: Data) -> Data:
        """The engines that any of the token's rules touches."""
        patterns = [p for n in token["policies"] for p in self._held["policies"].get(n, {})]
        return {
            f"{name}/": {
                "type": "kv",
                "description": "",
                "options": {"version": str(mount.get("version", 2))},
            }
            for name, mount in self._held["mounts"].items()
            if "root" in token["policies"] or any(_touches(p, f"{name}/") for p in patterns)
        }

    def _login(self, method: str, body: Data) -> Response:
        role = self._approle(body) if method == "approle" else self._jwt(body)
        value = "hvs." + secrets.token_urlsafe(24)
        accessor = secrets.token_urlsafe(18)
        self._held["tokens"][value] = {
            "policies": list(role["policies"]),
            "accessor": accessor,
            "display_name": method,
        }
        auth = {
            "client_token": value,
            "accessor": accessor,
            "policies": ["default", *role["policies"]],
            "lease_duration": role.get("ttl", 3600),
            "renewable": True,
        }
        return framed(None, auth)

    def _approle(self, body: Data) -> Data:
        role: Data | None = self._held["approle"].get(body.get("role_id"))
        if role is None or body.get("secret_id") not in role["secret_ids"]:
            raise Refusal(400, "invalid role or secret ID")
        return role

    def _jwt(self, body: Data) -> Data:
        role: Data | None = self._held["jwt"].get(body.get("role"))
        if role is None:
            raise Refusal(400, f'role "{body.get("role")}" could not be found')
        claims = _verified(str(body.get("jwt")), role["public_key"])
        if claims.get("exp", 0) <= self._clock():
            raise Refusal(400, "error validating token: token is expired")
        for name, value in role.get("bound_claims", {}).items():
            if claims.get(name) != value:
                raise Refusal(400, f"error validating claims: claim {name!r} does not match")
        return role


def _fits(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern == path


def _touches(pattern: str, mount: str) -> bool:
    """Whether a rule is about anything below a mount."""
    return pattern.startswith(mount) or (pattern.endswith("*") and mount.startswith(pattern[:-1]))


def _verified(token: str, public_key: str) -> Data:
    """The claims of a token that the key's owner signed by RS256."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        signed, _, signature = token.rpartition(".")
        key: Any = load_pem_public_key(public_key.encode())
        key.verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
        claims = json.loads(_decoded(signed.partition(".")[2]))
    except (InvalidSignature, ValueError):
        raise Refusal(400, "error validating token: signature verification failed") from None
    if not isinstance(claims, dict):
        raise Refusal(400, "error validating token: no claims")
    return claims


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
