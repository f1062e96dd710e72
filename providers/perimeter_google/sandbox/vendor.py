"""The emulated project: tokens, permissions, and then the operation."""

from __future__ import annotations

import base64
import copy
import json
import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from perimeter.sandbox.wire import Request, Response
from perimeter_google.sandbox.answers import Data, Refusal, missing, refuse
from perimeter_google.sandbox.secrets import SecretManager

_ONE = r"/v1/projects/([^/]+)/secrets/([^/:]+)"
_OPERATIONS: tuple[tuple[str, str, str, str], ...] = (
    ("GET", r"/v1/projects/([^/]+)/secrets", "list", "secretmanager.secrets.list"),
    ("POST", r"/v1/projects/([^/]+)/secrets", "create", "secretmanager.secrets.create"),
    ("GET", _ONE, "get", "secretmanager.secrets.get"),
    ("PATCH", _ONE, "patch", "secretmanager.secrets.update"),
    ("DELETE", _ONE, "delete", "secretmanager.secrets.delete"),
    ("POST", _ONE + ":addVersion", "add", "secretmanager.versions.add"),
    ("GET", _ONE + r"/versions/(\w+)", "version", "secretmanager.versions.get"),
    ("GET", _ONE + r"/versions/(\w+):access", "access", "secretmanager.versions.access"),
    ("POST", _ONE + r"/versions/(\w+):disable", "disable", "secretmanager.versions.disable"),
)


class Google:
    """One project.

    Args:
        seed: ``project`` (``id``, ``number``), ``secrets``, ``tokens`` and ``service_accounts`` with their
            ``permissions``.
        clock: seconds since 1970.
    """

    name = "google"

    def __init__(self, seed: Data, clock: Callable[[], float]) -> None:
        held = copy.deepcopy(seed)
        self._held: Data = {
            "project": held["project"],
            "secrets": held.get("secrets", {}),
            "tokens": held.get("tokens", {}),
            "service_accounts": held.get("service_accounts", {}),
        }
        self._clock = clock
        number = self._held["project"]["number"]
        self._manager = SecretManager(self._held["secrets"], number, clock)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return self._answered(request)
        except Refusal as refusal:
            return refusal.response

    def dump(self) -> dict[str, Any]:
        """A seed that restores the project exactly."""
        return copy.deepcopy(self._held)

    def writes(self, request: Request) -> bool:
        """Whether a request may change what is held; asking for a token does not."""
        return request.method != "GET" and request.path != "/token"

    def error_body(self, status: int, request: Request) -> Any:
        """The body of an injected error."""
        known = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
        named = known.get(status, "INTERNAL")
        return {"error": {"code": status, "message": "Try again.", "status": named}}

    def _answered(self, request: Request) -> Response:
        if (request.method, request.path) == ("POST", "/token"):
            return self._token(request)
        permissions = self._permissions(request)
        project = re.fullmatch(r"/v3/projects/([^/]+)", request.path)
        if project and request.method == "GET":
            self._permit(permissions, "resourcemanager.projects.get", project[1])
            about = self._held["project"]
            body = {"name": f"projects/{about['number']}", "projectId": about["id"]}
            return Response(body={**body, "state": "ACTIVE"})
        for method, pattern, operation, permission in _OPERATIONS:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                self._permit(permissions, permission, found[1])
                handler: Callable[..., Response] = getattr(self._manager, operation)
                return handler(request, *found.groups()[1:])
        raise missing(f"The requested URL {request.path}")

    def _permissions(self, request: Request) -> set[str]:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = self._held["tokens"].get(value)
        if scheme != "Bearer" or token is None:
            raise refuse(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        return set(token["permissions"])

    def _permit(self, permissions: set[str], needed: str, project: str) -> None:
        about = self._held["project"]
        if needed not in permissions or project not in (about["id"], about["number"]):
            message = f"Permission '{needed}' denied for resource 'projects/{project}' (or it may not exist)."
            raise refuse(403, "PERMISSION_DENIED", message)

    def _token(self, request: Request) -> Response:
        """A token for a service account's signed assertion (RFC 7523)."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        claims = None
        if form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            claims = self._verified(form.get("assertion", ""))
        if claims is None or claims["exp"] <= self._clock():
            body = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return Response(status=400, body=body)
        value = "ya29." + secrets.token_urlsafe(32)
        account = self._held["service_accounts"][claims["iss"]]
        self._held["tokens"][value] = {"permissions": list(account["permissions"])}
        return Response(body={"access_token": value, "expires_in": 3599, "token_type": "Bearer"})

    def _verified(self, assertion: str) -> Data | None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        signed, _, signature = assertion.rpartition(".")
        try:
            claims: Data = json.loads(_decoded(signed.partition(".")[2]))
            key: Any = load_pem_public_key(
                self._held["service_accounts"][claims["iss"]]["public_key"].encode()
            )
            key.verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError, KeyError):
            return None
        return claims


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
