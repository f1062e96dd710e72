"""What users and roles have in common: boundaries and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.sdk import Access, Direction, Transition, Unknown, UpdateRequest
from perimeter_aws.access import with_principal
from perimeter_aws.attributes import tag_list
from perimeter_aws.client import AwsWriter


def boundary_direction(transition: Transition) -> Direction:
    """A boundary narrows, its absence widens; of two boundaries nobody knows which is wider."""
    if not transition.changed("permissions_boundary"):
        return Direction.NEUTRAL
    before = (transition.before or {}).get("permissions_boundary")
    after = (transition.after or {}).get("permissions_boundary")
    if isinstance(before, Unknown) or isinstance(after, Unknown) or (before and after):
        return Direction.UNKNOWN
    if not before and not after:
        return Direction.NEUTRAL
    return Direction.NARROWS if after else Direction.WIDENS


def tag_direction(transition: Transition) -> Direction:
    """Policies can ask for a principal's tags (``aws:PrincipalTag``), so that nobody knows what a tag gives or takes."""
    return Direction.UNKNOWN if transition.changed("tags") else Direction.NEUTRAL


def bounded(access: Access, principal: str, transition: Transition) -> Access:
    """After a boundary was set or taken away: under a new one an administrator may administer no longer."""
    if not transition.changed("permissions_boundary"):
        return access
    name = (transition.before or {}).get("name")
    wanted = (transition.after or {}).get("permissions_boundary")
    allows = isinstance(wanted, str) and wanted in access.facts.get("almighty", ())
    if allows or (not isinstance(wanted, Unknown) and not wanted):
        return with_principal(access, principal, doubtful="")
    because = f"{name} gets the permissions boundary {wanted or '(not known yet)'}"
    return with_principal(access, principal, doubtful=because)


def update_tags(
    writer: AwsWriter, entity: str, name: str, request: UpdateRequest
) -> Mapping[str, Any] | None:
    """Bring the tags of a ``User`` or ``Role`` to what is wanted; the last answer, None where nothing differs."""
    before: Mapping[str, Any] = request.before.get("tags") or {}
    after: Mapping[str, Any] = request.after.get("tags") or {}
    answer: Mapping[str, Any] | None = None
    named: dict[str, Any] = {f"{entity}Name": name}
    if gone := sorted(set(before) - set(after)):
        answer = writer.write(f"iam:Untag{entity}", **named, TagKeys=gone)
    if come := {key: value for key, value in after.items() if before.get(key) != value}:
        answer = writer.write(f"iam:Tag{entity}", **named, Tags=tag_list(come))
    return answer
