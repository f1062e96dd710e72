"""Fine-grained personal access tokens: what they may reach, and who asks for more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from perimeter.sandbox.wire import Request, Response
from perimeter_github.sandbox.access import Caller
from perimeter_github.sandbox.errors import Refused, not_found
from perimeter_github.sandbox.paging import page
from perimeter_github.sandbox.people import simple_user
from perimeter_github.sandbox.repositories import minimal
from perimeter_github.sandbox.tenant import Content


def grants(
    content: Content,
    caller: Caller,  # noqa: ARG001 - every handler has the same shape
    request: Request,
    organization: dict[str, Any],
) -> Response:
    """``GET /orgs/{org}/personal-access-tokens``, the latest first."""
    found = sorted(organization["token_grants"], key=lambda g: (g["access_granted_at"], g["id"]))
    return page(
        request,
        found[::-1],
        lambda grant: {
            **_token(content, grant, organization, request, "personal-access-tokens"),
            "access_granted_at": grant["access_granted_at"],
        },
    )


def requests(
    content: Content,
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
) -> Response:
    """``GET /orgs/{org}/personal-access-token-requests``, the latest first."""
    found = sorted(
        organization["token_requests"], key=lambda asked: (asked["created_at"], asked["id"])
    )
    return page(
        request,
        found[::-1],
        lambda asked: {
            **_token(content, asked, organization, request, "personal-access-token-requests"),
            "reason": asked["reason"],
            "created_at": asked["created_at"],
        },
    )


def grant_repositories(
    content: Content,  # noqa: ARG001
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    number: str,
) -> Response:
    """``GET /orgs/{org}/personal-access-tokens/{pat_id}/repositories``."""
    return _repositories(request, organization, _find(organization["token_grants"], number))


def request_repositories(
    content: Content,  # noqa: ARG001
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    number: str,
) -> Response:
    """``GET /orgs/{org}/personal-access-token-requests/{pat_request_id}/repositories``."""
    return _repositories(request, organization, _find(organization["token_requests"], number))


def revoke(
    content: Content,  # noqa: ARG001
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    number: str,
) -> Response:
    """``POST /orgs/{org}/personal-access-tokens/{pat_id}``."""
    body = request.json()
    if not isinstance(body, dict) or body.get("action") != "revoke":
        raise Refused(422, "Validation Failed")
    organization["token_grants"].remove(_find(organization["token_grants"], number))
    return Response(status=204)


def review(
    content: Content,
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    number: str,
) -> Response:
    """``POST /orgs/{org}/personal-access-token-requests/{pat_request_id}``."""
    body = request.json()
    if not isinstance(body, dict) or body.get("action") not in {"approve", "deny"}:
        raise Refused(422, "Validation Failed")
    asked = _find(organization["token_requests"], number)
    organization["token_requests"].remove(asked)
    if body["action"] == "approve":
        kept = {
            name: value for name, value in asked.items() if name not in {"reason", "created_at"}
        }
        granted = {"id": content.next_id(), "access_granted_at": content.now()}
        organization["token_grants"].append({**kept, **granted})
    return Response(status=204)


def _find(items: list[dict[str, Any]], number: str) -> dict[str, Any]:
    for item in items:
        if str(item["id"]) == number:
            return item
    raise not_found()


def _repositories(request: Request, organization: dict[str, Any], item: dict[str, Any]) -> Response:
    names = {name.lower() for name in item["repositories"]}
    found = [r for r in organization["repositories"] if r["name"].lower() in names]
    return page(request, found, lambda r: minimal(r, organization, request.base_url))


def _token(
    content: Content,
    item: dict[str, Any],
    organization: dict[str, Any],
    request: Request,
    collection: str,
) -> dict[str, Any]:
    root = request.base_url
    expires = item["token_expires_at"]
    expired = bool(expires) and datetime.fromisoformat(expires).timestamp() <= content.clock()
    return {
        "id": item["id"],
        "owner": simple_user(content, item["owner"], root),
        "repository_selection": item["repository_selection"],
        "repositories_url": f"{root}/orgs/{organization['login']}/{collection}/{item['id']}/repositories",
        "permissions": item["permissions"],
        "token_id": item["token_id"],
        "token_name": item["token_name"],
        "token_expired": expired,
        "token_expires_at": expires,
        "token_last_used_at": item["token_last_used_at"],
    }
