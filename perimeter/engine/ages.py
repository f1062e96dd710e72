"""How old the declared credentials are, by the tenant's own clock; pure."""

from __future__ import annotations

from perimeter.engine.clock import InvalidTimeError, instant
from perimeter.engine.model import CredentialAge
from perimeter.engine.work import Work
from perimeter.sdk.facets import Credential


def credential_ages(work: Work) -> tuple[CredentialAge, ...]:
    """The age of each declared credential in whole days; None where the tenant does not tell when it was made."""
    found: list[CredentialAge] = []
    for change in work.changes:
        if change.address is None or change.before is None:
            continue
        instance = work.instances.get(change.provider)
        kind = instance.provider.resources.get(change.type) if instance is not None else None
        if kind is None:
            continue
        for facet in kind.facets(change.before):
            if isinstance(facet, Credential):
                days = _days(facet.created_at, work.snapshot.dates.get(change.provider, work.now))
                found.append(
                    CredentialAge(
                        address=str(change.address), days=days, last_used_at=facet.last_used_at
                    )
                )
    return tuple(sorted(found, key=lambda age: age.address))


def _days(since: str | None, until: str) -> int | None:
    if not since:
        return None
    try:
        return max(0, (instant(until) - instant(since)).days)
    except InvalidTimeError:
        return None
