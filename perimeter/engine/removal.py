"""What is in state or in the tenant and is not declared: orphans, deposed objects, undeclared objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from perimeter.addresses import Address, parse_address
from perimeter.config.model import Config
from perimeter.engine.diff import canonical, sort_text
from perimeter.engine.instances import finish, removal
from perimeter.engine.joining import Joined, join
from perimeter.engine.limits import Limits
from perimeter.engine.model import Action, Change, Undeclared
from perimeter.engine.needs import ListNeed
from perimeter.engine.work import PENDING, Pending, ProviderInstance, Work
from perimeter.lang.values import Unseen
from perimeter.sdk.contract import Attributes, Listing, Observed
from perimeter.sdk.provider import ResourceType
from perimeter.state.model import StateObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A collection block, evaluated.

    Attributes:
        name: printed address.
        mode: ``exclusive``, ``additive`` or ``report``.
        within: attribute values that bound its scope.
        ignore: undeclared objects that equal one of these in all the attributes it names are left alone.
        limits: how much of it one plan may remove.
    """

    name: str
    instance: ProviderInstance
    kind: ResourceType
    mode: str
    within: Mapping[str, Any]
    ignore: tuple[Mapping[str, Any], ...]
    limits: Limits = field(default_factory=Limits)


def covers(claim: Claim, change: Change) -> bool:
    """Whether a change's object, were it undeclared, would be removed by an exclusive collection."""
    attributes = change.before or {}
    return (
        claim.mode == "exclusive"
        and (claim.instance.key, claim.kind.name) == (change.provider, change.type)
        and matches(claim.kind, claim.within, attributes)
        and not any(matches(claim.kind, entry, attributes) for entry in claim.ignore)
    )


def plan_orphans(
    work: Work,
    declared: frozenset[str],
    reasons: Mapping[str, str],
    is_forgotten: Callable[[Config, Address, StateObject], bool],
) -> list[str]:
    """Plan the removal of what state holds and nothing declares, and of deposed objects.

    ``declared``: printed addresses of all declared instances; ``reasons``: Terraform's action reason by address;
    ``is_forgotten``: whether an object is to be forgotten instead of destroyed.
    Returns the addresses whose objects are gone already (``ADDRESS#KEY`` for deposed ones).
    """
    gone: list[str] = []
    expired = {str(change.address) for change in work.changes if change.reason == "expired"}
    for text, remembered in work.state.resources.items():
        address = parse_address(text)
        for item in remembered.objects:
            if item.role == "current" and text in declared:
                continue
            if item.role == "previous" and text in declared and text not in expired:
                _claim_previous(work, item, address)
                continue
            instance = _instance_of(work, item)
            kind = instance.provider.resources.get(item.type) if instance is not None else None
            if instance is None or kind is None:
                work.diagnostics.error(
                    "Provider configuration not present",
                    f"State holds {text}, made by provider {item.provider}, which the configuration no longer has. Put the "
                    "provider block back to remove the object, or forget it with: perimeter state rm",
                    address=text,
                )
                continue
            work.claim(instance, kind, item.id, address)
            if not work.selection.removes(address):
                continue
            reason = reasons.get(text, "") if item.role == "current" else ""
            forgotten = is_forgotten(work.config, address, item)
            found = _plan_orphan(work, address, item, instance, kind, reason, forgotten)
            if found is None:
                continue
            if isinstance(found, str):
                gone.append(found)
            else:
                work.changes.append(found)
    return gone


def _claim_previous(work: Work, item: StateObject, address: Address) -> None:
    """A rotation decides about it, and nobody else: it is not undeclared."""
    instance = _instance_of(work, item)
    kind = instance.provider.resources.get(item.type) if instance is not None else None
    if instance is not None and kind is not None:
        work.claim(instance, kind, item.id, address)


def _instance_of(work: Work, item: StateObject) -> ProviderInstance | None:
    found = work.instances.get(item.provider)
    if found is None:
        provider = work.providers.get(item.provider.rpartition(".")[2])
        if provider is not None and item.type in provider.resources and "." not in item.provider:
            found = ProviderInstance(
                key=item.provider, name=provider.name, provider=provider, config={}
            )
            work.instances[item.provider] = found
    return found


