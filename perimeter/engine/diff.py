"""Compare what is wanted with what is there, by schema; pure.

Omitted and null are one: unmanaged, kept, shown, never reset. Comparison is on canonical forms; sets have no order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from perimeter.lang.types import List, Map, Object, Set, Tuple, Type
from perimeter.lang.values import UNKNOWN, Unknown, Unseen
from perimeter.sdk.schema import Attribute, Mode, NestedBlock, Nesting, Plain, Schema
from perimeter.state.model import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a wanted object differs from the one that is there.

    Attributes:
        after: the whole object as planned; write-only values are left out.
        changed: top-level names that an API call would change.
        by_hand: top-level names that differ and that no API writes.
        replace_paths: changed attributes that need a new object.
        unseen: names that configuration sets and the tenant did not show: nothing is decided about them.
    """

    after: dict[str, Plain]
    changed: frozenset[str] = frozenset()
    by_hand: frozenset[str] = frozenset()
    replace_paths: tuple[Path, ...] = ()
    unseen: Mapping[str, Unseen] = field(default_factory=dict)


def is_wholly_known(value: Plain) -> bool:
    """Whether no part of it is unknown or unseen."""
    if isinstance(value, Unknown):
        return False
    if isinstance(value, Mapping):
        return all(is_wholly_known(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(is_wholly_known(item) for item in value)
    return True


def find_unseen(value: Plain) -> Unseen | None:
    """The first unseen part of a value."""
    if isinstance(value, Unseen):
        return value
    parts: Iterator[Plain] = iter(())
    if isinstance(value, Mapping):
        parts = iter(value.values())
    elif isinstance(value, list | tuple):
        parts = iter(value)
    return next((found for part in parts if (found := find_unseen(part)) is not None), None)


def sort_text(value: Plain) -> str:
    """A text that orders plain values and is equal only for equal ones."""
    return json.dumps(value, sort_keys=True, default=_sort_default, ensure_ascii=False)


def _sort_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    return repr(value)


def canonical(attribute: Attribute, value: Plain) -> Plain:
    """The one form of an attribute's value that diff, key match, fingerprint and digest use."""
    if value is None or isinstance(value, Unknown):
        return value
    if attribute.canonical is not None and is_wholly_known(value):
        value = attribute.canonical(value)
    return _ordered(attribute.type, value)


def _ordered(kind: Type, value: Plain) -> Plain:
    if value is None or isinstance(value, Unknown):
        return value
    if isinstance(kind, Set) and isinstance(value, list | tuple):
        members = {
            sort_text(item): item for item in (_ordered(kind.element, item) for item in value)
        }
        return [members[key] for key in sorted(members)]
    if isinstance(kind, List) and isinstance(value, list | tuple):
        return [_ordered(kind.element, item) for item in value]
    if isinstance(kind, Tuple) and isinstance(value, list | tuple):
        return [_ordered(inner, item) for inner, item in zip(kind.items, value, strict=False)]
    if isinstance(kind, Map) and isinstance(value, Mapping):
        return {key: _ordered(kind.element, item) for key, item in value.items()}
    if isinstance(kind, Object) and isinstance(value, Mapping):
        return {
            key: _ordered(kind.attributes[key], item) if key in kind.attributes else item
            for key, item in value.items()
        }
    return value


def same(attribute: Attribute, one: Plain, other: Plain) -> bool:
    """Whether two values are canonically equal; an unknown equals nothing."""
    if not (is_wholly_known(one) and is_wholly_known(other)):
        return False
    return one == other or bool(canonical(attribute, one) == canonical(attribute, other))


def canonical_block(block: NestedBlock, value: Plain) -> Plain:
    """The canonical form of all blocks of one type together."""
    if value is None or isinstance(value, Unknown):
        return value
    if block.nesting is Nesting.SINGLE:
        return _canonical_element(block, value)
    elements = [_canonical_element(block, item) for item in value]
    return sorted(elements, key=sort_text) if block.nesting is Nesting.SET else elements


def _canonical_element(block: NestedBlock, value: Plain) -> Plain:
    if not isinstance(value, Mapping):
        return value
    out: dict[str, Plain] = {}
    for name, attribute in block.attributes.items():
        if not attribute.is_secret:
            out[name] = canonical(attribute, value.get(name))
    for name, inner in block.blocks.items():
        out[name] = canonical_block(inner, value.get(name))
    return out


def canonical_object(
    schema: Schema, values: Mapping[str, Plain], names: frozenset[str] | None = None
) -> dict[str, Plain]:
    """The canonical form of an object, secrets left out; of the given top-level names only, if any are given."""
    out: dict[str, Plain] = {}
    for name, attribute in schema.attributes.items():
        if (names is None or name in names) and not attribute.is_secret:
            out[name] = canonical(attribute, values.get(name))
    for name, block in schema.blocks.items():
        if names is None or name in names:
            out[name] = canonical_block(block, values.get(name))
    return out


def differing(
    schema: Schema, one: Mapping[str, Plain], other: Mapping[str, Plain]
) -> frozenset[str]:
    """Top-level names whose known values differ; what either side does not know or show is no difference."""
    names: set[str] = set()
    for name, attribute in schema.attributes.items():
        a, b = one.get(name), other.get(name)
        if a is not b and is_wholly_known(a) and is_wholly_known(b) and not same(attribute, a, b):
            names.add(name)
    for name, block in schema.blocks.items():
        a, b = one.get(name), other.get(name)
        known = is_wholly_known(a) and is_wholly_known(b)
        if (
            a is not b
            and known
            and canonical_block(block, a or None) != canonical_block(block, b or None)
        ):
            names.add(name)
    return frozenset(names)


def difference(
    schema: Schema,
    desired: Mapping[str, Plain],
    observed: Mapping[str, Plain] | None,
    remembered: Mapping[str, Plain] | None = None,
    *,
    reset: frozenset[str] = frozenset(),
    secrets: frozenset[str] = frozenset(),
) -> Difference:
    """Settle what an object becomes.

    ``observed`` is None for a create. ``remembered`` gives what only state knows (``Mode.LOCAL``). ``reset``: omitted
    arguments that become null, as for an object that only state holds: nobody else can have set them. ``secrets``:
    names whose secrets are not those last written, see ``secrecy.py``.
    """
    if observed is None:
        return Difference(after=_created(schema, desired), changed=frozenset(desired))
    after: dict[str, Plain] = {}
    changed: set[str] = set()
    by_hand: set[str] = set()
    replace: list[Path] = []
    unseen: dict[str, Unseen] = {}
    for name, attribute in schema.attributes.items():
        wanted, there = desired.get(name), observed.get(name)
        if attribute.mode is Mode.LOCAL:
            there = (remembered or {}).get(name)
        if attribute.is_secret:
            after[name] = None
            changed.update({name} & secrets)
            replace.extend([(name,)] if attribute.replace and name in secrets else [])
            continue
        after[name] = there
        if wanted is None:
            if (
                name in reset
                and attribute.optional
                and not attribute.computed
                and there is not None
            ):
                after[name] = None
                changed.add(name)
                replace.extend([(name,)] if attribute.replace else [])
            continue
        hidden = find_unseen(there)
        if hidden is not None or find_unseen(wanted) is not None:
            unseen[name] = hidden or find_unseen(wanted)  # type: ignore[assignment]
            continue
        if same(attribute, wanted, there):
            continue
        after[name] = wanted
        if attribute.mode is Mode.OBSERVED:
            by_hand.add(name)
            continue
        changed.add(name)
        if attribute.replace:
            replace.append((name,))
    for name, block in schema.blocks.items():
        there = observed.get(name)
        wanted = desired.get(name)
        after[name] = there
        if wanted is None or (
            # What ends by itself leaves an empty list: none of it is wanted any more.
            not wanted
            and block.computed
            and not block.expires
            and block.nesting is not Nesting.SINGLE
        ):
            continue
        hidden = find_unseen(there)
        if hidden is not None:
            unseen[name] = hidden
            continue
        merged = _merge_block(block, wanted, there)
        alike = is_wholly_known(merged) and (
            canonical_block(block, merged) == canonical_block(block, there)
        )
        if alike and name not in secrets:
            continue
        after[name] = merged
        changed.add(name)
        replace.extend((name, *path) for path in _block_replacements(block, merged, there))
    return Difference(
        after=after,
        changed=frozenset(changed),
        by_hand=frozenset(by_hand),
        replace_paths=tuple(replace),
        unseen=unseen,
    )


def _created(schema: Schema, desired: Mapping[str, Plain]) -> dict[str, Plain]:
    after: dict[str, Plain] = {}
    for name, attribute in schema.attributes.items():
        after[name] = None if attribute.is_secret else _initial(attribute, desired.get(name))
    for name, block in schema.blocks.items():
        after[name] = _initial_block(block, desired.get(name))
    return after


def _initial(attribute: Attribute, wanted: Plain) -> Plain:
    if wanted is not None:
        return wanted
    if attribute.default is not None:
        return attribute.default
    return UNKNOWN if attribute.computed else None


def _initial_block(block: NestedBlock, wanted: Plain) -> Plain:
    if block.nesting is Nesting.SINGLE:
        return _initial_element(block, wanted) if isinstance(wanted, Mapping) else wanted
    if wanted is None or isinstance(wanted, Unknown):
        return wanted
    return [_initial_element(block, item) if isinstance(item, Mapping) else item for item in wanted]


def _initial_element(block: NestedBlock, wanted: Mapping[str, Plain]) -> dict[str, Plain]:
    out = {
        name: _initial(attribute, wanted.get(name)) for name, attribute in block.attributes.items()
    }
    out.update(
        {name: _initial_block(inner, wanted.get(name)) for name, inner in block.blocks.items()}
    )
    return out


def _merge_block(block: NestedBlock, wanted: Plain, there: Plain) -> Plain:
    if isinstance(wanted, Unknown):
        return wanted
    if block.nesting is Nesting.SINGLE:
        return _merge_element(block, wanted, there) if isinstance(wanted, Mapping) else wanted
    existing = list(there or ())
    keys = block.key or ((block.label,) if block.label else ())
    merged = []
    for position, item in enumerate(wanted):
        if keys:
            partner = next(
                (old for old in existing if all(old.get(key) == item.get(key) for key in keys)),
                None,
            )
        else:
            partner = existing[position] if position < len(existing) else None
        merged.append(_merge_element(block, item, partner))
    return merged


def _merge_element(
    block: NestedBlock, wanted: Mapping[str, Plain], there: Mapping[str, Plain] | None
) -> dict[str, Plain]:
    if there is None:
        return _initial_element(block, wanted)
    out: dict[str, Plain] = {}
    for name, attribute in block.attributes.items():
        value = wanted.get(name)
        out[name] = (
            there.get(name) if value is None or same(attribute, value, there.get(name)) else value
        )
    for name, inner in block.blocks.items():
        value = wanted.get(name)
        out[name] = (
            there.get(name)
            if not value and inner.computed
            else _merge_block(inner, value, there.get(name))
        )
    return out


def _block_replacements(block: NestedBlock, after: Plain, before: Plain) -> list[Path]:
    replacing = {name for name, attribute in block.attributes.items() if attribute.replace}
    if not replacing:
        return []
    after_items: Sequence[Any] = [after] if block.nesting is Nesting.SINGLE else after or ()
    before_items: Sequence[Any] = [before] if block.nesting is Nesting.SINGLE else before or ()
    paths: list[Path] = []
    for position, item in enumerate(after_items):
        old = before_items[position] if position < len(before_items) else None
        paths.extend(
            (name,) if block.nesting is Nesting.SINGLE else (position, name)
            for name in sorted(replacing)
            if (item or {}).get(name) != (old or {}).get(name)
        )
    return paths
