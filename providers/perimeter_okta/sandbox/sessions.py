"""A user's sessions, tokens and remembered devices, as far as they can be ended."""

from __future__ import annotations

from perimeter_okta.sandbox.answers import invalid
from perimeter_okta.sandbox.routing import Response, Route, Visit
from perimeter_okta.sandbox.tokens import of_user, revoke


def _flag(call: Visit, name: str, default: bool) -> bool:
    text = call.request.query.get(name)
    if text is None:
        return default
    if text not in ("true", "false"):
        raise invalid(name, f"{name}: The value must be true or false")
    return text == "true"


def _revoke(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    engine = str(call.tenant.org.get("pipeline", "idx"))
    user["sessions"] = []
    if _flag(call, "oauthTokens", False):
        user["tokens"] = []
        revoke(call.tenant, of_user(call.tenant, user["id"]))
    if _flag(call, "forgetDevices", engine == "idx"):
        user["rememberedDevices"] = []
    return Response(status=204)


ROUTES = (Route("DELETE", "/api/v1/users/{id}/sessions", "okta.users.manage", _revoke),)
