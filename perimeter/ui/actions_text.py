"""Actions that a plan invokes, as people read them: under the change that triggers them, or on their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from perimeter.engine.model import Action, Change, Invocation, Plan
from perimeter.lang.values import Unknown
from perimeter.ui.blocks import block_lines, object_difference
from perimeter.ui.difference import Diff, Marks
from perimeter.ui.difference_text import Layout, key_text
from perimeter.ui.headers import DIRECTIONS, with_direction
from perimeter.ui.style import Style, clean


def triggered_lines(found: Iterable[Invocation], style: Style) -> list[str]:
    """What a change invokes, before and after it, in order."""
    items = tuple(found)
    lines: list[str] = []
    for side in ("before", "after"):
        mine = [item for item in items if item.event.startswith(side)]
        if not mine:
            continue
        lines += ["", f"    {style.bold(f'# Actions to be invoked {side} this change in order:')}"]
        for item in mine:
            lines += _block(item, style)
    return lines


def invoked(plan: Plan, style: Style) -> str:
    """What ``-invoke`` asked for; empty without."""
    found = [item for item in plan.invocations if not item.trigger]
    if not found:
        return ""
    parts = [style.bold("perimeter will invoke the following action(s):")]
    for item in found:
        text = f"  # {clean(item.change.name)} will be invoked"
        parts.append("\n".join([with_direction(text, item.change, style), *_block(item, style)]))
    return "\n\n".join(parts)


def _block(item: Invocation, style: Style) -> list[str]:
    change = item.change
    head = f'    action "{change.type}" {key_text(change.address.name, quoted=True)} {{'  # type: ignore[union-attr]
    lines = _config(change, style)
    direction = DIRECTIONS[change.direction]
    note = f"  # {direction}" if direction and item.trigger else ""
    return [head + style.dim(note), *lines, "    }"]


def _config(change: Change, style: Style) -> list[str]:
    secrets = change.schema.secret_names & change.changed if change.schema else frozenset()
    values = change.after or {}
    marks = Marks(before=change.sensitive_after, after=change.sensitive_after)
    whole = object_difference(change.schema, values, marks)
    fields = {
        **whole.fields,
        **{
            name: Diff(kind="unknown", action=Action.NO_OP)
            for name, value in values.items()
            if isinstance(value, Unknown)
        },
        **{name: Diff(kind="write-only", action=Action.NO_OP) for name in secrets},
    }
    shown = replace(whole, fields=dict(sorted(fields.items())))
    inner = block_lines(shown, 1, Layout(style=style, everything=True))
    return ["        config {", *inner, "        }"] if inner else []


def count_text(plan: Plan) -> str:
    """The end of the summary line: ``Actions: 1 to invoke.``; empty for none."""
    count = len(plan.invocations)
    return f" Actions: {count:,} to invoke." if count else ""
