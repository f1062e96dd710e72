"""A resource instance's change as a difference of its attributes and nested blocks; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perimeter.engine.model import Action, Change
from perimeter.lang.types import DYNAMIC
from perimeter.lang.values import Unknown
from perimeter.sdk.schema import Attribute, NestedBlock, Nesting, Schema
from perimeter.ui.difference import ABSENT, Diff, Marks, compare, list_pairs, same, set_pairs
from perimeter.ui.difference_text import Layout, aligned, key_text, pad, render, symbol

ALWAYS = frozenset({"id", "name"})
"""Shown although unchanged: they say which object it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDiff:
    """The change of one block.

    Attributes:
        name: the block's type; empty for a whole object.
        label: what its label holds, or empty.
        unknown: the blocks of this type are not known yet.
    """

    action: Action
    name: str = ""
    label: str = ""
    fields: Mapping[str, Diff] = field(default_factory=dict)
    blocks: tuple[BlockDiff, ...] = ()
    unknown: bool = False


def change_difference(change: Change) -> BlockDiff:
    """The difference of a change's object; what it does by hand is in it, too."""
    marks = Marks(
        before=change.sensitive_before, after=change.sensitive_after, replace=change.replace_paths
    )
    schema = change.schema or _inferred(change)
    wanted = change.changed if change.action is not Action.NO_OP else frozenset()
    after = change.before if change.action is Action.FORGET else change.after
    return _block("", "", schema.attributes, schema.blocks, change.before, after, marks, wanted)


def object_difference(
    schema: Schema | None, attributes: Mapping[str, Any], marks: Marks
) -> BlockDiff:
    """An object as it is: nothing changes."""
    found = schema or Schema(attributes={name: _any(name) for name in attributes})
    return _block(
        "", "", found.attributes, found.blocks, attributes, attributes, marks, frozenset()
    )


def _inferred(change: Change) -> Schema:
    """Stands for the schema of a type whose provider is not at hand."""
    names = {**(change.before or {}), **(change.after or {})}
    return Schema(attributes={name: _any(name) for name in names})


def _any(name: str) -> Attribute:
    return Attribute(type=DYNAMIC, doc=name, optional=True)


def _block(
    name: str,
    label: str,
    attributes: Mapping[str, Attribute],
    nested: Mapping[str, NestedBlock],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    marks: Marks,
    written: frozenset[str],
    label_name: str | None = None,
) -> BlockDiff:
    fields: dict[str, Diff] = {}
    for key, attribute in attributes.items():
        if key == label_name:
            continue
        if attribute.is_secret:
            if key in written:
                action = Action.CREATE if before is None else Action.UPDATE
                fields[key] = Diff(kind="write-only", action=action)
            continue
        old = (before or {}).get(key)
        new = (after or {}).get(key)
        if old is None and new is None:
            continue
        one, other = ABSENT if old is None else old, ABSENT if new is None else new
        fields[key] = compare(one, other, attribute.type, marks.into(key))
    blocks: list[BlockDiff] = []
    for key, block in nested.items():
        blocks.extend(
            _nested(key, block, (before or {}).get(key), (after or {}).get(key), marks.into(key))
        )
    if before is None:
        action = Action.CREATE
    elif after is None:
        action = Action.DELETE
    else:
        actions = [part.action for part in fields.values()] + [part.action for part in blocks]
        changed = any(item is not Action.NO_OP for item in actions)
        action = Action.UPDATE if changed else Action.NO_OP
    return BlockDiff(action=action, name=name, label=label, fields=fields, blocks=tuple(blocks))


def _nested(
    name: str, block: NestedBlock, before: Any, after: Any, marks: Marks
) -> list[BlockDiff]:
    if isinstance(after, Unknown) or isinstance(before, Unknown):
        if same(before, after):
            return [BlockDiff(action=Action.NO_OP, name=name, unknown=True)]
        return [BlockDiff(action=Action.UPDATE, name=name, unknown=True)]
    if block.nesting is Nesting.SINGLE:
        if before is None and after is None:
            return []
        return [_element(name, block, before, after, marks)]
    old: Sequence[Any] = before or ()
    new: Sequence[Any] = after or ()
    found: list[BlockDiff] = []
    for i, j in _pairs(block, old, new):
        step = j if j is not None else i
        assert step is not None
        found.append(
            _element(
                name,
                block,
                None if i is None else old[i],
                None if j is None else new[j],
                marks.into(step),
            )
        )
    return found


def _element(name: str, block: NestedBlock, before: Any, after: Any, marks: Marks) -> BlockDiff:
    label = ""
    if block.label is not None:
        label = str((after or before or {}).get(block.label) or "")
    secrets = frozenset(
        key
        for key, attribute in block.attributes.items()
        if attribute.is_secret and after is not None and after.get(key) is not None
    )
    return _block(
        name, label, block.attributes, block.blocks, before, after, marks, secrets, block.label
    )


def _pairs(
    block: NestedBlock, old: Sequence[Any], new: Sequence[Any]
) -> list[tuple[int | None, int | None]]:
    """Pair elements by their key where they have one, else as Terraform pairs lists and sets."""
    keys = block.key or ((block.label,) if block.label else ())
    if not keys:
        return set_pairs(old, new) if block.nesting is Nesting.SET else list_pairs(old, new)

    def key(item: Any) -> tuple[Any, ...]:
        return tuple(item.get(name) for name in keys)

    left = list(range(len(old)))
    pairs: list[tuple[int | None, int | None]] = []
    for j, item in enumerate(new):
        partner = next((i for i in left if same(key(old[i]), key(item))), None)
        if partner is not None:
            left.remove(partner)
        pairs.append((partner, j))
    return [*((i, None) for i in left), *pairs]


def block_lines(diff: BlockDiff, indent: int, layout: Layout) -> list[str]:
    """The lines between a block's braces."""
    always = ALWAYS if indent == 0 else frozenset()
    lines = aligned(diff.fields, indent, layout, always)
    hidden = 0
    separated: set[str] = set()
    for block in diff.blocks:
        if block.action is Action.NO_OP and not layout.everything:
            hidden += 1
            continue
        if lines and block.name not in separated:
            lines.append("")
        separated.add(block.name)
        lines.extend(_block_lines(block, indent + 1, layout))
    if hidden:
        if lines:
            lines.append("")
        noun = "block" if hidden == 1 else "blocks"
        lines.append(
            f"{pad(indent + 2)}{layout.style.dim(f'# ({hidden} unchanged {noun} hidden)')}"
        )
    return lines


def _block_lines(block: BlockDiff, indent: int, layout: Layout) -> list[str]:
    label = f" {key_text(block.label, quoted=True)}" if block.label else ""
    head = f"{pad(indent)}{symbol(block.action, layout.style)}{key_text(block.name)}{label}"
    if block.unknown:
        value = render(Diff(kind="unknown", action=Action.CREATE), indent, layout)
        return [f"{head} {{", f"{pad(indent + 1)}    {value}", f"{pad(indent + 1)}}}"]
    inner = block_lines(block, indent, layout)
    if not inner:
        return [f"{head} {{}}"]
    ending = " -> null" if block.action is Action.DELETE and indent > 1 and layout.suffix else ""
    return [f"{head} {{", *inner, f"{pad(indent + 1)}}}{layout.style.dim(ending)}"]
