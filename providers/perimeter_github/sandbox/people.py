"""Users and members."""

from __future__ import annotations

from typing import Any

from perimeter.sandbox.wire import Request, Response
from perimeter_github.sandbox.access import Caller, role_of
from perimeter_github.sandbox.errors import Refused
from perimeter_github.sandbox.paging import page
from perimeter_github.sandbox.tenant import LONG_AGO, Content, node_id

WEB = "https://github.com"


def simple_user(content: Content, login: str, root: str, kind: str = "User") -> dict[str, Any]:
    """A user as lists show one."""
    number = content.user_id(login)
    url = f"{root}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node_id(kind, number),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{WEB}/{login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": kind,
        "site_admin": False,
    }


def organization_account(organization: dict[str, Any], root: str) -> dict[str, Any]:
    """An organisation where GitHub shows an account."""
    login, number = organization["login"], organization["id"]
    url = f"{root}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node_id("Organization", number),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{WEB}/{login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": "Organization",
        "site_admin": False,
    }


def current_user(content: Content, caller: Caller, request: Request) -> Response:
    """``GET /user``."""
    body = {
        **simple_user(content, caller.login, request.base_url),
        "name": None,
        "company": None,
        "blog": None,
        "location": None,
        "email": None,
        "hireable": None,
        "bio": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        "user_view_type": "public",
    }
    return Response(body=body)


def members(
    content: Content, caller: Caller, request: Request, organization: dict[str, Any]
) -> Response:
    """``GET /orgs/{org}/members``; the filters by second factor are for owners."""
    wanted, role = request.query.get("filter", "all"), request.query.get("role", "all")
    if wanted not in {"all", "2fa_disabled"} or role not in {"all", "admin", "member"}:
        raise Refused(422, "Validation Failed")
    owner = bool(caller.login) and role_of(organization, caller.login) == "admin"
    if wanted == "2fa_disabled" and not owner:
        raise Refused(422, "Only owners can use this filter.")
    found = [
        member
        for member in organization["members"]
        if role in {"all", member["role"]} and (wanted == "all" or not member["two_factor"])
    ]
    return page(request, found, lambda m: simple_user(content, m["login"], request.base_url))
