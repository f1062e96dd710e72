"""A difference as text, in the layout that Terraform's users know."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from perimeter.engine.model import Action
from perimeter.lang.values import Unknown, Unseen
from perimeter.ui.difference import ABSENT, Diff, list_pairs
from perimeter.ui.style import PLAIN, Style, clean

_LOOKS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.DELETE: "red",
    Action.READ: "cyan",
    Action.FORGET: "red",
}
_IDENTIFIER = re.compile(r"[^\W\d][\w-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How to show a difference.

    Attributes:
        everything: unchanged parts too.
        suffix: whether a deleted value ends in ``-> null``.
        symbols: whether lines begin with what happens to them; without, a value is just shown.
    """

    style: Style = PLAIN
    everything: bool = False
    suffix: bool = True


def symbol(action: Action, style: Style) -> str:
    """What a line begins with: three columns, then a space."""
    if action is Action.NO_OP:
        return "    "
    if action.is_replace:
        first, _, last = action.value.partition("/")
        glyph = "/".join(
            style.paint(part, "green" if part == "+" else "red") for part in (first, last)
        )
        return f"{glyph} "
    return " " * (3 - len(action.value)) + style.paint(action.value, _LOOKS[action]) + " "


def pad(indent: int) -> str:
    """Four columns per level."""
    return "    " * indent


def key_text(name: str, *, quoted: bool = False) -> str:
    """An attribute's name or a map's key, quoted where it must be."""
    if quoted or not _IDENTIFIER.fullmatch(name):
        return quote(name)
    return name


def quote(text: str) -> str:
    """A string in quotes with escapes."""
    return clean(json.dumps(text, ensure_ascii=False))


def scalar(value: Any) -> str:
    """A primitive on one line."""
    if value is None or value is ABSENT:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Unseen):
        return f"({clean(str(value))})"
    if isinstance(value, Unknown):
        return "(known after apply)"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, Decimal):
        text = format(value.normalize(), "f")
        return text if len(text) <= 40 else str(value)
    return str(value)


def render(diff: Diff, indent: int, layout: Layout) -> str:
    """The text after ``name = ``: its first line stands there, the others are indented to fit."""
    style = layout.style
    forces = style.paint(" # forces replacement", "red") if diff.replace else ""
    ending = style.dim(" -> null") if diff.action is Action.DELETE and layout.suffix else ""
    match diff.kind:
        case "sensitive":
            return f"(sensitive value){ending}{forces}"
        case "write-only":
            return f"(write-only attribute){forces}"
        case "unknown":
            bare = replace(layout, suffix=False)
            old = f"{render(diff.items[0], indent, bare)} {_arrow(style)} " if diff.items else ""
            return f"{old}(known after apply){forces}"
        case "type":
            bare = replace(layout, suffix=False)
            old, new = (render(item, indent, bare) for item in diff.items)
            return f"{old} {_arrow(style)} {new}{forces}"
        case "json":
            inner = diff.items[0]
            bare = replace(layout, suffix=False, everything=layout.everything)
            mark = symbol(inner.action if inner.action is Action.UPDATE else Action.NO_OP, style)
            note = style.dim(f" # {diff.warning}") if diff.warning else ""
            body = f"{pad(indent + 1)}{mark}{render(inner, indent + 1, bare)}"
            return f"jsonencode({forces}{note}\n{body}\n{pad(indent + 1)}){ending}"
        case "object" | "map":
            return _fields(diff, indent, layout, forces, ending)
        case "list" | "set":
            return _items(diff, indent, layout, forces, ending)
        case _:
            return _primitive(diff, indent, layout, forces, ending)


def _arrow(style: Style) -> str:
    return style.paint("->", "yellow")


def _primitive(diff: Diff, indent: int, layout: Layout, forces: str, ending: str) -> str:
    long = any(isinstance(side, str) and "\n" in side for side in (diff.before, diff.after))
    if long and all(
        isinstance(side, str) or side in (None, ABSENT) for side in (diff.before, diff.after)
    ):
        return _heredoc(diff, indent, layout, forces, ending)
    value = diff.before if diff.action is Action.DELETE else diff.after
    if diff.action is Action.UPDATE:
        return f"{scalar(diff.before)} {_arrow(layout.style)} {scalar(diff.after)}{forces}"
    return f"{scalar(value)}{ending}{forces}"


