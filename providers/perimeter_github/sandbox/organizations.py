"""Organisations and their settings."""

from __future__ import annotations

from typing import Any

from perimeter.sandbox.wire import Request, Response
from perimeter_github.sandbox.access import Caller, role_of
from perimeter_github.sandbox.errors import Refused, invalid
from perimeter_github.sandbox.people import WEB
from perimeter_github.sandbox.tenant import SETTINGS, Content, node_id

_WRITABLE = frozenset(
    {
        "default_repository_permission",
        "members_can_create_repositories",
        "members_can_create_internal_repositories",
        "members_can_create_private_repositories",
        "members_can_create_public_repositories",
        "members_can_create_pages",
        "members_can_create_public_pages",
        "members_can_create_private_pages",
        "members_can_fork_private_repositories",
        "web_commit_signoff_required",
        "deploy_keys_enabled_for_repositories",
    }
)
_CREATING = (
    "members_can_create_public_repositories",
    "members_can_create_private_repositories",
    "members_can_create_internal_repositories",
)


def show(
    content: Content,  # noqa: ARG001 - every handler has the same shape
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
) -> Response:
    """``GET /orgs/{org}``; settings are for owners and for apps that may read them."""
    return Response(
        body=_body(organization, request.base_url, full=_sees_settings(caller, organization))
    )


def change(
    content: Content, caller: Caller, request: Request, organization: dict[str, Any]
) -> Response:
    """``PATCH /orgs/{org}``."""
    body = request.json()
    if not isinstance(body, dict):
        raise Refused(400, "Body should be a JSON object")
    settings = organization["settings"]
    for name, value in body.items():
        if name not in _WRITABLE:
            continue  # GitHub ignores what it does not know.
        if name == "default_repository_permission":
            if value not in {"read", "write", "admin", "none"}:
                raise invalid("Organization", name)
        elif not isinstance(value, bool):
            raise invalid("Organization", name)
    if body.get("members_can_create_internal_repositories") and not organization.get("enterprise"):
        raise Refused(422, "Only organizations of an enterprise can have internal repositories.")
    if "members_can_create_repositories" in body:
        allowed = body["members_can_create_repositories"]
        for name in _CREATING[:2] if allowed else _CREATING:
            settings[name] = allowed
    settings.update({name: value for name, value in body.items() if name in _WRITABLE})
    if any(name in body for name in _CREATING):
        settings["members_can_create_repositories"] = any(settings[name] for name in _CREATING)
    organization["updated_at"] = content.now()
    return show(content, caller, request, organization)


def _sees_settings(caller: Caller, organization: dict[str, Any]) -> bool:
    if caller.kind == "classic":
        owns = role_of(organization, caller.login) == "admin"
        return owns and "admin:org" in caller.scopes
    if caller.login and role_of(organization, caller.login) != "admin":
        return False
    return caller.may("organization_administration", "read")


def _body(organization: dict[str, Any], root: str, *, full: bool) -> dict[str, Any]:
    login, number = organization["login"], organization["id"]
    url = f"{root}/orgs/{login}"
    visible = [r for r in organization["repositories"] if r["visibility"] == "public"]
    body: dict[str, Any] = {
        "login": login,
        "id": number,
        "node_id": node_id("Organization", number),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "description": organization.get("description"),
        "name": organization["name"],
        "is_verified": False,
        "has_organization_projects": True,
        "has_repository_projects": True,
        "public_repos": len(visible),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": f"{WEB}/{login}",
        "type": "Organization",
        "created_at": organization["created_at"],
        "updated_at": organization["updated_at"],
        "archived_at": None,
    }
    if full:
        body["total_private_repos"] = len(organization["repositories"]) - len(visible)
        settings = {name: organization["settings"][name] for name in SETTINGS}
        if not organization.get("enterprise"):
            del settings["members_can_create_internal_repositories"]
        body.update(settings)
        body["plan"] = {
            "name": "enterprise" if organization.get("enterprise") else "team",
            "space": 976562499,
            "private_repos": 999999,
            "filled_seats": len(organization["members"]),
            "seats": max(1, len(organization["members"])),
        }
    return body
