"""A new object beside the one that it replaces and that stays, forgotten, in the tenant; pure."""

from __future__ import annotations

from perimeter.engine.diff import canonical_object
from perimeter.engine.model import Change
from perimeter.engine.work import Work
from perimeter.sdk.contract import Recognition
from perimeter.sdk.provider import ResourceType


def check_beside(work: Work, kind: ResourceType, change: Change) -> None:
    """Refuse what the vendor would refuse: a second object with the natural key of the one that stays."""
    key = kind.identity.natural_key
    if not key or kind.identity.recognition is not Recognition.UNIQUE_KEY:
        return
    before = canonical_object(kind.schema, change.before or {})
    after = canonical_object(kind.schema, change.after or {})
    if any(before.get(name) != after.get(name) for name in key):
        return
    work.diagnostics.error(
        "Forgotten object in the way",
        f"{change.name} has lifecycle.destroy = false, so the object that it is replaced by would be made beside the old one, "
        f"and both would have the same {', '.join(key)}, which the vendor does not allow. Keep the old value, give the new "
        "object another key, or apply destroy = true first.",
        address=change.name,
    )
