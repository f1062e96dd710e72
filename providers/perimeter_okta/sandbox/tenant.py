"""What an emulated org holds, in Okta's own form of each object."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from perimeter_okta.sandbox.answers import Data, invalid, missing

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Tenant:
    """The org's objects by id; see README.md for the form of a seed.

    Raises:
        KeyError: the seed lacks something.
        ValueError: the seed holds an object of a wrong form.
    """

    def __init__(self, seed: Data, clock: Callable[[], float]) -> None:
        data = copy.deepcopy(seed)
        self.clock = clock
        self.org: Data = data["org"]
        if not isinstance(self.org.get("id"), str):
            raise ValueError('"org" needs an "id"')
        self.org.setdefault("subdomain", "acme")
        self.org.setdefault("url", f"https://{self.org['subdomain']}.okta.com")
        self.org.setdefault("created", "2020-01-01T00:00:00.000Z")
        self.sequence: int = data.get("sequence", 0)
        self.page_size: int | None = data.get("page_size")
        self.address: str = data.get("address", "127.0.0.1")
        self.list_delay: float = data.get("list_delay", 0)
        self.rate_limits: dict[str, list[float]] = data.get("rate_limits", {})
        self.pending: dict[str, float] = data.get("pending", {})
        self.users = self._objects(data, "users", "00u", status="ACTIVE", lastLogin=None)
        self.groups = self._objects(data, "groups", "00g", type="OKTA_GROUP", users=[])
        self.policies = self._objects(data, "policies", "00p", type="OKTA_SIGN_ON", rules=[])
        self.apps = self._objects(
            data, "apps", "0oa", status="ACTIVE", groups=[], grants=[], users=[]
        )
        self.refresh_tokens = self._objects(data, "refresh_tokens", "oar")
        self.api_tokens = self._objects(data, "api_tokens", "00T", clientName="Okta API")
        self.api_services = self._objects(data, "api_services", "0oa", secrets=[])
        self.judges_roles = "roles" in data or "group_roles" in data
        self.roles: dict[str, list[Data]] = data.get("roles", {})
        self.group_roles: dict[str, list[Data]] = data.get("group_roles", {})
        self.zones: dict[str, list[str]] = data.get("zones", {})
        self.factors: dict[str, list[Data]] = data.get("factors", {})
        self.access_tokens: dict[str, Data] = data.get("access_tokens", {})
        self.assertions: dict[str, float] = data.get("assertions", {})

    def dump(self) -> Data:
        """A seed that restores the org exactly."""
        held = {
            "org": self.org,
            "sequence": self.sequence,
            "page_size": self.page_size,
            "list_delay": self.list_delay,
            "address": self.address,
            "rate_limits": self.rate_limits,
            "pending": self.pending,
            "users": list(self.users.values()),
            "groups": list(self.groups.values()),
            "policies": list(self.policies.values()),
            "apps": list(self.apps.values()),
            "refresh_tokens": list(self.refresh_tokens.values()),
            "api_tokens": list(self.api_tokens.values()),
            "api_services": list(self.api_services.values()),
            **({"roles": self.roles, "group_roles": self.group_roles} if self.judges_roles else {}),
            "zones": self.zones,
            "factors": self.factors,
            "access_tokens": self.access_tokens,
            "assertions": self.assertions,
        }
        return copy.deepcopy(held)

    def new_id(self, prefix: str) -> str:
        """An id of 20 characters that no object has had."""
        self.sequence += 1
        number, digits = self.sequence, ""
        while number:
            number, rest = divmod(number, len(_DIGITS))
            digits = _DIGITS[rest] + digits
        return f"{prefix}{digits.rjust(13, '0')}sbx1"[: 20 + max(0, len(digits) - 13)]

    def now(self) -> str:
        """The time, as Okta writes it."""
        moment = datetime.fromtimestamp(self.clock(), UTC)
        return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond // 1000:03d}Z"

    def most(self, limit: int) -> int:
        """The largest page; the seed may make all pages smaller."""
        return limit if self.page_size is None else min(limit, self.page_size)

    def made(self, identifier: str) -> None:
        """Note that an object was made: lists show it only after the seed's delay."""
        if self.list_delay:
            self.pending[identifier] = self.clock() + self.list_delay

    def listed(self, objects: dict[str, Data]) -> list[Data]:
        """The objects that lists show by now, in the order of their ids."""
        return [objects[one] for one in sorted(objects) if self.shows(one)]

    def shows(self, identifier: str) -> bool:
        """Whether lists show an object by now."""
        since = self.pending.get(identifier)
        if since is None:
            return True
        if since > self.clock():
            return False
        del self.pending[identifier]
        return True

    def members(self, group: Data) -> list[Data]:
        """The users in a group; everybody for ``Everyone``."""
        if group["type"] == "BUILT_IN":
            return [self.users[one] for one in sorted(self.users)]
        return [self.users[one] for one in sorted(group["users"]) if one in self.users]

    def holds(self, group: Data, user: str) -> bool:
        """Whether a user is in a group."""
        return group["type"] == "BUILT_IN" or user in group["users"]

    def user(self, identifier: str) -> Data:
        """A user by id, or login."""
        found = self.users.get(identifier) or next(
            (one for one in self.users.values() if one["profile"]["login"] == identifier), None
        )
        if found is None:
            raise missing(identifier, "User")
        return found

    def group(self, identifier: str) -> Data:
        """A group by id."""
        return _found(self.groups, identifier, "UserGroup")

    def policy(self, identifier: str) -> Data:
        """A policy by id."""
        return _found(self.policies, identifier, "Policy")

    def app(self, identifier: str) -> Data:
        """An application by id."""
        return _found(self.apps, identifier, "AppInstance")

    def own_groups(self, identifiers: Any) -> list[str]:
        """Ids of groups that exist."""
        if not isinstance(identifiers, list):
            raise invalid("groups", "The field must be a list of group ids.")
        for identifier in identifiers:
            if identifier not in self.groups:
                raise invalid("groups", f"Invalid group id {identifier}.")
        return identifiers

    def _objects(self, data: Data, name: str, prefix: str, **defaults: Any) -> dict[str, Data]:
        found: dict[str, Data] = {}
        for item in data.get(name, []):
            if not isinstance(item, dict):
                raise ValueError(f'"{name}" holds something that is no object')
            for key, value in defaults.items():
                item.setdefault(key, copy.deepcopy(value))
            item.setdefault("id", "")
            item["id"] = item["id"] or self.new_id(prefix)
            item.setdefault("created", self.org["created"])
            item.setdefault("lastUpdated", item["created"])
            if item["id"] in found:
                raise ValueError(f'"{name}" holds {item["id"]} twice')
            found[item["id"]] = item
        return found


def _found(objects: dict[str, Data], identifier: str, kind: str) -> Data:
    if identifier not in objects:
        raise missing(identifier, kind)
    return objects[identifier]
