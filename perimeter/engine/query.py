"""Look for objects in the tenants, declared or not: what ``perimeter query`` finds; pure.

Works as a plan does: it returns results, or the needs it has; a driver satisfies them and calls again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perimeter.addresses import key_text
from perimeter.config.model import Config
from perimeter.config.queries import ListBlock
from perimeter.diagnostics import Diagnostics
from perimeter.engine.credentials import FoundCredential, found_credential, people_of
from perimeter.engine.listing import NOT_YET, Wanted, wanted_lists
from perimeter.engine.model import Action, Options
from perimeter.engine.needs import Need
from perimeter.engine.plan import Planned, PlanRequest
from perimeter.engine.removal import Claim, matches
from perimeter.engine.snapshot import Snapshot
from perimeter.engine.work import PENDING, Pending, ProviderInstance, Work
from perimeter.lang.values import Reason, Unseen
from perimeter.sdk.contract import Attributes, Observed, Tenant
from perimeter.sdk.provider import Provider, ResourceType
from perimeter.state.model import State


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObject:
    """An object of a tenant, and what configuration says of it.

    Attributes:
        label: what people call it: ``"legacy-ci" on acme/api``; may be empty.
        identity: its id and what else tells it apart.
        status: ``declared``, ``removed`` (state knows it, and the next apply takes it away), ``ignored`` (by a collection)
            or ``undeclared``.
        address: where it is declared or remembered; else empty.
        attributes: as listed, or all of them where they were asked for.
        credential: how old it is, when used and whose, where it is one.
    """

    provider: str
    type: str
    id: str
    tenant: Tenant
    kind: ResourceType = field(repr=False)
    label: str
    identity: Mapping[str, Any]
    origin: str = ""
    risks: tuple[str, ...] = ()
    status: str = "undeclared"
    address: str = ""
    attributes: Attributes = field(default_factory=dict, repr=False)
    credential: FoundCredential | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListResult:
    """What one list found.

    Attributes:
        settings: what it was asked for, without what is sensitive.
        include: whether attributes were asked for.
        left: how many more objects fit than its limit lets through.
        unseen: what the tenant did not show, and why.
    """

    address: str
    type: str
    provider: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    include: bool = False
    objects: tuple[FoundObject, ...] = ()
    left: int = 0
    unseen: tuple[tuple[str, Unseen], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """All that a query depends on.

    Attributes:
        base: the plan's request, with everything seen so far.
        planned: the finished plan: it tells what is declared.
        lists: list blocks; None for everything that is not declared.
        whole: whether all attributes are wanted, whatever the lists say.
    """

    base: PlanRequest
    planned: Planned
    lists: Sequence[ListBlock] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Queried:
    """Results, or the needs it has."""

    results: tuple[ListResult, ...] = ()
    needs: tuple[Need, ...] = ()
    diagnostics: Diagnostics = field(default_factory=Diagnostics)


def query(request: QueryRequest) -> Queried:
    """Go through the lists once."""
    base, planned = request.base, request.planned
    assert planned.evaluation is not None
    work = Work(
        config=base.config,
        evaluation=planned.evaluation,
        snapshot=base.snapshot,
        state=base.state,
        pending=base.pending,
        providers=base.providers,
        now=base.now,
        options=Options(),
        instances=dict(planned.instances),
    )
    wanted = (
        list(_everything(planned.instances))
        if request.lists is None
        else wanted_lists(work, request.lists)
    )
    if work.diagnostics.has_errors:
        return Queried(diagnostics=work.diagnostics)
    finder = _Finder(work, planned, whole=request.whole)
    results = tuple(finder.result(one) for one in wanted)
    if work.needs:
        return Queried(needs=tuple(work.needs))
    return Queried(results=results, diagnostics=work.diagnostics)


def check_lists(
    config: Config,
    providers: Mapping[str, Provider],
    planned: Planned,
    lists: Sequence[ListBlock],
) -> Diagnostics:
    """What is wrong with list blocks as far as that can be told without reading anything; pure."""
    if planned.evaluation is None:
        return Diagnostics()
    work = Work(
        config=config,
        evaluation=planned.evaluation,
        snapshot=Snapshot(closed=True),
        state=State(),
        pending={},
        providers=providers,
        now=planned.evaluation.now,
        options=Options(),
        instances=dict(planned.instances),
    )
    wanted_lists(work, lists)
    return Diagnostics(item for item in work.diagnostics if NOT_YET not in item.detail)


def _everything(instances: Mapping[str, ProviderInstance]) -> Iterator[Wanted]:
    """A list of every type of every provider instance, for what is not declared."""
    for key in sorted(instances):
        instance = instances[key]
        for name, kind in sorted(instance.provider.resources.items()):
            if kind.local:
                continue
            suffix = "" if key == name.partition("_")[0] else key_text(key)
            yield Wanted(
                address=f"list.{name}.undeclared{suffix}",
                instance=instance,
                kind=kind,
                undeclared_only=True,
            )


class _Finder:
    """Answers lists, with the plan at hand."""

    def __init__(self, work: Work, planned: Planned, *, whole: bool) -> None:
        self.work = work
        self.planned = planned
        self.whole = whole
        self.people: dict[str, Mapping[str, bool] | None] = {}
        changes = planned.plan.changes if planned.plan is not None else ()
        self.leaving = frozenset(
            str(change.address)
            for change in changes
            if change.address is not None and change.action in (Action.DELETE, Action.FORGET)
        )

    def result(self, wanted: Wanted) -> ListResult:
        """What one list finds, as far as answers are there."""
        instance, kind = wanted.instance, wanted.kind
        unseen: dict[str, Unseen] = {}
        objects = list(self._objects(wanted, unseen))
        shown = objects if wanted.limit is None else objects[: wanted.limit]
        return ListResult(
            address=wanted.address,
            type=kind.name,
            provider=instance.key,
            settings=wanted.settings,
            include=wanted.include,
            objects=tuple(shown),
            left=len(objects) - len(shown),
            unseen=tuple(unseen.items()),
        )

    def _objects(self, wanted: Wanted, unseen: dict[str, Unseen]) -> Iterator[FoundObject]:
        instance, kind = wanted.instance, wanted.kind
        if instance.config is None:
            unseen[kind.name] = Unseen(
                reason=Reason.NOT_REQUESTED,
                detail=f"The configuration of provider {instance.key} is not known before apply.",
            )
            return
        tenant = self.work.tenant(instance)
        if isinstance(tenant, Pending):
            return
        if isinstance(tenant, Unseen):
            unseen[kind.name] = tenant
            return
        for parent in self._parents(instance, kind, wanted.filters, unseen):
            listing = self.work.listing(instance, kind, parent)
            if isinstance(listing, Pending):
                continue
            if isinstance(listing, Unseen):
                unseen[kind.name] = listing
                continue
            if not listing.complete and listing.unseen is not None:
                unseen[kind.name] = listing.unseen
            for item in listing.objects:
                found = self._object(wanted, tenant, item, parent, unseen)
                if found is not None:
                    yield found

    def _parents(
        self,
        instance: ProviderInstance,
        kind: ResourceType,
        filters: Mapping[str, Any],
        unseen: dict[str, Unseen],
    ) -> list[str | None]:
        above = kind.identity.parent
        if above is None:
            return [None]
        if above.attribute in filters:
            return [str(filters[above.attribute])]
        over = instance.provider.resources[above.type]
        found: list[str | None] = []
        for parent in self._parents(instance, over, {}, unseen):
            listing = self.work.listing(instance, over, parent)
            if isinstance(listing, Unseen):
                unseen[over.name] = listing
            elif not isinstance(listing, Pending):
                if not listing.complete and listing.unseen is not None:
                    unseen[over.name] = listing.unseen
                found.extend(item.id for item in listing.objects)
        return found

    def _object(
        self,
        wanted: Wanted,
        tenant: Tenant,
        item: Observed,
        parent: str | None,
        unseen: dict[str, Unseen],
    ) -> FoundObject | None:
        instance, kind = wanted.instance, wanted.kind
        carried = {n: v for n, v in wanted.filters.items() if _carries(kind, item, n)}
        if not _fits(kind, carried, item.attributes, unseen):
            return None
        status, address = self._status(instance, kind, item)
        if wanted.undeclared_only and status != "undeclared":
            return None
        attributes: Attributes = item.attributes
        told = kind.credential is not None  # when it was last used is worth a call
        if self.whole or wanted.include or told or len(carried) < len(wanted.filters):
            whole = self.work.whole(instance, kind, item, parent)
            if whole is None or whole is PENDING or isinstance(whole, Pending):
                return None
            if not _fits(kind, wanted.filters, whole, unseen):
                return None
            attributes = whole
        facets = kind.facets(attributes)
        above = kind.identity.parent
        names = (*((above.attribute,) if above else ()), *kind.identity.natural_key)
        return FoundObject(
            provider=instance.key,
            type=kind.name,
            id=item.id,
            tenant=tenant,
            kind=kind,
            label=kind.describe(attributes),
            identity={"id": item.id, **{name: attributes.get(name) for name in names}},
            origin=kind.origin(attributes),
            risks=tuple(sorted({risk for facet in facets for risk in facet.risk})),
            status=status,
            address=address,
            attributes=attributes,
            credential=found_credential(
                self.work, instance, kind, attributes, self._people(instance)
            ),
        )

    def _people(self, instance: ProviderInstance) -> Mapping[str, bool] | None:
        if instance.key not in self.people:
            self.people[instance.key] = people_of(self.work, instance)
        return self.people[instance.key]

    def _status(
        self, instance: ProviderInstance, kind: ResourceType, item: Observed
    ) -> tuple[str, str]:
        known = self.planned.declared.get((instance.key, kind.name), {})
        address = known.get(item.id, "")
        if address:
            return ("removed" if address in self.leaving else "declared"), address
        if any(_ignores(claim, instance, kind, item) for claim in self.planned.claims):
            return "ignored", ""
        return "undeclared", ""


def _carries(kind: ResourceType, item: Observed, name: str) -> bool:
    return kind.listed is None or name in kind.listed or name in item.attributes


def _fits(
    kind: ResourceType,
    filters: Mapping[str, Any],
    attributes: Attributes,
    unseen: dict[str, Unseen],
) -> bool:
    """Whether an object is what a list looks for; what decides it and was not shown is noted."""
    fitting = True
    for name, value in filters.items():
        there = attributes.get(name)
        if isinstance(there, Unseen):
            unseen[f"{kind.name}.{name}"] = there
            fitting = False
        elif not matches(kind, {name: value}, attributes):
            return False
    return fitting


def _ignores(claim: Claim, instance: ProviderInstance, kind: ResourceType, item: Observed) -> bool:
    return (
        (claim.instance.key, claim.kind.name) == (instance.key, kind.name)
        and matches(kind, claim.within, item.attributes)
        and any(matches(kind, entry, item.attributes) for entry in claim.ignore)
    )
