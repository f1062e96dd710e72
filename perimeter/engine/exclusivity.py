"""States that share a tenant: who may remove what is undeclared, and who manages an object already; pure but ``publish``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from perimeter.diagnostics import Diagnostics
from perimeter.engine.diff import canonical
from perimeter.engine.model import Action, Change, Plan
from perimeter.engine.removal import Claim
from perimeter.sdk.contract import Tenant
from perimeter.state.backend import Backend
from perimeter.state.claims import (
    Claims,
    ExclusiveClaim,
    Member,
    Objects,
    amend,
    objects_by_tenant,
)
from perimeter.state.journal import Journal
from perimeter.state.model import State


def exclusive_claims(
    collections: Iterable[Claim], tenants: Mapping[str, Tenant], lineage: str
) -> tuple[ExclusiveClaim, ...]:
    """What a configuration's exclusive collections claim, in the tenants that are known."""
    return tuple(
        ExclusiveClaim(
            lineage=lineage,
            tenant=tenants[item.instance.key].id,
            type=item.kind.name,
            within={
                name: canonical(attribute, value)
                if (attribute := item.kind.schema.attributes.get(name)) is not None
                else value
                for name, value in item.within.items()
            },
            collection=item.name,
        )
        for item in collections
        if item.mode == "exclusive" and item.instance.key in tenants
    )


def check_exclusivity(
    plan: Plan, collections: Iterable[Claim], claims: Claims | None, diagnostics: Diagnostics
) -> None:
    """Refuse to remove what another state claims or manages; tell of objects that two states manage.

    ``claims``: what the states of this place told each other; None when the place has no registry.
    """
    if plan.options.destroy:
        return
    wanted = exclusive_claims(collections, plan.tenants, plan.lineage)
    if claims is None:
        _unregistered(plan, wanted, diagnostics)
        return
    refuse_claimed(wanted, claims, diagnostics)
    for change in plan.changes:
        if change.tenant is None or not change.id or change.action is Action.FORGET:
            continue
        owner = claims.owners(change.tenant.id, change.type, plan.lineage).get(change.id)
        if owner is None:
            continue
        if change.collection:
            _foreign_removal(change, owner, diagnostics)
        else:
            _twice_managed(change, owner, diagnostics)


def refuse_claimed(
    wanted: Iterable[ExclusiveClaim], claims: Claims, diagnostics: Diagnostics
) -> None:
    """Report each claim that overlaps with another state's."""
    for item in wanted:
        holder = claims.holder(item)
        if holder is None:
            continue
        member = claims.members.get(holder.lineage)
        place = member.place if member is not None else f"the state with lineage {holder.lineage}"
        diagnostics.error(
            "Another state claims this collection",
            f"{item.collection} is exclusive, and so is {holder.collection} of {place}, since {holder.since}: both claim "
            f"{holder.scope}, and each would remove what the other declares. Give one of them another scope (within) or "
            'mode = "report". If that state is gone for good, release its claims with: '
            f"perimeter claims release {holder.lineage}",
            address=item.collection,
        )


def _unregistered(plan: Plan, wanted: tuple[ExclusiveClaim, ...], diagnostics: Diagnostics) -> None:
    for item in wanted:
        if item.collection in plan.options.allow_unregistered:
            continue
        diagnostics.error(
            "Exclusive collection without a registry",
            f"{item.collection} removes what this state does not declare, and the backend has no place where states that "
            "share the tenant could tell each other what they manage. Use a backend that has one (an object store, "
            'PostgreSQL or a local directory), or mode = "report".\n\n'
            "To go ahead because no other state manages anything in this tenant: "
            f"-allow-unregistered='{item.collection}'",
            address=item.collection,
        )


def _foreign_removal(change: Change, owner: Member, diagnostics: Diagnostics) -> None:
    diagnostics.error(
        "Another state manages this object",
        f"{change.collection} would remove {change.name}, which {owner.place} manages. Nothing is undeclared about it: leave "
        "it out with ignore, narrow the collection with within, or remove it where it is declared.",
        address=change.collection,
    )


def _twice_managed(change: Change, owner: Member, diagnostics: Diagnostics) -> None:
    diagnostics.warning(
        "Two states manage one object",
        f"{change.name} ({change.type} {change.id}) is also managed by {owner.place}: each apply undoes the other's. Forget it "
        f"in one of them with a removed block that has destroy = false, or with: perimeter state rm",
        address=change.name,
    )


def owned(state: State) -> Objects:
    """What a state manages in tenants."""
    return objects_by_tenant(
        (item.tenant, item.type, item.id)
        for instance in state.resources.values()
        for item in instance.objects
        if item.tenant and item.id
    )


def claim(
    backend: Backend,
    plan: Plan,
    collections: Iterable[Claim],
    journal: Journal,
    *,
    place: str,
    at: str,
) -> Diagnostics:
    """Take what the plan's exclusive collections claim, before anything is removed.

    Returns errors when another state was faster; then nothing was claimed.

    Raises:
        StateError: the registry cannot be read or written.
    """
    found = Diagnostics()
    registry = backend.registry()
    lineage = journal.lineage
    wanted = exclusive_claims(collections, plan.tenants, lineage)
    if registry is None or plan.options.destroy or not plan.options.whole:
        return found

    def take(claims: Claims) -> Claims:
        refuse_claimed(wanted, claims, found)
        had = any(item.lineage == lineage for item in claims.claims)
        if found.has_errors or not (wanted or had):
            return claims
        return claims.claiming(lineage, place, wanted, at)

    if wanted:
        journal.announce()  # a claim under a lineage that is on no disk would be nobody's
    amend(registry, take)
    return found


def publish(backend: Backend, state: State, *, place: str, at: str, ended: bool = False) -> None:
    """Tell the other states of the place what this one manages now; nothing is written when nothing changed.

    ``ended``: all was destroyed, so that the state claims nothing any more.

    Raises:
        StateError: the registry cannot be read or written.
    """
    registry = backend.registry()
    objects = owned(state)
    if registry is None or not state.lineage:
        return

    def tell(claims: Claims) -> Claims:
        if ended and not objects:
            return claims.without(state.lineage)
        return claims.managing(state.lineage, place, objects, at)

    amend(registry, tell)
