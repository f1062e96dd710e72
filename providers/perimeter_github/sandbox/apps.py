"""GitHub Apps, their installations and installation tokens."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from perimeter.sandbox.wire import Request, Response
from perimeter_github.sandbox.access import Caller
from perimeter_github.sandbox.errors import Refused, not_found
from perimeter_github.sandbox.paging import page
from perimeter_github.sandbox.people import WEB, organization_account, simple_user
from perimeter_github.sandbox.repositories import full
from perimeter_github.sandbox.tenant import Content, node_id

_LIFETIME = 3600


def installations(
    content: Content,
    caller: Caller,  # noqa: ARG001 - every handler has the same shape
    request: Request,
    organization: dict[str, Any],
) -> Response:
    """``GET /orgs/{org}/installations``."""
    return page(
        request,
        organization["installations"],
        lambda item: _installation(content, item, organization, request.base_url),
        wrap=lambda shown, total: {"total_count": total, "installations": shown},
    )


def own_repositories(content: Content, caller: Caller, request: Request) -> Response:
    """``GET /installation/repositories``: those of the calling installation."""
    found = content.installation(caller.installation)
    if found is None:
        raise not_found()
    return _repositories(request, *found)


def user_repositories(content: Content, caller: Caller, request: Request, number: str) -> Response:
    """``GET /user/installations/{installation_id}/repositories``."""
    found = content.installation(int(number))
    if found is None or not caller.login:
        raise not_found()
    return _repositories(request, *found)


def app(content: Content, caller: Caller, request: Request) -> Response:
    """``GET /app``: the app that signed the call."""
    found = content.app(caller.app)
    assert found is not None
    owner = content.data["organizations"][0]
    body = {
        "id": found["id"],
        "slug": found["slug"],
        "node_id": node_id("Integration", found["id"]),
        "owner": organization_account(owner, request.base_url),
        "name": found["name"],
        "description": None,
        "external_url": f"{WEB}/apps/{found['slug']}",
        "html_url": f"{WEB}/apps/{found['slug']}",
        "created_at": found["created_at"],
        "updated_at": found["created_at"],
        "permissions": found["permissions"],
        "events": found["events"],
    }
    return Response(body=body)


def token(content: Content, caller: Caller, request: Request, number: str) -> Response:
    """``POST /app/installations/{installation_id}/access_tokens``."""
    found = content.installation(int(number))
    if found is None or found[1]["app_id"] != caller.app:
        raise not_found()
    installation = found[1]
    if installation["suspended_at"]:
        raise Refused(403, "This installation has been suspended")
    body = request.json() or {}
    permissions = body.get("permissions") or installation["permissions"]
    serial = content.next_id()
    secret = hashlib.sha256(f"{number} {serial} {content.clock()}".encode()).hexdigest()[:36]
    expires = datetime.fromtimestamp(int(content.clock()) + _LIFETIME, UTC)
    made = {
        "token": f"ghs_{secret}",
        "kind": "installation",
        "installation": installation["id"],
        "permissions": permissions,
        "expires_at": expires.isoformat().replace("+00:00", "Z"),
    }
    content.data["tokens"].append(made)
    shown = {
        "token": made["token"],
        "expires_at": made["expires_at"],
        "permissions": permissions,
        "repository_selection": installation["repository_selection"],
    }
    return Response(status=201, body=shown)


def _repositories(
    request: Request, organization: dict[str, Any], installation: dict[str, Any]
) -> Response:
    names = {name.lower() for name in installation["repositories"]}
    everything = installation["repository_selection"] == "all"
    found = [r for r in organization["repositories"] if everything or r["name"].lower() in names]
    return page(
        request,
        found,
        lambda item: full(item, organization, request.base_url),
        wrap=lambda shown, total: {
            "total_count": total,
            "repository_selection": installation["repository_selection"],
            "repositories": shown,
        },
    )


def _installation(
    content: Content, item: dict[str, Any], organization: dict[str, Any], root: str
) -> dict[str, Any]:
    by = item["suspended_by"]
    return {
        "id": item["id"],
        "account": organization_account(organization, root),
        "repository_selection": item["repository_selection"],
        "access_tokens_url": f"{root}/app/installations/{item['id']}/access_tokens",
        "repositories_url": f"{root}/installation/repositories",
        "html_url": f"{WEB}/organizations/{organization['login']}/settings/installations/{item['id']}",
        "app_id": item["app_id"],
        "app_slug": item["app_slug"],
        "target_id": organization["id"],
        "target_type": "Organization",
        "permissions": item["permissions"],
        "events": item["events"],
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": simple_user(content, by, root) if by else None,
        "suspended_at": item["suspended_at"],
    }
