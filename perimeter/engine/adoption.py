"""Objects that ``import`` blocks name and nothing declares yet, so that configuration can be written for them; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perimeter.addresses import ROOT
from perimeter.config.model import Config, Import, ProviderRef
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.engine.imports import identifier
from perimeter.engine.joining import join
from perimeter.engine.model import Options
from perimeter.engine.needs import Need
from perimeter.engine.plan import Planned, PlanRequest
from perimeter.engine.query import FoundObject
from perimeter.engine.work import ProviderInstance, Work
from perimeter.sdk.contract import Tenant
from perimeter.sdk.provider import ResourceType


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """The objects by the address they are to have, or the needs there are."""

    objects: Mapping[str, FoundObject] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    diagnostics: Diagnostics = field(default_factory=Diagnostics)


def undeclared_imports(config: Config) -> tuple[Import, ...]:
    """Import blocks whose target no block of the root module declares."""
    return tuple(
        item
        for item in config.root.imports.values()
        if not item.to.module.steps
        and ("managed", item.to.type, item.to.name) not in config.root.resources
    )


def adopt(request: PlanRequest, planned: Planned) -> Adopted:
    """Look up what such import blocks mean; ``planned``: what was planned without them."""
    assert planned.evaluation is not None
    work = Work(
        config=request.config,
        evaluation=planned.evaluation,
        snapshot=request.snapshot,
        state=request.state,
        pending=request.pending,
        providers=request.providers,
        now=request.now,
        options=Options(),
        instances=dict(planned.instances),
    )
    found: dict[str, FoundObject] = {}
    for item in undeclared_imports(request.config):
        one = _object(work, item)
        if one is not None:
            found[str(item.to)] = one
    if work.needs and not work.diagnostics.has_errors:
        return Adopted(needs=tuple(work.needs))
    return Adopted(objects=found, diagnostics=work.diagnostics)


def _object(work: Work, item: Import) -> FoundObject | None:
    text = str(item.to)
    if item.keys or item.for_each is not None or item.to.key is not None:
        work.diagnostics.error(
            "Configuration cannot be generated",
            f"The import to {text} is for an instance of a block with count or for_each. Configuration is written for single "
            "blocks only: write the resource block by hand.",
            item.range,
        )
        return None
    found = _kind(work, item)
    if found is None:
        return None
    instance, kind = found
    problems = Diagnostics()
    wanted = identifier(work, item, None, problems)
    work.diagnostics.extend(problems)
    tenant = work.tenant(instance)
    if wanted is None or not isinstance(tenant, Tenant):
        return None
    joined = join(
        work, item.to, instance, kind, _key(kind, wanted, tenant), None, wanted, item.range
    )
    if joined.unseen is not None:
        work.diagnostics.error(
            "The object to import cannot be read",
            f"{text} is {joined.unseen}, so no configuration can be written for it.",
            item.range,
        )
    if joined.status != "found" or joined.attributes is None:
        return None
    facets = kind.facets(joined.attributes)
    return FoundObject(
        provider=instance.key,
        type=kind.name,
        id=joined.id,
        tenant=tenant,
        kind=kind,
        label=kind.describe(joined.attributes),
        identity={"id": joined.id},
        origin=kind.origin(joined.attributes),
        risks=tuple(sorted({risk for facet in facets for risk in facet.risk})),
        attributes=joined.attributes,
    )


def _kind(work: Work, item: Import) -> tuple[ProviderInstance, ResourceType] | None:
    name = item.to.type.partition("_")[0]
    instance = work.provider_of(ROOT, ProviderRef(name=name))
    kinds = instance.provider.resources if instance is not None else {}
    kind = kinds.get(item.to.type)
    if instance is not None and kind is not None and not kind.local:
        return instance, kind
    if instance is None:
        why = f'The configuration has no provider "{name}".'
    elif kind is None:
        why = f'The provider {instance.name} does not support resource type "{item.to.type}".'
        why += did_you_mean(item.to.type, kinds)
    else:
        why = f"{item.to.type} stands for no object of a tenant, so there is nothing to import."
    work.diagnostics.error("Configuration cannot be generated", why, item.range)
    return None


def _key(kind: ResourceType, wanted: str | Mapping[str, Any], tenant: Tenant) -> dict[str, Any]:
    """What the id says about where the object is; an id that cannot be read is reported when it is looked up."""
    try:
        found = kind.import_key(wanted, tenant) if isinstance(wanted, str) else wanted
    except ValueError:
        return {}
    return {name: value for name, value in found.items() if name != "id"}
