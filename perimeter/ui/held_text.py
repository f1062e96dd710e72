"""What of a plan is held back because nobody agreed to it, as people read it."""

from __future__ import annotations

from collections.abc import Sequence

from perimeter.engine.consent import Agreed
from perimeter.ui.headers import DIRECTIONS
from perimeter.ui.style import PLAIN, Style, clean, counted

MOST = 50
"""With more than this the rest is only counted."""


def held_text(agreed: Agreed, settled: Sequence[str] = (), style: Style = PLAIN) -> str:
    """What is not made, each with its reason; then what was approved and is not asked for (any more).

    Ends in a line break, or is empty when there is nothing to say.
    """
    lines: list[str] = []
    if agreed.held:
        lines += [style.bold(f"Held back, not made: {counted(len(agreed.held), 'change')}."), ""]
        for item in agreed.held[:MOST]:
            direction = DIRECTIONS[item.change.direction]
            note = (
                f" ({direction})"
                if direction and direction not in item.because.replace("it ", "")
                else ""
            )
            why = style.wrap(clean(f"{item.change.name}{note}: {item.because}"), style.width - 2)
            lines += [f"  {line}" for line in why]
        if len(agreed.held) > MOST:
            lines.append(f"  and {len(agreed.held) - MOST:,} more")
    if settled:
        if lines:
            lines.append("")
        names = ", ".join(clean(name) for name in settled[:MOST])
        more = f" and {len(settled) - MOST:,} more" if len(settled) > MOST else ""
        lines += style.wrap(f"Approved, and nothing is left to do about it: {names}{more}.")
    return "\n".join(lines) + "\n" if lines else ""
