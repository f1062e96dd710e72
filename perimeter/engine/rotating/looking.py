"""What a tenant has of a credential besides the current one: previous ones, strangers, and what a cut-off run made; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from perimeter.engine.clock import InvalidTimeError, instant
from perimeter.engine.diff import is_wholly_known, sort_text
from perimeter.engine.instances import Declaration
from perimeter.engine.joining import join, parent_of, recovered
from perimeter.engine.model import Change
from perimeter.engine.work import Pending, Work
from perimeter.sdk.contract import Attributes, Listing, Observed
from perimeter.sdk.rotation import CredentialType
from perimeter.state.model import Instance, StateObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """What the tenant has of a credential.

    Attributes:
        previous: what is left of those that were replaced, with what is seen of it.
        gone: ids of those that are not left.
        strangers: further ones of the same owner.
        lost: what a cut-off run made.
        problem: why nothing may be decided; empty when it may.
    """

    previous: tuple[tuple[StateObject, Attributes], ...] = ()
    gone: tuple[str, ...] = ()
    strangers: tuple[Observed, ...] = ()
    lost: tuple[Observed, ...] = ()
    problem: str = ""


def objects_of(
    work: Work,
    wanted: Declaration,
    credential: CredentialType,
    change: Change,
    remembered: Instance,
) -> Objects | None:
    """Look at everything else that the tenant has of it; None while needs are open."""
    kind, instance = wanted.kind, wanted.instance
    previous: list[tuple[StateObject, Attributes]] = []
    gone: list[str] = []
    problem = ""
    waiting = False
    for item in remembered.objects:
        if item.role != "previous":
            continue
        work.claim(instance, kind, item.id, wanted.address)
        joined = join(work, wanted.address, instance, kind, {}, item, None, None, declared=False)
        if joined.status in ("pending", "error"):
            waiting = True
        elif joined.status == "unseen":
            problem = f"the previous one is {joined.unseen}"
        elif joined.attributes is None:
            gone.append(item.id)
        else:
            previous.append((item, joined.attributes))
    if waiting:
        return None
    parent = parent_of(kind, wanted.desired, change.prior)
    if not (parent is None or isinstance(parent, str)) or not _owned(credential, wanted.desired):
        return Objects(previous=tuple(previous), gone=tuple(gone), problem=problem)
    listing = work.listing(instance, kind, parent)
    if isinstance(listing, Pending):
        return None
    if not isinstance(listing, Listing):
        return Objects(
            previous=tuple(previous),
            gone=tuple(gone),
            problem=problem or f"{kind.name} is {listing}",
        )
    answer = _lost(work, wanted, change, listing)
    made: tuple[Observed, ...] = () if isinstance(answer, str) else answer
    if isinstance(answer, str):
        problem = problem or answer
    own = {item.id for item in remembered.objects if item.role != "deposed"} | {change.id}
    own |= {one.id for one in made}
    strangers = tuple(
        item
        for item in listing.objects
        if item.id not in own and _same_owner(credential, wanted.desired, item.attributes)
    )
    for one in made:
        work.claim(instance, kind, one.id, wanted.address)
    return Objects(
        previous=tuple(previous),
        gone=tuple(gone),
        strangers=strangers,
        lost=made,
        problem=problem,
    )


def _owned(credential: CredentialType, desired: Attributes) -> bool:
    return all(is_wholly_known(desired.get(name)) for name in credential.owner)


def _same_owner(credential: CredentialType, desired: Attributes, attributes: Attributes) -> bool:
    return all(
        sort_text(desired.get(name)) == sort_text(attributes.get(name)) for name in credential.owner
    )


def _lost(
    work: Work, wanted: Declaration, change: Change, listing: Listing
) -> tuple[Observed, ...] | str:
    """What an issue made whose answer nobody got; a text when nobody can tell."""
    kind, address = wanted.kind, str(wanted.address)
    mine = work.pending.get(address)
    if mine is None or mine.operation != "issue":
        return ()
    tenant = change.tenant.id if change.tenant is not None else ""
    held = frozenset(
        item.id
        for instance in work.state.resources.values()
        for item in instance.objects
        if item.type == kind.name and item.tenant == tenant
    )
    intents = [
        msgspec.structs.replace(intent, operation="create")
        for intent in work.pending.values()
        if intent.operation in ("create", "issue")
    ]
    found = recovered(kind, address, intents, listing, held)
    if isinstance(found, Observed):
        return (found,)
    if found is None and mine.at and kind.identity.visible_within:
        age = (instant(work.now) - instant(mine.at)).total_seconds()
        if age < kind.identity.visible_within:
            return (
                "an earlier run was cut off while it issued one, and the tenant may not show it yet"
            )
    return found or ()


def moment(value: object) -> datetime | None:
    """The instant that an attribute tells; None where it tells none."""
    if not isinstance(value, str) or not value:
        return None
    try:
        return instant(value)
    except InvalidTimeError:
        return None