def _plan_orphan(
    work: Work,
    address: Address,
    item: StateObject,
    instance: ProviderInstance,
    kind: ResourceType,
    reason: str,
    forgotten: bool,
) -> Change | str | None:
    base = Change(
        address=address,
        type=kind.name,
        provider=instance.key,
        provider_name=instance.name,
        action=Action.NO_OP,
        reason=reason,
        id=item.id,
        prior=item,
        deposed=item.key if item.role != "current" else "",
        previous_address=work.origins.get(str(address)),
        sensitive_before=tuple(
            dict.fromkeys(
                [*item.sensitive, *((n,) for n, a in kind.schema.attributes.items() if a.sensitive)]
            )
        ),
        schema=kind.schema,
    )
    if instance.config is None:
        return replace(
            base, deferred=f"the configuration of provider {instance.key} is not known before apply"
        )
    joined = join(work, address, instance, kind, {}, item, None, None, declared=False)
    if joined.status in ("pending", "error"):
        return None
    if joined.status == "unseen" and joined.unseen is not None:
        work.hide(instance.key, kind.name, joined.unseen, str(address))
        return replace(base, deferred=f"{kind.name} is {joined.unseen}", tenant=joined.tenant)
    if joined.attributes is None:
        return str(address) if item.role == "current" else f"{address}#{item.key}"
    if forgotten:
        return finish(
            work,
            replace(
                base,
                action=Action.FORGET,
                retained=True,
                before=joined.attributes,
                tenant=joined.tenant,
            ),
            kind,
            joined,
            {},
            {},
        )
    if item.protected:
        return replace(
            base, kept=True, before=joined.attributes, after=joined.attributes, tenant=joined.tenant
        )
    return removal(work, base, kind, joined, reason)


def plan_undeclared(work: Work, claims: tuple[Claim, ...]) -> list[Undeclared]:
    """Name what the tenants hold and nothing declares; an exclusive collection plans its removal."""
    found: list[Undeclared] = []
    if not work.options.declares or not work.options.refresh:
        return found
    by_type: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        by_type.setdefault((claim.instance.key, claim.kind.name), []).append(claim)
    for instance in list(work.instances.values()):
        kinds = [kind for kind in instance.provider.resources.values() if not kind.local]
        if instance.config is None or not kinds:
            continue
        if isinstance(work.tenant(instance), Pending | Unseen):
            continue
        for kind in kinds:
            key = (instance.key, kind.name)
            if kind.singleton:
                continue
            if not (kind.inventory or key in by_type or key in work.declared_ids):
                continue
            if work.options.restricted and key not in by_type and key not in work.declared_ids:
                continue
            if work.options.minimal_refresh and key not in by_type:
                continue
            found.extend(_undeclared(work, instance, kind, by_type.get(key, [])))
    return found


def foresee_undeclared(work: Work, claims: tuple[Claim, ...]) -> None:
    """Note the lists that ``plan_undeclared`` will want, in the same wave as everything else."""
    wanted = {(claim.instance.key, claim.kind.name) for claim in claims}
    for instance in work.instances.values():
        if instance.config is None or not work.options.declares or not work.options.refresh:
            continue
        for kind in instance.provider.resources.values():
            if kind.local or kind.singleton or kind.identity.parent is not None:
                continue
            counted = kind.inventory and not (
                work.options.restricted or work.options.minimal_refresh
            )
            if counted or (instance.key, kind.name) in wanted:
                work.see(ListNeed(instance.key, kind.name))


