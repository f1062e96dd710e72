"""Outputs: how they change, and what they are."""

from __future__ import annotations

from collections.abc import Mapping, Set

from perimeter.engine.model import Action, OutputChange, Plan
from perimeter.lang.plain import to_plain
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Value
from perimeter.ui.difference import ABSENT, Diff, compare
from perimeter.ui.difference_text import Layout, aligned
from perimeter.ui.style import PLAIN, Style, clean


def output_changes(plan: Plan, style: Style = PLAIN) -> str:
    """``Changes to Outputs:`` with a line for each that changes; empty when none does."""
    found = {
        item.name: _difference(item) for item in plan.outputs if item.action is not Action.NO_OP
    }
    if not found:
        return ""
    lines: list[str] = []
    for line in aligned(found, 0, Layout(style=style)):
        # Outputs stand one level further out than a block's attributes.
        lines.extend(part.removeprefix("    ") for part in line.split("\n"))
    return "\n".join(["Changes to Outputs:", *lines])


def _difference(item: OutputChange) -> Diff:
    if item.sensitive:
        return Diff(kind="sensitive", action=item.action)
    before = ABSENT if item.action is Action.CREATE else item.before
    after = ABSENT if item.action is Action.DELETE else to_plain(item.after)
    return compare(before, after, item.after.type)


def is_hidden(value: Value) -> bool:
    """Whether an output must not be shown."""
    return bool({SENSITIVE, EPHEMERAL} & value.deep_marks())


def output_lines(outputs: Mapping[str, Value], hidden: Set[str] = frozenset()) -> list[str]:
    """``name = value`` lines, as the end of an apply and ``output`` show them."""
    from perimeter.lang.render import render

    return [
        f"{name} = {'<sensitive>' if name in hidden or is_hidden(value) else clean(render(value))}"
        for name, value in sorted(outputs.items())
    ]
