"""What single changes do to access; the parts that the types' judgements are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import Direction, Transition, Unknown, join_directions
from perimeter_github.permissions import LEVELS


def rising(before: Any, after: Any) -> Direction:
    """Of a number or flag: more of it widens."""
    if isinstance(before, Unknown) or isinstance(after, Unknown):
        return Direction.UNKNOWN
    if before == after or after is None:
        return Direction.NEUTRAL
    if before is None:
        return Direction.UNKNOWN
    return Direction.WIDENS if after > before else Direction.NARROWS


def flag(transition: Transition, name: str, *, opens: bool) -> Direction:
    """Of a switch that opens access when it is on (or, ``opens`` false, when it is off)."""
    before, after = _both(transition, name)
    found = rising(before, after)
    return found if opens else reverse(found)


def level(before: Any, after: Any) -> Direction:
    """Of an access level such as ``read``; a level that is not known is of unknown direction."""
    if isinstance(before, Unknown) or isinstance(after, Unknown):
        return Direction.UNKNOWN
    if before == after or after is None:
        return Direction.NEUTRAL
    if before not in LEVELS or after not in LEVELS:
        return Direction.UNKNOWN
    return rising(LEVELS[before], LEVELS[after])


def levels(before: Any, after: Any) -> Direction:
    """Of a map of permissions; a missing one is ``none``."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return Direction.NEUTRAL if before == after else Direction.UNKNOWN
    names = {*before, *after}
    return join_directions(
        *(level(before.get(name, "none"), after.get(name, "none")) for name in names)
    )


def members(before: Any, after: Any) -> Direction:
    """Of a set whose every member opens access: more members widen."""
    old, new = _set(before), _set(after)
    if old is None or new is None:
        return Direction.NEUTRAL if before == after else Direction.UNKNOWN
    if new - old:
        return Direction.WIDENS
    return Direction.NARROWS if old - new else Direction.NEUTRAL


def reverse(direction: Direction) -> Direction:
    """The opposite."""
    turned = {Direction.WIDENS: Direction.NARROWS, Direction.NARROWS: Direction.WIDENS}
    return turned.get(direction, direction)


def _both(transition: Transition, name: str) -> tuple[Any, Any]:
    return (transition.before or {}).get(name), (transition.after or {}).get(name)


def _set(value: Any) -> set[str] | None:
    if value is None:
        return set()
    if isinstance(value, Unknown) or not isinstance(value, Iterable):
        return None
    found = list(value)
    return None if any(isinstance(item, Unknown) for item in found) else set(found)