def _heredoc(diff: Diff, indent: int, layout: Layout, forces: str, ending: str) -> str:
    style = layout.style
    old, new = _lines(diff.before), _lines(diff.after)
    margin = pad(indent + 1)
    if (
        diff.action is Action.UPDATE
        and isinstance(diff.before, str)
        and isinstance(diff.after, str)
    ):
        shown = []
        for i, j in list_pairs(old, new):
            action = Action.CREATE if i is None else Action.DELETE if j is None else Action.NO_OP
            text = new[j] if j is not None else old[i or 0]
            shown.append(f"{margin}{symbol(action, style)}{text}".rstrip())
    else:
        value = old if diff.action is Action.DELETE else new or old
        shown = [f"{margin}    {line}".rstrip() for line in value]
    body = "\n".join(shown)
    return f"<<-EOT{forces}\n{body}\n{margin}EOT{ending}"


def _lines(text: Any) -> list[str]:
    if not isinstance(text, str):
        return []
    # The last line break belongs to the heredoc itself.
    return [clean(line) for line in text.removesuffix("\n").split("\n")]


def _fields(diff: Diff, indent: int, layout: Layout, forces: str, ending: str) -> str:
    if not diff.fields:
        return f"{{}}{ending}{forces}"
    style = layout.style
    is_map = diff.kind == "map"
    names = {name: key_text(name, quoted=is_map) for name in diff.fields}
    width = max(map(len, names.values()))
    inner = replace(layout, suffix=is_map and diff.action is not Action.DELETE)
    lines = []
    hidden = 0
    for name, child in diff.fields.items():
        if child.action is Action.NO_OP and not layout.everything:
            hidden += 1
            continue
        lines.append(
            f"{pad(indent + 1)}{symbol(child.action, style)}{names[name]:<{width}} = "
            f"{render(child, indent + 1, inner)}"
        )
    if hidden:
        lines.append(
            f"{pad(indent + 2)}{unchanged(hidden, 'element' if is_map else 'attribute', style)}"
        )
    body = "\n".join(lines)
    return f"{{{forces}\n{body}\n{pad(indent + 1)}}}{ending}"


def _items(diff: Diff, indent: int, layout: Layout, forces: str, ending: str) -> str:
    if not diff.items:
        return f"[]{ending}{forces}"
    style = layout.style
    inner = replace(layout, suffix=False)
    context = diff.kind == "list"

    def line(child: Diff) -> str:
        look = inner if child.action is not Action.NO_OP else replace(inner, everything=True)
        return f"{pad(indent + 1)}{symbol(child.action, style)}{render(child, indent + 1, look)},"

    lines: list[str] = []
    waiting: list[Diff] = []
    after_change = False
    for child in diff.items:
        if child.action is Action.NO_OP and not layout.everything:
            if context and after_change:
                lines.append(line(child))
            else:
                waiting.append(child)
            after_change = False
            continue
        shown = 1 if context and child.action is not Action.NO_OP else 0
        _hide(waiting, shown, lines, line, indent, style)
        lines.append(line(child))
        after_change = True
    _hide(waiting, 0, lines, line, indent, style)
    body = "\n".join(lines)
    return f"[{forces}\n{body}\n{pad(indent + 1)}]{ending}"


def _hide(
    waiting: list[Diff], shown: int, lines: list[str], line: Any, indent: int, style: Style
) -> None:
    """Write how many unchanged elements are left out, except the last ``shown`` ones, which are written."""
    cut = max(0, len(waiting) - shown)
    if cut:
        lines.append(f"{pad(indent + 2)}{unchanged(cut, 'element', style)}")
    lines.extend(line(child) for child in waiting[cut:])
    waiting.clear()


def unchanged(count: int, noun: str, style: Style) -> str:
    """``# (2 unchanged attributes hidden)``."""
    return style.dim(f"# ({count} unchanged {noun}{'s' if count > 1 else ''} hidden)")


def aligned(
    fields: Mapping[str, Diff], indent: int, layout: Layout, always: frozenset[str] = frozenset()
) -> list[str]:
    """The lines of a block's attributes, ``=`` aligned; unchanged ones only counted unless they are in ``always``."""
    style = layout.style
    width = max((len(key_text(name)) for name in fields), default=0)
    lines: list[str] = []
    hidden = 0
    for name, child in sorted(fields.items()):
        if child.action is Action.NO_OP and not layout.everything and name not in always:
            hidden += 1
            continue
        if child.warning and child.kind == "sensitive":
            lines.append(f"{pad(indent + 1)}    {style.paint('# ' + child.warning, 'yellow')}")
        lines.append(
            f"{pad(indent + 1)}{symbol(child.action, style)}{key_text(name):<{width}} = "
            f"{render(child, indent + 1, layout)}"
        )
    if hidden:
        lines.append(f"{pad(indent + 2)}{unchanged(hidden, 'attribute', style)}")
    return lines
