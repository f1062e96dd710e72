"""What is being approved, what widens access first, and an approval as people read it."""

from __future__ import annotations

from collections.abc import Sequence

from perimeter.engine.approvals import Approval, Signature
from perimeter.engine.model import Change
from perimeter.sdk.contract import Direction
from perimeter.ui.headers import DIRECTIONS
from perimeter.ui.plan_text import change_text
from perimeter.ui.style import PLAIN, Style, clean, counted

_HEADS = {
    Direction.WIDENS: "Widens access",
    Direction.UNKNOWN: "May widen access",
    Direction.NEUTRAL: "Leaves access as it is",
    Direction.NARROWS: "Narrows access",
}


def to_approve_text(changes: Sequence[Change], style: Style = PLAIN) -> str:
    """The changes in the given order under a headline per direction; ends in a line break."""
    parts: list[str] = []
    shown: Direction | None = None
    for change in changes:
        if change.direction is not shown:
            shown = change.direction
            count = sum(1 for other in changes if other.direction is shown)
            parts.append(style.bold(f"{_HEADS[shown]}: {counted(count, 'change')}"))
        parts.append(change_text(change, style))
    return "\n\n".join(parts) + "\n"


def approval_text(approval: Approval, signature: Signature, style: Style = PLAIN) -> str:
    """Who approves what until when; ends in a line break."""
    facts = [
        ("By", f"{approval.by} ({signature.algorithm} key {signature.key})"),
        ("Made", approval.at),
        ("Valid until", approval.expires_at),
        ("Workspace", approval.workspace),
        ("State", approval.lineage or "none yet"),
        ("Tenants", ", ".join(approval.tenants)),
        ("Commit", approval.commit),
        ("Note", approval.note),
    ]
    lines = [style.bold(f"Approval {approval.id}")]
    lines += [f"  {name + ':':<13}{clean(text)}" for name, text in facts if text]
    lines += ["", f"It approves {counted(len(approval.changes), 'change')}:"]
    for item in approval.changes:
        direction = DIRECTIONS[Direction(item.direction)]
        tail = f"   ({direction})" if direction else ""
        lines.append(f"  {'/'.join(item.actions):<13} {clean(item.name)}{tail}")
    return "\n".join(lines) + "\n"
