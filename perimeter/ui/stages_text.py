"""The steps of an apply in order, as ``plan -explain`` prints them: the same list that apply executes."""

from __future__ import annotations

from collections.abc import Sequence

from perimeter.engine.stages import Stage
from perimeter.ui.headers import DIRECTIONS
from perimeter.ui.style import PLAIN, Style, clean, counted

_WORDS = {"adopt": "import", "manual": "by hand"}


def stages_text(found: Sequence[Stage], style: Style = PLAIN) -> str:
    """One line per stage: its number, what it does, and which stages it waits for; ends in a line break."""
    if not found:
        return "No stage: there is nothing to apply.\n"
    number = {stage.id: index for index, stage in enumerate(found, start=1)}
    members: dict[str, list[int]] = {}
    for stage in found:
        for group in stage.groups:
            members.setdefault(group, []).append(number[stage.id])
    columns = len(str(len(found)))
    lines = [style.bold(f"Apply would take {counted(len(found), 'stage')}:"), ""]
    for stage in found:
        word = _WORDS.get(stage.operation, stage.operation)
        waits = sorted({n for group in stage.after for n in members.get(group, ())})
        tail = f"   after {_ranges(waits)}" if waits else ""
        direction = DIRECTIONS[stage.change.direction]
        note = f"   ({direction})" if direction else ""
        lines.append(
            f"  {number[stage.id]:>{columns}}  {word:<7}  {clean(stage.change.name)}{note}{tail}"
        )
    return "\n".join(lines) + "\n"


def _ranges(numbers: Sequence[int]) -> str:
    """``1-3, 7``."""
    parts: list[str] = []
    start = previous = numbers[0]
    for number in [*numbers[1:], None]:
        if number is not None and number == previous + 1:
            previous = number
            continue
        parts.append(str(start) if start == previous else f"{start}-{previous}")
        if number is not None:
            start = previous = number
    return ", ".join(parts)
