"""Join a declaration to the object it means: by recorded id, then import, then natural key.

A natural-key match outside state is an error that offers an import; the same name with a new id is a foreign replacement;
absence is confirmed by id before it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from perimeter.addresses import Address
from perimeter.diagnostics import Range
from perimeter.engine.clock import instant
from perimeter.engine.diff import canonical, is_wholly_known, sort_text
from perimeter.engine.needs import ReadNeed
from perimeter.engine.work import PENDING, Pending, ProviderInstance, Work
from perimeter.lang.values import Reason, Unknown, Unseen
from perimeter.sdk.contract import Attributes, Listing, Observed, Recognition, Tenant
from perimeter.sdk.provider import ResourceType
from perimeter.state.model import Intent, StateObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What a declaration means in the tenant.

    Attributes:
        status: ``found``, ``absent`` (surely), ``pending`` (needs are noted), ``unseen``, ``error`` (reported),
            ``deferred`` (an id it hangs on does not exist yet).
        importing: the id it is taken over by, when state does not hold it yet.
        recovered: whether it is the object of a create whose answer was lost.
    """

    status: str
    id: str = ""
    attributes: Attributes | None = None
    tenant: Tenant | None = None
    parent: str | None = None
    importing: str = ""
    recovered: bool = False
    unseen: Unseen | None = None


_PENDING = Joined(status="pending")
_ERROR = Joined(status="error")


def join(
    work: Work,
    address: Address,
    instance: ProviderInstance,
    kind: ResourceType,
    desired: Attributes,
    remembered: StateObject | None,
    import_id: str | Mapping[str, Any] | None,
    where: Range | None,
    *,
    declared: bool = True,
    trusted: bool = False,
) -> Joined:
    """Find the object that an instance declares, or (``declared`` false) that state still holds for a block that is gone.

    ``trusted``: what state remembers is good enough; the object is not read.
    """
    if kind.local:
        if remembered is None:
            return _held_nowhere(work, kind, import_id, where, address)
        return Joined(status="found", id=remembered.id, attributes=remembered.attributes)
    tenant = work.tenant(instance)
    if isinstance(tenant, Pending):
        if not trusted:
            _foresee(work, instance, kind, desired, remembered)
        return _PENDING
    if isinstance(tenant, Unseen):
        return Joined(status="unseen", unseen=tenant)
    if remembered is not None and remembered.tenant and remembered.tenant != tenant.id:
        work.diagnostics.error(
            "Another tenant answers",
            f"State holds {address} in tenant {remembered.tenant}, but the {instance.key} provider now reaches tenant "
            f"{tenant.id} ({tenant.name}). That is never drift. Point the provider back to its tenant; if the move is meant, "
            "use another state for the new tenant.",
            where,
            address=str(address),
        )
        return _ERROR
    parent = parent_of(kind, desired, remembered)
    if isinstance(parent, Unseen):
        return Joined(status="unseen", tenant=tenant, unseen=parent)
    if isinstance(parent, Unknown):
        return Joined(status="absent", tenant=tenant)
    begun = _begun(work, kind, address) if declared else None
    if (trusted or not work.options.refresh) and remembered is not None and begun is None:
        return Joined(
            status="found",
            id=remembered.id,
            attributes=remembered.attributes,
            tenant=tenant,
            parent=parent,
        )
    listing = work.listing(instance, kind, parent)
    if isinstance(listing, Pending):
        return _PENDING
    if isinstance(listing, Unseen):
        return Joined(status="unseen", tenant=tenant, parent=parent, unseen=listing)
    objects = work.by_id(instance, kind, parent, listing)
    found = None
    if begun is not None:
        found = _made(
            work, address, instance, kind, remembered, begun, where, tenant, parent, listing
        )
    if found is not None:
        return replace(found, tenant=tenant, parent=parent)
    if remembered is not None:
        found = _recorded(
            work, address, instance, kind, remembered, where, parent, listing, objects, declared
        )
    else:
        found = _find(
            work,
            address,
            instance,
            kind,
            desired,
            import_id,
            where,
            tenant,
            parent,
            listing,
            objects,
        )
    return replace(found, tenant=tenant, parent=parent)


