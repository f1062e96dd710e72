"""The content of the emulated GitHub: a seed, completed, and changed by writes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

LONG_AGO = "2021-02-03T04:05:06Z"
SETTINGS: dict[str, Any] = {
    "default_repository_permission": "read",
    "members_can_create_repositories": True,
    "members_can_create_public_repositories": True,
    "members_can_create_private_repositories": True,
    "members_can_create_internal_repositories": False,
    "members_can_create_pages": True,
    "members_can_create_public_pages": True,
    "members_can_create_private_pages": True,
    "members_can_fork_private_repositories": False,
    "web_commit_signoff_required": False,
    "deploy_keys_enabled_for_repositories": True,
    "two_factor_requirement_enabled": False,
    "members_can_delete_repositories": True,
    "members_can_change_repo_visibility": True,
    "members_can_invite_outside_collaborators": True,
    "members_can_delete_issues": False,
    "members_can_create_teams": True,
    "members_can_view_dependency_insights": True,
    "display_commenter_full_name_setting_enabled": False,
    "readers_can_create_discussions": True,
}


class Content:
    """All that the emulated GitHub holds.

    ``data`` is the completed seed and at the same time the store that writes change.
    """

    def __init__(self, seed: dict[str, Any], clock: Callable[[], float]) -> None:
        self.clock = clock
        self.data: dict[str, Any] = copy.deepcopy(seed)
        for name in ("organizations", "users", "apps", "tokens"):
            self.data.setdefault(name, [])
        self.data.setdefault("limits", {})
        self.data.setdefault("next_id", 1 + _largest_id(self.data))
        for app in self.data["apps"]:
            self._complete_app(app)
        for organization in self.data["organizations"]:
            self._complete_organization(organization)
        self._repositories: dict[tuple[str, str], dict[str, Any]] = {}
        self._by_node: dict[str, dict[str, Any]] = {}
        for organization in self.data["organizations"]:
            for repository in organization["repositories"]:
                key = organization["login"].lower(), repository["name"].lower()
                self._repositories[key] = repository
                self._by_node[node_id("Repository", repository["id"])] = repository

    def dump(self) -> dict[str, Any]:
        """The present content as a seed."""
        return copy.deepcopy(self.data)

    def next_id(self) -> int:
        """An id that was never given before."""
        number: int = self.data["next_id"]
        self.data["next_id"] = number + 1
        return number

    def now(self) -> str:
        """The tenant's clock, RFC 3339 to the second."""
        moment = datetime.fromtimestamp(int(self.clock()), UTC)
        return moment.isoformat().replace("+00:00", "Z")

    def organization(self, login: str) -> dict[str, Any] | None:
        """An organisation by login, in any case."""
        for organization in self.data["organizations"]:
            if organization["login"].lower() == login.lower():
                return dict_of(organization)
        return None

    def repository(self, owner: str, name: str) -> dict[str, Any] | None:
        """A repository by owner and name, in any case."""
        return self._repositories.get((owner.lower(), name.lower()))

    def repository_node(self, node: str) -> dict[str, Any] | None:
        """A repository by GraphQL node id."""
        return self._by_node.get(node)

    def installation(self, number: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """An installation by id, with its organisation."""
        for organization in self.data["organizations"]:
            for installation in organization["installations"]:
                if installation["id"] == number:
                    return organization, installation
        return None

    def app(self, number: int) -> dict[str, Any] | None:
        """An app by id."""
        return next((app for app in self.data["apps"] if app["id"] == number), None)

    def user_id(self, login: str) -> int:
        """A user's id; users need not be declared anywhere else than where they appear."""
        for user in self.data["users"]:
            if user["login"].lower() == login.lower():
                return int(user["id"])
        for organization in self.data["organizations"]:
            for member in organization["members"]:
                if member["login"].lower() == login.lower():
                    return int(member["id"])
        self.data["users"].append({"login": login, "id": self.next_id()})
        return int(self.data["users"][-1]["id"])

    def key_in_use(self, key: str) -> bool:
        """Whether any repository has this public key; GitHub takes each key once."""
        body = key.split()[:2]
        return any(
            existing["key"].split()[:2] == body
            for organization in self.data["organizations"]
            for repository in organization["repositories"]
            for existing in repository["keys"]
        )

    def _number(self, item: dict[str, Any]) -> None:
        if "id" not in item:
            item["id"] = self.next_id()

    def _complete_app(self, app: dict[str, Any]) -> None:
        self._number(app)
        app.setdefault("name", app["slug"])
        app.setdefault("permissions", {"metadata": "read"})
        app.setdefault("events", [])
        app.setdefault("created_at", LONG_AGO)

    def _complete_organization(self, organization: dict[str, Any]) -> None:
        self._number(organization)
        organization.setdefault("name", organization["login"])
        organization.setdefault("created_at", LONG_AGO)
        organization.setdefault("updated_at", organization["created_at"])
        _complete_secrets(organization)
        organization["settings"] = {**SETTINGS, **organization.get("settings", {})}
        for name in _COLLECTIONS:
            for item in organization.setdefault(name, []):
                self._complete(name, item)

    def _complete(self, collection: str, item: dict[str, Any]) -> None:
        self._number(item)
        for name, value in _COLLECTIONS[collection].items():
            item.setdefault(name, copy.deepcopy(value))
        if collection == "repositories":
            for holder in (item, *item["environments"].values()):
                _complete_secrets(holder)
            for key in item["keys"]:
                self._number(key)
                for name, value in _KEY.items():
                    key.setdefault(name, value)


def _complete_secrets(holder: dict[str, Any]) -> None:
    """Secrets of GitHub Actions: by name, what they hold."""
    for name, secret in holder.get("secrets", {}).items():
        for part, value in _SECRET.items():
            secret.setdefault(part, copy.deepcopy(value))
        secret["name"] = name


def node_id(kind: str, number: int) -> str:
    """A GraphQL node id."""
    import base64

    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode().rstrip("=")


def dict_of(value: Any) -> dict[str, Any]:
    """The value, known to be an object of the seed."""
    found: dict[str, Any] = value
    return found


_SECRET: dict[str, Any] = {
    "value": "",
    "created_at": LONG_AGO,
    "updated_at": LONG_AGO,
    "visibility": "private",
    "repositories": [],
}
_KEY: dict[str, Any] = {
    "title": "key",
    "read_only": True,
    "created_at": LONG_AGO,
    "last_used": None,
    "added_by": None,
    "verified": True,
}
_COLLECTIONS: dict[str, dict[str, Any]] = {
    "members": {"role": "member", "two_factor": True},
    "repositories": {
        "visibility": "private",
        "default_branch": "main",
        "archived": False,
        "created_at": LONG_AGO,
        "description": None,
        "admins": [],
        "keys": [],
        "environments": {},
    },
    "installations": {
        "permissions": {"metadata": "read"},
        "events": [],
        "repository_selection": "all",
        "repositories": [],
        "suspended_by": None,
        "suspended_at": None,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    },
    "hooks": {
        "content_type": "form",
        "insecure_ssl": "0",
        "secret": None,
        "events": ["push"],
        "active": True,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    },
    "token_grants": {
        "repository_selection": "all",
        "repositories": [],
        "permissions": {},
        "access_granted_at": LONG_AGO,
        "token_expires_at": None,
        "token_last_used_at": None,
    },
    "token_requests": {
        "repository_selection": "all",
        "repositories": [],
        "permissions": {},
        "reason": None,
        "created_at": LONG_AGO,
        "token_expires_at": None,
        "token_last_used_at": None,
    },
}


def _largest_id(value: Any) -> int:
    largest = 1000
    if isinstance(value, dict):
        for name, part in value.items():
            if name in {"id", "token_id"} and isinstance(part, int):
                largest = max(largest, part)
            else:
                largest = max(largest, _largest_id(part))
    elif isinstance(value, list):
        for part in value:
            largest = max(largest, _largest_id(part))
    return largest
