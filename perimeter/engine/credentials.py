"""What is worth knowing of a credential that was found: how old, when used, until when, and whose; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perimeter.engine.clock import InvalidTimeError, instant
from perimeter.engine.needs import ListNeed
from perimeter.engine.snapshot import objects_of
from perimeter.engine.work import ProviderInstance, Work
from perimeter.lang.values import Unknown, Unseen
from perimeter.sdk.contract import Attributes, Listing
from perimeter.sdk.facets import Credential, Identity
from perimeter.sdk.provider import ResourceType

OLD = 90
"""Days after which a credential is called old."""
NEW = 7
"""Days within which one that was never used is called new rather than unused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCredential:
    """A credential as the tenant shows it.

    Attributes:
        kind: such as ``access key``.
        owner: whose it is, as the provider names it.
        created_at: RFC 3339; None where the tenant does not tell.
        age: whole days by the tenant's clock; None where the tenant does not tell.
        tells_use: whether the tenant told when it was last used; then ``last_used_at`` None means never.
        last_used_at: RFC 3339.
        expires_at: RFC 3339; None for never, or where the tenant does not tell.
        active: whether the tenant accepts it.
        concerns: what is wrong with it, worst first: its owner is gone, it is old, never used, without end.
    """

    kind: str
    owner: str = ""
    created_at: str | None = None
    age: int | None = None
    tells_use: bool = False
    last_used_at: str | None = None
    expires_at: str | None = None
    active: bool = True
    concerns: tuple[str, ...] = ()


def found_credential(
    work: Work,
    instance: ProviderInstance,
    kind: ResourceType,
    attributes: Attributes,
    people: Mapping[str, bool] | None,
) -> FoundCredential | None:
    """The first credential that an object shows; None where it is none.

    ``people``: by id and login, whether identities of the tenant are active; None when they were not all read.
    """
    facet = next((one for one in kind.facets(attributes) if isinstance(one, Credential)), None)
    if facet is None:
        return None
    now = work.snapshot.dates.get(instance.key, work.now)
    age = _days(facet.created_at, now)
    tells_use = _tells_use(kind, attributes)
    return FoundCredential(
        kind=facet.kind,
        owner=facet.owner,
        created_at=facet.created_at,
        age=age,
        tells_use=tells_use,
        last_used_at=facet.last_used_at,
        expires_at=facet.expires_at,
        active=facet.active,
        concerns=tuple(_concerns(facet, attributes, age, tells_use, people)),
    )


def _concerns(
    facet: Credential,
    attributes: Attributes,
    age: int | None,
    tells_use: bool,
    people: Mapping[str, bool] | None,
) -> list[str]:
    found = []
    if facet.identity and people is not None and not people.get(facet.identity, False):
        gone = facet.identity not in people
        found.append(f"its owner {facet.owner} is {'gone' if gone else 'not active'}")
    if age is not None and age >= OLD:
        found.append(f"{age:,} days old")
    if age is None:
        found.append("nobody can tell how old it is")
    if tells_use and facet.last_used_at is None and (age is None or age >= NEW):
        found.append("never used")
    if facet.expires_at is None and not isinstance(attributes.get("expires_at"), Unseen):
        found.append("never expires")
    return found


def _tells_use(kind: ResourceType, attributes: Attributes) -> bool:
    """Whether the tenant told when it was last used."""
    name = kind.credential.last_used_at if kind.credential is not None else ""
    return name in attributes and not isinstance(attributes[name], Unknown | Unseen)


def people_of(work: Work, instance: ProviderInstance) -> Mapping[str, bool] | None:
    """Identities of a tenant by id and login, and whether they are active; None when no whole list of them was read."""
    found: dict[str, bool] = {}
    complete = False
    for kind in instance.provider.resources.values():
        if kind.local or kind.identity.parent is not None:
            continue
        listing = work.snapshot.answers.get(ListNeed(instance.key, kind.name))
        if not isinstance(listing, Listing) or not listing.complete:
            continue
        for item in objects_of(work.snapshot, instance.key, kind.name):
            for facet in kind.facets(item.attributes):
                if isinstance(facet, Identity):
                    complete = True
                    found[facet.id] = found[facet.login] = facet.active
    return found if complete else None


def told(found: FoundCredential) -> str:
    """What is wrong with it, on a line; empty for nothing."""
    return f"{found.kind}: {', '.join(found.concerns)}" if found.concerns else ""


def _days(since: str | None, until: str) -> int | None:
    if not since:
        return None
    try:
        return max(0, (instant(until) - instant(since)).days)
    except InvalidTimeError:
        return None