def _held_nowhere(
    work: Work,
    kind: ResourceType,
    import_id: str | Mapping[str, Any] | None,
    where: Range | None,
    address: Address,
) -> Joined:
    """An object that only state can hold: an import makes it up, with nothing but its id."""
    if import_id is None:
        return Joined(status="absent")
    try:
        nowhere = Tenant(id="", name="")
        wanted = (
            kind.import_key(import_id, nowhere)
            if isinstance(import_id, str)
            else _identity(kind, import_id)
        )
    except ValueError as problem:
        work.diagnostics.error("Invalid import id", str(problem), where, address=str(address))
        return _ERROR
    identifier = str(wanted["id"])
    attributes = {name: wanted.get(name) for name in kind.schema.type.attributes}
    return Joined(status="found", id=identifier, attributes=attributes, importing=identifier)


def _foresee(
    work: Work,
    instance: ProviderInstance,
    kind: ResourceType,
    desired: Attributes,
    remembered: StateObject | None,
) -> None:
    """Note the list in the same wave as the tenant: the driver establishes the tenant first anyway."""
    parent = parent_of(kind, desired, remembered)
    if not isinstance(parent, Unknown) and (work.options.refresh or remembered is None):
        work.listing(instance, kind, parent)


def parent_of(
    kind: ResourceType, desired: Attributes, remembered: StateObject | None
) -> str | Unknown | None:
    """The id of the object that an object lies below; None where its type has no parents."""
    if kind.identity.parent is None:
        return None
    wanted = desired.get(kind.identity.parent.attribute)
    if remembered is not None and (wanted is None or isinstance(wanted, Unknown)):
        wanted = remembered.attributes.get(kind.identity.parent.attribute)
    return wanted if isinstance(wanted, Unknown) else str(wanted)


def _find(
    work: Work,
    address: Address,
    instance: ProviderInstance,
    kind: ResourceType,
    desired: Attributes,
    import_id: str | Mapping[str, Any] | None,
    where: Range | None,
    tenant: Tenant,
    parent: str | None,
    listing: Listing,
    objects: dict[str, Observed],
) -> Joined:
    if kind.singleton:
        only = next(iter(listing.objects), None)
        if only is None:
            return Joined(status="unseen", unseen=listing.unseen)
        return _take(work, instance, kind, only, parent, importing=only.id)
    if import_id is not None:
        return _imported(
            work, address, instance, kind, import_id, where, tenant, parent, listing, objects
        )
    twin = natural_match(kind, desired, listing)
    if twin is not None and _issued_unheard(work.pending.get(str(address)), twin):
        twin = None  # the credential that a cut-off run made: rotation knows what to do with it
    if twin is not None:
        work.claim(instance, kind, twin.id, address)
        work.diagnostics.error(
            "The object exists already",
            f"{kind.name} {kind.describe(twin.attributes)} exists in {tenant.name} with id {twin.id}, but state does not "
            "know it, so perimeter did not create it. To manage it, import it:\n\n"
            f'  import {{\n    to = {address}\n    id = "{twin.id}"\n  }}\n\n'
            "To leave it alone, take the declaration away or give it another name.",
            where,
            address=str(address),
        )
        return _ERROR
    if not listing.complete:
        return Joined(status="unseen", unseen=listing.unseen)
    return Joined(status="absent")


def _begun(work: Work, kind: ResourceType, address: Address) -> Intent | None:
    """A create at this address whose answer nobody knows."""
    found = work.pending.get(str(address))
    is_create = found is not None and found.operation == "create" and not kind.singleton
    return found if is_create else None


def _made(
    work: Work,
    address: Address,
    instance: ProviderInstance,
    kind: ResourceType,
    remembered: StateObject | None,
    intent: Intent,
    where: Range | None,
    tenant: Tenant,
    parent: str | None,
    listing: Listing,
) -> Joined | None:
    """What came of a create whose answer nobody knows; None when it surely made nothing."""
    found = recovered(kind, str(address), work.pending.values(), listing, _held(work, kind, tenant))
    if isinstance(found, Observed):
        if remembered is not None:
            # It was made to replace this one, which stays ours until it is removed.
            work.claim(instance, kind, remembered.id, address)
        taken = _take(work, instance, kind, found, parent, importing=found.id)
        return replace(taken, recovered=True)
    if found is not None:
        work.diagnostics.error(
            "Lost answer, several candidates", found, where, address=str(address)
        )
        return _ERROR
    if _too_early(kind, intent, work.now):
        return Joined(status="unseen", unseen=NOT_YET)
    return None


