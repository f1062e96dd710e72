"""Organisation webhooks."""

from __future__ import annotations

from typing import Any

from perimeter.sandbox.wire import Request, Response
from perimeter_github.sandbox.access import Caller
from perimeter_github.sandbox.errors import Refused, invalid, not_found
from perimeter_github.sandbox.paging import page
from perimeter_github.sandbox.tenant import Content

_MASK = "********"


def listed(
    content: Content,  # noqa: ARG001 - every handler has the same shape
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
) -> Response:
    """``GET /orgs/{org}/hooks``."""
    return page(request, organization["hooks"], lambda hook: _body(hook, organization, request))


def show(
    content: Content,  # noqa: ARG001
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    number: str,
) -> Response:
    """``GET /orgs/{org}/hooks/{hook_id}``."""
    return Response(body=_body(_find(organization, number), organization, request))


def add(
    content: Content,
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
) -> Response:
    """``POST /orgs/{org}/hooks``; GitHub takes the same hook twice."""
    body = _object(request)
    if body.get("name") != "web":
        raise invalid("Hook", "name")
    if not isinstance(body.get("config"), dict) or not body["config"].get("url"):
        raise invalid("Hook", "url", "custom", "url cannot be blank")
    hook = {
        "id": content.next_id(),
        **_config(body["config"]),
        "events": _events(body.get("events", ["push"])),
        "active": bool(body.get("active", True)),
        "created_at": content.now(),
        "updated_at": content.now(),
    }
    organization["hooks"].append(hook)
    shown = _body(hook, organization, request)
    return Response(status=201, body=shown, headers={"Location": shown["url"]})


def change(
    content: Content,
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    number: str,
) -> Response:
    """``PATCH /orgs/{org}/hooks/{hook_id}``; a given ``config`` replaces the whole, secret included."""
    hook, body = _find(organization, number), _object(request)
    if "config" in body:
        if not isinstance(body["config"], dict) or not body["config"].get("url"):
            raise invalid("Hook", "url", "custom", "url cannot be blank")
        hook.update(_config(body["config"]))
    if "events" in body:
        hook["events"] = _events(body["events"])
    if "active" in body:
        hook["active"] = bool(body["active"])
    hook["updated_at"] = content.now()
    return Response(body=_body(hook, organization, request))


def change_config(
    content: Content,
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    number: str,
) -> Response:
    """``PATCH /orgs/{org}/hooks/{hook_id}/config``; what is not given stays."""
    hook, body = _find(organization, number), _object(request)
    merged = {name: hook[name] for name in ("url", "content_type", "insecure_ssl", "secret")}
    hook.update(_config({**merged, **body}))
    hook["updated_at"] = content.now()
    return Response(body=_shown_config(hook))


def remove(
    content: Content,  # noqa: ARG001
    caller: Caller,  # noqa: ARG001
    request: Request,  # noqa: ARG001
    organization: dict[str, Any],
    number: str,
) -> Response:
    """``DELETE /orgs/{org}/hooks/{hook_id}``."""
    organization["hooks"].remove(_find(organization, number))
    return Response(status=204)


def ping(
    content: Content,
    caller: Caller,  # noqa: ARG001
    request: Request,  # noqa: ARG001
    organization: dict[str, Any],
    number: str,
) -> Response:
    """``POST /orgs/{org}/hooks/{hook_id}/pings``; the hook remembers when it was pinged."""
    _find(organization, number).setdefault("pings", []).append(content.now())
    return Response(status=204)


def _find(organization: dict[str, Any], number: str) -> dict[str, Any]:
    for hook in organization["hooks"]:
        if str(hook["id"]) == number:
            found: dict[str, Any] = hook
            return found
    raise not_found()


def _object(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise Refused(400, "Body should be a JSON object")
    return body


def _config(config: dict[str, Any]) -> dict[str, Any]:
    url = config.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise invalid("Hook", "url", "custom", "url is not supported because it isn't http(s)")
    return {
        "url": url,
        "content_type": "json" if config.get("content_type") == "json" else "form",
        "insecure_ssl": str(int(config.get("insecure_ssl") or 0)),
        "secret": config.get("secret") or None,
    }


def _events(events: Any) -> list[str]:
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise invalid("Hook", "events")
    return sorted(set(events))


def _shown_config(hook: dict[str, Any]) -> dict[str, Any]:
    config = {name: hook[name] for name in ("url", "content_type", "insecure_ssl")}
    return {**config, "secret": _MASK} if hook["secret"] else config


def _body(hook: dict[str, Any], organization: dict[str, Any], request: Request) -> dict[str, Any]:
    url = f"{request.base_url}/orgs/{organization['login']}/hooks/{hook['id']}"
    return {
        "id": hook["id"],
        "url": url,
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "name": "web",
        "events": hook["events"],
        "active": hook["active"],
        "config": _shown_config(hook),
        "created_at": hook["created_at"],
        "updated_at": hook["updated_at"],
        "type": "Organization",
    }
