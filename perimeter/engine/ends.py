"""Nested blocks that end by themselves: ``NestedBlock.expires``; pure.

What has ended is taken out before anything else sees it, and the end itself never leaves the engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perimeter.engine.clock import InvalidTimeError, duration, instant, rfc3339
from perimeter.engine.diff import Difference, is_wholly_known, sort_text
from perimeter.sdk.contract import Attributes
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.schema import NestedBlock, Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEnd:
    """Until when one nested block holds.

    Attributes:
        name: the block as people write it, ``scope "okta.users.read"``; unique in its resource.
        at: the end (RFC 3339, or a date as declared).
        since: from when a duration is counted; empty while it was never applied.
        counted: whether the end is counted from the first apply on.
        passed: whether it has come.
    """

    name: str
    at: str
    since: str = ""
    counted: bool = False
    passed: bool = False


def read_ends(
    schema: Schema, desired: Attributes, starts: Mapping[str, str], now: str
) -> tuple[ItemEnd, ...]:
    """The ends of all nested blocks that name one.

    Args:
        schema: of the resource type.
        desired: as decoded.
        starts: from when the durations of blocks are counted, by the blocks' names.
        now: RFC 3339.

    Raises:
        InvalidTimeError: a text that is no end.
        InvalidDurationError: likewise.
    """
    return tuple(
        _end(name, str(item[block.expires]), starts.get(name, ""), now)
        for name, block, item in _items(schema, desired)
        if isinstance(item.get(block.expires), str)
    )


def end_of(text: str, start: str, now: str) -> tuple[str, bool]:
    """The end that a date or duration names, and whether it is counted from ``start`` (else from ``now``).

    Raises:
        InvalidTimeError: the text is neither.
        InvalidDurationError: likewise.
    """
    try:
        instant(text)
    except InvalidTimeError:
        if not text[:1].isdigit():
            raise
        return rfc3339(instant(start or now) + duration(text)), True
    return text, False


def _end(name: str, text: str, start: str, now: str) -> ItemEnd:
    at, counted = end_of(text, start, now)
    return ItemEnd(
        name=name,
        at=at,
        since=start if counted else "",
        counted=counted,
        passed=instant(at) <= instant(now),
    )


def settle(kind: ResourceType, desired: Attributes, gone: frozenset[str]) -> Attributes | None:
    """What is wanted without the blocks named in ``gone``, as the type folds it.

    None when nothing is left because of them: the declaration means absence.
    """
    names = [name for name, block in kind.schema.blocks.items() if block.expires]
    if not any(name in desired for name in names):
        return desired
    left = dict(desired)
    dropped = False
    for name in names:
        given = desired.get(name)
        if not isinstance(given, list | tuple):
            continue
        block = kind.schema.blocks[name]
        kept = [item for item in given if _name(name, block, item) not in gone]
        dropped = dropped or len(kept) < len(given)
        if not given and block.computed:
            del left[name]
        else:
            left[name] = [_without_end(block, item) for item in kept]
    folded = kind.fold(left)
    if folded is None and not dropped:
        return left
    return folded


def lapsed(
    kind: ResourceType,
    declared: Attributes,
    ends: tuple[ItemEnd, ...],
    found: Difference,
    compare: Callable[[Attributes], Difference],
) -> tuple[tuple[str, ...], bool]:
    """Which ended blocks make a difference, and whether nothing else does.

    They end one after another, so the tenant usually shows what was left after some earlier end.

    Args:
        kind: the resource type.
        declared: what configuration says, ended blocks included.
        ends: of the blocks.
        found: how the object differs from what is wanted.
        compare: how it would differ from something else.
    """
    passed = sorted((end for end in ends if end.passed), key=lambda end: instant(end.at))
    if not passed or not (found.changed or found.by_hand):
        return (), False

    def otherwise(gone: list[ItemEnd]) -> Difference:
        return compare(settle(kind, declared, frozenset(end.name for end in gone)) or declared)

    for count in reversed(range(len(passed))):
        earlier = otherwise(passed[:count])
        if not (earlier.changed or earlier.by_hand):
            return tuple(end.name for end in passed[count:]), True
    return (
        tuple(
            one.name
            for one in passed
            if otherwise([end for end in passed if end is not one]).after != found.after
        ),
        False,
    )


def _items(
    schema: Schema, desired: Attributes
) -> Iterator[tuple[str, NestedBlock, Mapping[str, Any]]]:
    for kind, block in schema.blocks.items():
        given = desired.get(kind) if block.expires else None
        for item in given if isinstance(given, list | tuple) else ():
            name = _name(kind, block, item)
            if name:
                yield name, block, item


def _name(kind: str, block: NestedBlock, item: Any) -> str:
    """How people call one block; empty while that is not known."""
    if not isinstance(item, Mapping):
        return ""
    keys = block.key or ((block.label,) if block.label else ())
    if keys:
        found = [item.get(key) for key in keys]
        if not is_wholly_known(found):
            return ""
        return " ".join([kind, *(sort_text(value) for value in found)])
    rest = _without_end(block, item)
    if not is_wholly_known(rest):
        return ""
    return f"{kind} {hashlib.sha256(sort_text(rest).encode()).hexdigest()[:12]}"


def _without_end(block: NestedBlock, item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    return {name: value for name, value in item.items() if name != block.expires}