def _issued_unheard(intent: Intent | None, twin: Observed) -> bool:
    """Whether an object may be the credential that a run issued and never heard of."""
    return intent is not None and intent.operation == "issue" and twin.id not in intent.known_ids


def _take(
    work: Work,
    instance: ProviderInstance,
    kind: ResourceType,
    observed: Observed,
    parent: str | None,
    importing: str = "",
) -> Joined:
    whole = work.whole(instance, kind, observed, parent)
    if isinstance(whole, Pending):
        return _PENDING
    if whole is None:
        return Joined(status="absent")
    return Joined(status="found", id=observed.id, attributes=whole, importing=importing)


def _recorded(
    work: Work,
    address: Address,
    instance: ProviderInstance,
    kind: ResourceType,
    remembered: StateObject,
    where: Range | None,
    parent: str | None,
    listing: Listing,
    objects: dict[str, Observed],
    declared: bool,
) -> Joined:
    listed = objects.get(remembered.id)
    if listed is not None:
        return _take(work, instance, kind, listed, parent)
    answer = work.see(ReadNeed(instance.key, kind.name, remembered.id, remembered.attributes))
    if answer is PENDING:
        return _PENDING
    if isinstance(answer, Unseen):
        return Joined(status="unseen", unseen=answer)
    if answer is not None:
        names = (*kind.schema.attributes, *kind.schema.blocks)
        return Joined(
            status="found",
            id=answer.id,
            attributes={name: answer.attributes.get(name) for name in names},
        )
    twin = natural_match(kind, remembered.attributes, listing) if declared else None
    if twin is not None:
        work.claim(instance, kind, twin.id, address)
        work.diagnostics.error(
            "The object was replaced outside of perimeter",
            f"{address} was id {remembered.id}, which no longer exists; somebody made a new {kind.name} "
            f"{kind.describe(twin.attributes)} with id {twin.id}. perimeter does not take it for its own. Either remove the new "
            "one in the vendor's console and plan again, or take it over: remove the old one from state "
            f"(perimeter state rm '{address}') and import the new one with id \"{twin.id}\".",
            where,
            address=str(address),
        )
        return _ERROR
    return Joined(status="absent")


def _imported(
    work: Work,
    address: Address,
    instance: ProviderInstance,
    kind: ResourceType,
    import_id: str | Mapping[str, Any],
    where: Range | None,
    tenant: Tenant,
    parent: str | None,
    listing: Listing,
    objects: dict[str, Observed],
) -> Joined:
    try:
        wanted = (
            kind.import_key(import_id, tenant)
            if isinstance(import_id, str)
            else _identity(kind, import_id)
        )
    except ValueError as problem:
        work.diagnostics.error(
            "Invalid import id",
            f"{problem} The id of a {kind.name} is written {kind.identity.import_format}.",
            where,
            address=str(address),
        )
        return _ERROR
    found = (
        objects.get(str(wanted["id"]))
        if "id" in wanted
        else natural_match(kind, wanted, listing, tuple(wanted))
    )
    if found is None and "id" in wanted:
        answer = work.see(ReadNeed(instance.key, kind.name, str(wanted["id"]), wanted))
        if answer is PENDING:
            return _PENDING
        if isinstance(answer, Unseen):
            return Joined(status="unseen", unseen=answer)
        found = answer
    if found is None:
        which = f'id "{import_id}"' if isinstance(import_id, str) else "this identity"
        work.diagnostics.error(
            "Cannot import non-existent object",
            f"The tenant {tenant.name} has no {kind.name} with {which}. Check the id, or take the import block away "
            "to create a new object.",
            where,
            address=str(address),
        )
        return _ERROR
    return _take(work, instance, kind, found, parent, importing=found.id)