def _undeclared(
    work: Work, instance: ProviderInstance, kind: ResourceType, claims: list[Claim]
) -> Iterator[Undeclared]:
    known = work.declared_ids.get((instance.key, kind.name), {})
    for parent in _parents(work, instance, kind, claims):
        listing = work.listing(instance, kind, parent)
        if isinstance(listing, Pending):
            continue
        if isinstance(listing, Unseen):
            work.hide(instance.key, kind.name, listing)
            continue
        for item in listing.objects:
            if item.id in known:
                continue
            claim = next(
                (claim for claim in claims if matches(kind, claim.within, item.attributes)), None
            )
            mode = claim.mode if claim is not None else "report"
            ignored = claim is not None and any(
                matches(kind, entry, item.attributes) for entry in claim.ignore
            )
            if claim is not None and mode == "exclusive" and not ignored:
                held = _held(work, instance, kind, listing)
                if not held:
                    _plan_exclusive(work, instance, kind, claim, item, parent)
                    continue
                yield _named(kind, instance, item, mode, ignored, held)
                continue
            yield _named(kind, instance, item, mode, ignored, "")


def _named(
    kind: ResourceType,
    instance: ProviderInstance,
    item: Observed,
    mode: str,
    ignored: bool,
    held: str,
) -> Undeclared:
    return Undeclared(
        provider=instance.key,
        type=kind.name,
        id=item.id,
        label=kind.describe(item.attributes),
        attributes=item.attributes,
        facets=kind.facets(item.attributes),
        origin=kind.origin(item.attributes),
        mode=mode,
        ignored=ignored,
        held=held,
    )


def _parents(
    work: Work, instance: ProviderInstance, kind: ResourceType, claims: list[Claim]
) -> list[str | None]:
    above = kind.identity.parent
    if above is None:
        return [None]
    seen = [
        need.parent
        for need in work.snapshot.answers
        if isinstance(need, ListNeed) and need.provider == instance.key and need.type == kind.name
    ]
    wanted: list[str | None] = list(seen)
    for claim in claims:
        named = claim.within.get(above.attribute)
        if named is not None:
            wanted.append(str(named))
            continue
        parents = work.listing(instance, instance.provider.resources[above.type], None)
        if isinstance(parents, Listing):
            wanted.extend(item.id for item in parents.objects)
        elif isinstance(parents, Unseen):
            work.hide(instance.key, above.type, parents)
    return list(dict.fromkeys(wanted))


def matches(kind: ResourceType, wanted: Mapping[str, Any], attributes: Attributes) -> bool:
    """Whether an object equals what is wanted in all the attributes that it names."""
    for name, value in wanted.items():
        there = attributes.get(name)
        attribute = kind.schema.attributes.get(name)
        if attribute is not None and not isinstance(there, Unseen):
            value, there = canonical(attribute, value), canonical(attribute, there)
        if sort_text(value) != sort_text(there):
            return False
    return True


def _held(work: Work, instance: ProviderInstance, kind: ResourceType, listing: Listing) -> str:
    """Why an exclusive collection removes nothing this time, or an empty text."""
    if work.options.restricted:
        return f"{'-target' if work.options.targets else '-exclude'} is in use"
    if not listing.complete:
        return f"the collection could not be read completely ({listing.unseen})"
    if (instance.key, kind.name) in work.undecided_keys:
        return "what is declared is not fully known yet"
    return ""


def _plan_exclusive(
    work: Work,
    instance: ProviderInstance,
    kind: ResourceType,
    claim: Claim,
    item: Observed,
    parent: str | None,
) -> None:
    whole = work.whole(instance, kind, item, parent)
    if whole is None or whole is PENDING or isinstance(whole, Pending):
        return
    tenant = work.tenant(instance)
    assert not isinstance(tenant, Pending | Unseen)
    base = Change(
        address=None,
        type=kind.name,
        provider=instance.key,
        provider_name=instance.name,
        action=Action.NO_OP,
        id=item.id,
        tenant=tenant,
        label=kind.describe(whole),
        origin=kind.origin(whole),
        collection=claim.name,
        sensitive_before=tuple(
            (name,) for name, attribute in kind.schema.attributes.items() if attribute.sensitive
        ),
        schema=kind.schema,
    )
    joined = Joined(status="found", id=item.id, attributes=whole, tenant=tenant, parent=parent)
    work.changes.append(removal(work, base, kind, joined, "undeclared_in_exclusive_collection"))
