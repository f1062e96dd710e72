"""Manual steps for people and programs: who, until when, since when, attested by whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.state.model import OpenStep
from perimeter.ui.style import clean


def tracking(step: OpenStep) -> list[str]:
    """Lines below a step's instructions; none while nobody has it and no time is set."""
    lines = []
    if step.assignee or step.due_at:
        who = f"For {clean(step.assignee)}" if step.assignee else "For anybody"
        lines.append(f"{who}, until {step.due_at}" if step.due_at else who)
    if step.attested_at:
        lines.append(f"Attested by {clean(step.attested_by)} at {step.attested_at}")
    return lines


def steps_text(steps: Mapping[str, OpenStep], now: str) -> str:
    """The report of what is open, the most urgent first."""
    if not steps:
        return "Nothing is left to be done by hand.\n"
    blocks = []
    for key, step in sorted(steps.items(), key=lambda pair: (pair[1].due_at or "9", pair[0])):
        late = " (overdue)" if is_overdue(step, now) else ""
        lines = [f"{clean(key)}{late}", f"  {clean(step.reason)} {clean(step.instructions)}"]
        if step.url:
            lines.append(f"  Open {clean(step.url)}")
        lines += [f"  {line}" for line in tracking(step)]
        if step.note:
            lines.append(f"  Note: {clean(step.note)}")
        lines.append(f"  Open since {step.opened_at}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def is_overdue(step: OpenStep, now: str) -> bool:
    """Whether its time is over and nobody attested it; both texts are RFC 3339 in UTC."""
    return bool(step.due_at) and not step.attested_at and step.due_at <= now


def step_json(step: OpenStep) -> dict[str, Any]:
    """What is tracked of a step."""
    return {
        "assignee": step.assignee or None,
        "opened_at": step.opened_at or None,
        "due_at": step.due_at or None,
        "attested_at": step.attested_at or None,
        "attested_by": step.attested_by or None,
    }


def steps_json(steps: Mapping[str, OpenStep], now: str) -> dict[str, Any]:
    """The report as JSON data."""
    return {
        "format_version": "1.0",
        "steps": [
            {
                "key": key,
                "name": step.name,
                "reason": step.reason,
                "instructions": step.instructions,
                "url": step.url or None,
                "note": step.note or None,
                "overdue": is_overdue(step, now),
                **step_json(step),
            }
            for key, step in sorted(steps.items())
        ],
    }