def _identity(kind: ResourceType, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Attributes that identify an object: its id, or its natural key.

    Raises:
        ValueError: they are others.
    """
    parent = kind.identity.parent
    allowed = {"id", *kind.identity.natural_key, *((parent.attribute,) if parent else ())}
    odd = sorted(given.keys() - allowed)
    if odd:
        raise ValueError(
            f"{', '.join(odd)} does not identify a {kind.name}; {', '.join(sorted(allowed))} may."
        )
    if "id" not in given and not set(kind.identity.natural_key) <= given.keys():
        raise ValueError(
            f"A {kind.name} is identified by its id"
            f"{' or by ' + ', '.join(kind.identity.natural_key) if kind.identity.natural_key else ''}."
        )
    return given


def natural_match(
    kind: ResourceType, wanted: Attributes, listing: Listing, names: tuple[str, ...] | None = None
) -> Observed | None:
    """The listed object with the same natural key, if the key is known and the type has one."""
    names = kind.identity.natural_key if names is None else names
    if not names or any(
        wanted.get(name) is None or not is_wholly_known(wanted.get(name)) for name in names
    ):
        return None
    key = _key(kind, names, wanted)
    return next(
        (item for item in listing.objects if _key(kind, names, item.attributes) == key), None
    )


def _key(kind: ResourceType, names: tuple[str, ...], attributes: Attributes) -> tuple[str, ...]:
    schema = kind.schema.attributes
    return tuple(
        sort_text(
            canonical(schema[name], attributes.get(name))
            if name in schema
            else attributes.get(name)
        )
        for name in names
    )


NOT_YET = Unseen(
    reason=Reason.FAILED,
    detail="an earlier run was cut off while it created the object, and the tenant may not show it yet; apply again "
    "in a moment",
)
"""Of an object that may exist, though no list shows it so far."""


def _too_early(kind: ResourceType, intent: Intent, now: str) -> bool:
    """Whether a create may still have succeeded, though no list shows it."""
    if not kind.identity.visible_within or not intent.at:
        return False
    age = (instant(now) - instant(intent.at)).total_seconds()
    return age < kind.identity.visible_within


def _held(work: Work, kind: ResourceType, tenant: Tenant) -> frozenset[str]:
    """Ids of the type that state holds: none of them comes from a create that state does not know."""
    return frozenset(
        item.id
        for instance in work.state.resources.values()
        for item in instance.objects
        if item.type == kind.name and item.tenant == tenant.id
    )


def recovered(
    kind: ResourceType,
    address: str,
    pending: Iterable[Intent],
    listing: Listing,
    held: frozenset[str],
) -> Observed | str | None:
    """The object that a create with a lost answer made; None when it made none, a text when nobody can tell.

    Creates that look alike are settled together: which of their objects is whose does not matter,
    but there must be no more candidates than creates. ``pending``: all of them, oldest first.
    """
    if kind.identity.recognition is Recognition.TOKEN:
        return None  # sending the same token again gives the same object, whatever others there are
    intents = [item for item in pending if item.operation == "create"]
    mine = next(item for item in intents if item.address == address)
    names = kind.identity.match or kind.identity.natural_key
    key = _key(kind, names, mine.object.attributes)
    # What the create did not send, the vendor filled in: it tells nothing.
    sent = {n: v for n in names if (v := mine.object.attributes.get(n)) is not None}
    alike = [
        item
        for item in intents
        if item.object.type == kind.name and _key(kind, names, item.object.attributes) == key
    ]
    known = frozenset.intersection(*(frozenset(item.known_ids) for item in alike)) | held
    left = [
        item
        for item in listing.objects
        if item.id not in known and _fits(kind, sent, item.attributes)
    ]
    if len(left) > len(alike):
        ids = ", ".join(item.id for item in left)
        return (
            f"An earlier apply was cut off while it created {address}. Since then {len(left)} objects appeared that fit "
            f"({ids}), so perimeter cannot tell which one is its own and changes none. Remove the wrong ones in the "
            "vendor's console, or import the right one."
        )
    # A later create saw what the earlier ones had made by then: it has the fewest candidates.
    for intent in reversed(alike):
        fitting = next((item for item in left if item.id not in intent.known_ids), None)
        if intent.address == address:
            return fitting
        if fitting is not None:
            left.remove(fitting)
    return None


def _fits(kind: ResourceType, sent: Attributes, attributes: Attributes) -> bool:
    names = tuple(sent)
    return _key(kind, names, sent) == _key(kind, names, attributes)
