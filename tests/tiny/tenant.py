"""A vendor in memory: objects by type and id, a call log, permissions, and faults."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from perimeter.sdk import Conflict, Forbidden, NotFound, ProviderError


@dataclass
class Fault:
    """Raises ``error`` at a matching call: before it has an effect, or (``after``) once it had one."""

    verb: str
    type: str
    error: ProviderError
    after: bool = False
    times: int = 1


@dataclass
class TinyTenant:
    """One tenant.

    Attributes:
        id: its immutable id.
        objects: attributes by type and id.
        calls: (verb, type, id) of every call, in order.
        scopes: what the credential may do; None for everything.
        hidden: ids that lists do not show yet (eventual consistency).
        incomplete: types whose lists are cut short.
        tokens: object ids by idempotency token.
    """

    id: str = "tiny-1"
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    scopes: set[str] | None = None
    hidden: set[str] = field(default_factory=set)
    incomplete: set[str] = field(default_factory=set)
    tokens: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    administrators: list[Any] = field(default_factory=list)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    caller_credential: str = ""
    versions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    currents: dict[str, int] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def of(self, type_name: str) -> dict[str, dict[str, Any]]:
        """The objects of a type by id."""
        return self.objects.setdefault(type_name, {})

    def put(self, type_name: str, **attributes: Any) -> str:
        """Make an object behind everybody's back; returns its id."""
        with self._lock:
            identifier = f"{type_name.removeprefix('tiny_')}-{next(self._numbers)}"
            self.of(type_name)[identifier] = dict(attributes)
            return identifier

    def count(self, verb: str, type_name: str = "") -> int:
        """How many calls of a kind were made."""
        return sum(1 for v, t, _ in self.calls if v == verb and type_name in ("", t))

    # What the API offers ------------------------------------------------------------------------------------------

    def list(self, type_name: str, scope: str, parent: tuple[str, str] | None = None) -> Any:
        with self._call("list", type_name, parent[1] if parent else "", scope):
            found = {
                key: copy.deepcopy(value)
                for key, value in self.of(type_name).items()
                if key not in self.hidden
                and (parent is None or str(value.get(parent[0])) == parent[1])
            }
            if type_name in self.incomplete:
                found.pop(next(iter(found), ""), None)
            return found

    def get(self, type_name: str, identifier: str, scope: str) -> dict[str, Any]:
        with self._call("get", type_name, identifier, scope):
            if identifier not in self.of(type_name):
                raise NotFound(f"There is no {type_name} {identifier}.", status=404)
            return copy.deepcopy(self.of(type_name)[identifier])

    def create(
        self, type_name: str, attributes: dict[str, Any], unique: str = "", token: str = ""
    ) -> str:
        with self._call("create", type_name, "", f"{type_name}.write"):
            if token and token in self.tokens:
                return self.tokens[token]
            taken = [o.get(unique) for o in self.of(type_name).values()] if unique else []
            if unique and attributes.get(unique) in taken:
                raise Conflict(f"{unique} is taken.", status=409)
            identifier = self.put(type_name, **attributes)
            if token:
                self.tokens[token] = identifier
            return identifier

    def update(self, type_name: str, identifier: str, changes: dict[str, Any]) -> None:
        with self._call("update", type_name, identifier, f"{type_name}.write"):
            if identifier not in self.of(type_name):
                raise NotFound("Gone.", status=404)
            self.of(type_name)[identifier].update(changes)

    def delete(self, type_name: str, identifier: str) -> None:
        with self._call("delete", type_name, identifier, f"{type_name}.write"):
            if self.of(type_name).pop(identifier, None) is None:
                raise NotFound("Gone.", status=404)

    # Credentials and sinks ------------------------------------------------------------------------------------------

    def now(self) -> str:
        """The vendor's clock."""
        return self.clock().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def issue(
        self,
        type_name: str,
        stored: dict[str, Any],
        owner: tuple[str, ...],
        limit: int,
        ends_previous: bool,
    ) -> str:
        """Make a credential, as far as the vendor's limit allows."""
        with self._call("issue", type_name, "", f"{type_name}.write"):
            mine = [
                key
                for key, other in self.of(type_name).items()
                if all(other.get(name) == stored.get(name) for name in owner)
            ]
            if ends_previous:
                for key in mine:
                    del self.of(type_name)[key]
            elif len(mine) >= limit:
                raise Conflict("LimitExceeded: the owner has too many.", status=409)
            return self.put(type_name, **stored)

    def works(self, type_name: str, secret: Mapping[str, str]) -> bool:
        """Whether a credential signs in."""
        self.calls.append(("probe", type_name, secret["id"]))
        found = self.of(type_name).get(secret["id"])
        return found is not None and found["active"] and found["password"] == secret["password"]

    def use(self, type_name: str, secret: Mapping[str, str]) -> bool:
        """Sign in, as a consumer does."""
        if not self.works(type_name, secret):
            return False
        self.of(type_name)[secret["id"]]["last_used_at"] = self.now()
        return True

    def store(self, type_name: str, identifier: str, payload: str, token: str) -> str:
        """Let a sink hold a payload; one token stores once."""
        with self._call("deliver", type_name, identifier, f"{type_name}.write"):
            versions = self.versions.setdefault(identifier, [])
            if not versions or versions[-1][0] != token:
                versions.append((token, payload))
                self.currents[identifier] = len(versions)
            return f"v{len(versions)}"

    def held(self, type_name: str, identifier: str) -> str | None:
        """What consumers of a sink get."""
        with self._call("fetch", type_name, identifier, f"{type_name}.read"):
            return self.payload(identifier)

    def payload(self, identifier: str) -> str | None:
        """The same, without a call."""
        at = self.currents.get(identifier)
        return self.versions[identifier][at - 1][1] if at else None

    def restore(self, type_name: str, identifier: str, version: str) -> str:
        """Let an earlier version be the one that consumers get."""
        with self._call("restore", type_name, identifier, f"{type_name}.write"):
            self.currents[identifier] = int(version[1:])
            return version

    def invoke(self, type_name: str, what: str) -> None:
        with self._call("invoke", type_name, what, f"{type_name}.write"):
            pass

    def _call(self, verb: str, type_name: str, identifier: str, scope: str) -> _Call:
        return _Call(self, verb, type_name, identifier, scope)


class _Call:
    """One call: logged, refused without its scope, and hit by faults before or after its effect."""

    def __init__(
        self, tenant: TinyTenant, verb: str, type_name: str, identifier: str, scope: str
    ) -> None:
        self.tenant, self.verb, self.type, self.id, self.scope = (
            tenant,
            verb,
            type_name,
            identifier,
            scope,
        )

    def __enter__(self) -> None:
        self.tenant._lock.acquire()
        try:
            self.tenant.calls.append((self.verb, self.type, self.id))
            if self.tenant.scopes is not None and self.scope not in self.tenant.scopes:
                raise Forbidden(f"The token lacks {self.scope}.", needs=self.scope)
            self._fault(after=False)
        except BaseException:
            self.tenant._lock.release()
            raise

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._fault(after=True)
        finally:
            self.tenant._lock.release()

    def _fault(self, *, after: bool) -> None:
        for fault in self.tenant.faults:
            hit = fault.verb == self.verb and fault.type in ("*", self.type)
            if hit and fault.after is after and fault.times:
                fault.times -= 1
                raise fault.error
