"""Repositories and their deploy keys."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from perimeter.sandbox.wire import Request, Response
from perimeter_github.sandbox.access import Caller, administers
from perimeter_github.sandbox.errors import Refused, invalid, not_found
from perimeter_github.sandbox.paging import page
from perimeter_github.sandbox.people import WEB, organization_account
from perimeter_github.sandbox.tenant import Content, node_id

_TEMPLATES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com")


def minimal(repository: dict[str, Any], organization: dict[str, Any], root: str) -> dict[str, Any]:
    """A repository as lists show one."""
    full_name = f"{organization['login']}/{repository['name']}"
    url = f"{root}/repos/{full_name}"
    return {
        "id": repository["id"],
        "node_id": node_id("Repository", repository["id"]),
        "name": repository["name"],
        "full_name": full_name,
        "private": repository["visibility"] != "public",
        "owner": organization_account(organization, root),
        "html_url": f"{WEB}/{full_name}",
        "description": repository["description"],
        "fork": False,
        "url": url,
        **{name: url + rest for name, rest in _TEMPLATES.items()},
        "default_branch": repository["default_branch"],
        "archived": repository["archived"],
        "disabled": False,
        "visibility": repository["visibility"],
        "created_at": repository["created_at"],
        "updated_at": repository["created_at"],
        "pushed_at": repository["created_at"],
    }


def full(repository: dict[str, Any], organization: dict[str, Any], root: str) -> dict[str, Any]:
    """A repository as shown by itself."""
    body = minimal(repository, organization, root)
    place = f"{organization['login']}/{repository['name']}"
    return {
        **body,
        "clone_url": f"{WEB}/{place}.git",
        "git_url": f"git://github.com/{place}.git",
        "ssh_url": f"git@github.com:{place}.git",
        "svn_url": f"{WEB}/{place}",
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "forks": 0,
        "forks_count": 0,
        "has_issues": True,
        "has_projects": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
        "has_downloads": True,
        "open_issues": 0,
        "open_issues_count": 0,
        "size": 0,
        "stargazers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "network_count": 0,
        "subscribers_count": 0,
    }


def show(
    content: Content,
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
    name: str,
) -> Response:
    """``GET /repos/{owner}/{repo}``."""
    repository = _repository(content, caller, organization, name)
    return Response(body=full(repository, organization, request.base_url))


def listed(
    content: Content,  # noqa: ARG001 - every handler has the same shape
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
) -> Response:
    """``GET /orgs/{org}/repos``."""
    found = [item for item in organization["repositories"] if caller.sees(item["name"])]
    return page(request, found, lambda item: minimal(item, organization, request.base_url))


def keys(
    content: Content,
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
    name: str,
) -> Response:
    """``GET /repos/{owner}/{repo}/keys``."""
    repository = _administered(content, caller, organization, name)
    return page(request, repository["keys"], lambda key: _key(key, organization, name, request))


def key(
    content: Content,
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
    name: str,
    number: str,
) -> Response:
    """``GET /repos/{owner}/{repo}/keys/{key_id}``."""
    repository = _administered(content, caller, organization, name)
    found = _find(repository, number)
    return Response(body=_key(found, organization, name, request))


def add_key(
    content: Content,
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
    name: str,
) -> Response:
    """``POST /repos/{owner}/{repo}/keys``."""
    repository = _administered(content, caller, organization, name)
    body = request.json()
    text = body.get("key") if isinstance(body, dict) else None
    if not isinstance(text, str) or not _is_public_key(text):
        message = "key is invalid. You must supply a key in OpenSSH public key format"
        raise invalid("PublicKey", "key", "custom", message)
    if not organization["settings"]["deploy_keys_enabled_for_repositories"]:
        raise Refused(422, "Deploy keys are disabled for this repository")
    if repository["archived"]:
        raise Refused(403, "Repository was archived so is read-only.")
    if content.key_in_use(text):
        raise invalid("PublicKey", "key", "custom", "key is already in use")
    stored = " ".join(text.split()[:2])
    made = {
        "id": content.next_id(),
        "key": stored,
        "title": str(body.get("title") or stored[:40]),
        "read_only": bool(body.get("read_only", False)),
        "created_at": content.now(),
        "last_used": None,
        "added_by": caller.login or None,
        "verified": True,
    }
    repository["keys"].append(made)
    shown = _key(made, organization, name, request)
    return Response(status=201, body=shown, headers={"Location": shown["url"]})


def remove_key(
    content: Content,
    caller: Caller,
    request: Request,  # noqa: ARG001 - every handler has the same shape
    organization: dict[str, Any],
    name: str,
    number: str,
) -> Response:
    """``DELETE /repos/{owner}/{repo}/keys/{key_id}``."""
    repository = _administered(content, caller, organization, name)
    repository["keys"].remove(_find(repository, number))
    return Response(status=204)


def _repository(
    content: Content, caller: Caller, organization: dict[str, Any], name: str
) -> dict[str, Any]:
    repository = content.repository(organization["login"], name)
    if repository is None or not caller.sees(name):
        raise not_found()
    return repository


def _administered(
    content: Content, caller: Caller, organization: dict[str, Any], name: str
) -> dict[str, Any]:
    repository = _repository(content, caller, organization, name)
    if not administers(organization, repository, caller):
        raise not_found()
    return repository


def _find(repository: dict[str, Any], number: str) -> dict[str, Any]:
    for item in repository["keys"]:
        if str(item["id"]) == number:
            found: dict[str, Any] = item
            return found
    raise not_found()


def _key(
    item: dict[str, Any], organization: dict[str, Any], name: str, request: Request
) -> dict[str, Any]:
    root = f"{request.base_url}/repos/{organization['login']}/{name}"
    return {
        "id": item["id"],
        "key": item["key"],
        "url": f"{root}/keys/{item['id']}",
        "title": item["title"],
        "verified": item["verified"],
        "created_at": item["created_at"],
        "read_only": item["read_only"],
        "added_by": item["added_by"],
        "last_used": item["last_used"],
        "enabled": organization["settings"]["deploy_keys_enabled_for_repositories"],
    }


def _is_public_key(text: str) -> bool:
    parts = text.split()
    if len(parts) < 2 or parts[0] not in _KEY_TYPES:
        return False
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return False
    return blob[4 : 4 + len(parts[0])] == parts[0].encode()
