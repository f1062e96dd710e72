"""What a snapshot should hold beyond one plan's needs: every collection, so that other configurations can plan on it; pure."""

from __future__ import annotations

from collections.abc import Iterable

from perimeter.engine.needs import AdministratorsNeed, ListNeed, Need
from perimeter.engine.snapshot import Snapshot, objects_of
from perimeter.engine.work import ProviderInstance
from perimeter.sdk.contract import Tenant


def whole_types(instances: Iterable[ProviderInstance], snapshot: Snapshot) -> list[Need]:
    """The needs that are still open; call again with the answers until there are none."""
    tenants = {
        getattr(need, "provider", "")
        for need, answer in snapshot.answers.items()
        if isinstance(answer, Tenant)
    }
    wanted: list[Need] = []
    for instance in instances:
        if instance.key not in tenants:
            continue
        kinds = [kind for kind in instance.provider.resources.values() if not kind.local]
        for kind in kinds:
            above = kind.identity.parent
            if above is None:
                wanted.append(ListNeed(instance.key, kind.name))
                continue
            wanted.extend(
                ListNeed(instance.key, kind.name, parent.id)
                for parent in objects_of(snapshot, instance.key, above.type)
            )
        if any(kind.affects_sign_in for kind in kinds):
            wanted.append(AdministratorsNeed(instance.key))
    return [need for need in wanted if not snapshot.answered(need)]
