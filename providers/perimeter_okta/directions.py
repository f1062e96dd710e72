"""What single attributes say about access, when they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perimeter.sdk import Direction, Unknown, join_directions


def undecided(value: Any) -> bool:
    """Whether a value, or a part of it, is not known."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, dict):
        return any(undecided(inner) for inner in value.values())
    return isinstance(value, list | tuple) and any(undecided(inner) for inner in value)


def of_set(before: Any, after: Any, *, growing: Direction = Direction.WIDENS) -> Direction:
    """The direction of a set that grows, shrinks or both; ``growing`` is what one more element means."""
    if undecided(before) or undecided(after):
        return Direction.UNKNOWN
    old, new = set(before or ()), set(after or ())
    found = []
    if new - old:
        found.append(growing)
    if old - new:
        found.append(opposite(growing))
    return join_directions(*found)


def of_rank(before: Any, after: Any, strictest_last: Sequence[Any]) -> Direction:
    """The direction along a scale that ends with the strictest value; a value off the scale tells nothing."""
    if before == after:
        return Direction.NEUTRAL
    if before not in strictest_last or after not in strictest_last:
        return Direction.UNKNOWN
    gained = strictest_last.index(after) - strictest_last.index(before)
    return Direction.NARROWS if gained > 0 else Direction.WIDENS


def of_amount(before: Any, after: Any, *, endless: Any = None) -> Direction:
    """The direction of an amount that widens as it grows; ``endless`` is the value that means no limit."""
    if before == after:
        return Direction.NEUTRAL
    if undecided(before) or undecided(after) or before is None or after is None:
        return Direction.UNKNOWN
    if endless is not None and endless in (before, after):
        return Direction.NARROWS if before == endless else Direction.WIDENS
    return Direction.WIDENS if after > before else Direction.NARROWS


def opposite(direction: Direction) -> Direction:
    """The direction of the change undone."""
    swapped = {Direction.WIDENS: Direction.NARROWS, Direction.NARROWS: Direction.WIDENS}
    return swapped.get(direction, direction)
