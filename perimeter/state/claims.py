"""Who claims which collection, and which state manages which object: what states of one place tell each other.

The document lies in the place's registry (``Backend.registry``) and is replaced conditionally, so that two
states that claim the same at the same time do not both get it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from perimeter.state.backend import Registry
from perimeter.state.envelope import Upgrade, canonical, unwrap, wrap
from perimeter.state.errors import StateError

KIND = "registry"
UPGRADES: tuple[Upgrade, ...] = ()
"""Steps between registry formats, oldest first."""
VERSION = len(UPGRADES) + 1
ATTEMPTS = 10
"""How often a document that others keep replacing is read again."""

Objects = dict[str, dict[str, tuple[str, ...]]]
"""Vendor ids by tenant id and resource type, sorted."""


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A state that takes part.

    Attributes:
        place: where it lies, for people.
        objects: what it manages.
        written_at: when it last said so (RFC 3339).
    """

    place: str
    objects: Objects = {}
    written_at: str = ""


class ExclusiveClaim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A state's right to remove what it does not declare.

    Attributes:
        lineage: of the state.
        tenant: the tenant's immutable id.
        type: resource type.
        within: attribute values that bound the scope, in canonical form; nothing means all of the tenant.
        collection: printed address of the block.
        since: when it was first claimed (RFC 3339).
    """

    lineage: str
    tenant: str
    type: str
    within: dict[str, Any] = {}
    collection: str = ""
    since: str = ""

    def overlaps(self, other: ExclusiveClaim) -> bool:
        """Whether some object can be in both scopes."""
        return (self.tenant, self.type) == (other.tenant, other.type) and all(
            canonical(self.within[name]) == canonical(other.within[name])
            for name in self.within.keys() & other.within.keys()
        )

    @property
    def scope(self) -> str:
        """The scope for people: ``github_deploy_key of tenant 4242 within repository = "api"``."""
        bounds = ", ".join(
            f"{name} = {canonical(value).decode()}" for name, value in sorted(self.within.items())
        )
        return f"{self.type} of tenant {self.tenant}" + (f" within {bounds}" if bounds else "")


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole document.

    Attributes:
        members: by lineage.
        claims: none of two states overlap.
    """

    members: dict[str, Member] = {}
    claims: tuple[ExclusiveClaim, ...] = ()

    def holder(self, wanted: ExclusiveClaim) -> ExclusiveClaim | None:
        """Another state's claim that overlaps, if there is one."""
        return next(
            (
                item
                for item in self.claims
                if item.lineage != wanted.lineage and item.overlaps(wanted)
            ),
            None,
        )

    def owners(self, tenant: str, type_name: str, lineage: str) -> dict[str, Member]:
        """The other states that manage objects of a type, by vendor id."""
        return {
            identity: member
            for name, member in self.members.items()
            if name != lineage
            for identity in member.objects.get(tenant, {}).get(type_name, ())
        }

    def without(self, lineage: str) -> Claims:
        """The document as if a state took no part."""
        return Claims(
            members={name: item for name, item in self.members.items() if name != lineage},
            claims=tuple(item for item in self.claims if item.lineage != lineage),
        )

    def claiming(
        self, lineage: str, place: str, wanted: Iterable[ExclusiveClaim], at: str
    ) -> Claims:
        """The document with exactly these claims of a state; those it had keep their date."""
        since = {
            (item.tenant, item.type, canonical(item.within)): item.since
            for item in self.claims
            if item.lineage == lineage
        }
        kept = tuple(item for item in self.claims if item.lineage != lineage)
        dated = tuple(
            msgspec.structs.replace(
                item, since=since.get((item.tenant, item.type, canonical(item.within)), at)
            )
            for item in wanted
        )
        member = self.members.get(lineage) or Member(place=place, written_at=at)
        members = {**self.members, lineage: msgspec.structs.replace(member, place=place)}
        return Claims(members=members, claims=(*kept, *dated))

    def managing(self, lineage: str, place: str, objects: Objects, at: str) -> Claims:
        """The document with what a state manages now; a state without objects and claims takes no part."""
        known = self.members.get(lineage)
        if not objects and not any(item.lineage == lineage for item in self.claims):
            return self.without(lineage)
        if known is not None and known.objects == objects:
            return self
        member = Member(place=place, objects=objects, written_at=at)
        return Claims(members={**self.members, lineage: member}, claims=self.claims)


def encode_claims(claims: Claims) -> bytes:
    """The registry's document, deterministic."""
    return wrap(KIND, VERSION, claims)


def decode_claims(data: bytes, *, where: str) -> Claims:
    """Read a registry's document; nothing is an empty one.

    Raises:
        StateError: truncated, damaged, newer or something else.
    """
    return unwrap(KIND, data, UPGRADES, into=Claims, where=where) if data else Claims()


def read_claims(registry: Registry) -> Claims:
    """What the states of a place have told each other.

    Raises:
        StateError: it cannot be read.
    """
    return decode_claims(registry.load()[0], where=registry.place)


def amend(registry: Registry, change: Callable[[Claims], Claims]) -> Claims:
    """Replace the document by what ``change`` makes of it, read anew whenever another state was faster.

    Raises:
        StateError: it cannot be read or written; what ``change`` raises.
    """
    for attempt in range(ATTEMPTS):
        data, etag = registry.load()
        found = decode_claims(data, where=registry.place)
        wanted = change(found)
        if wanted == found:
            return found
        try:
            registry.write(encode_claims(wanted), etag)
        except StateError as problem:
            if problem.diagnostic.summary != "Registry changed" or attempt == ATTEMPTS - 1:
                raise
            continue
        return wanted
    raise AssertionError("the last attempt returns or raises")


def objects_by_tenant(items: Iterable[tuple[str, str, str]]) -> Objects:
    """``(tenant, type, id)`` as the document holds them."""
    gathered: dict[str, dict[str, set[str]]] = {}
    for tenant, type_name, identity in items:
        gathered.setdefault(tenant, {}).setdefault(type_name, set()).add(identity)
    return {tenant: _sorted(types) for tenant, types in sorted(gathered.items())}


def _sorted(types: Mapping[str, set[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(sorted(found)) for name, found in sorted(types.items())}
