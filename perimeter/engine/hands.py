"""Whether an object changed hands since it was planned to be removed: another name, or another owner; pure."""

from __future__ import annotations

from perimeter.engine.diff import canonical
from perimeter.lang.values import Unseen
from perimeter.sdk.contract import Attributes
from perimeter.sdk.facets import Credential
from perimeter.sdk.provider import ResourceType


def changed_hands(kind: ResourceType, planned: Attributes, found: Attributes) -> set[str]:
    """What of an object's identity and ownership differs: names of its natural key, and ``its owner``.

    Observed attributes count here, too: what nobody can declare still tells whose object it is.
    """
    out = set()
    for name in kind.identity.natural_key:
        before, now = planned.get(name), found.get(name)
        attribute = kind.schema.attributes.get(name)
        if attribute is None or before is None or isinstance(before, Unseen | type(None)):
            continue
        if isinstance(now, Unseen) or canonical(attribute, before) != canonical(attribute, now):
            out.add(name)
    if _owners(kind, planned) != _owners(kind, found):
        out.add("its owner")
    return out


def _owners(kind: ResourceType, attributes: Attributes) -> tuple[str, ...]:
    return tuple(facet.owner for facet in kind.facets(attributes) if isinstance(facet, Credential))
