"""The versions of a state for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version of a state.

    Attributes:
        written_at: when (RFC 3339); empty where nobody knows.
        who: who let it happen, by the evidence log; empty where no call was made.
        run: id of the apply.
        what: ``apply``, or the command that changed the state itself; empty likewise.
        resources: how many resource instances it holds.
        current: whether it is the state itself.
    """

    serial: int
    lineage: str
    written_at: str
    who: str
    run: str
    what: str
    resources: int
    current: bool


def history_json(entries: Sequence[Entry]) -> dict[str, Any]:
    """All of it, the newest version first."""
    return {
        "format_version": "1.0",
        "versions": [
            {
                "serial": entry.serial,
                "lineage": entry.lineage,
                "current": entry.current,
                "written_at": entry.written_at or None,
                "by": entry.who or None,
                "run": entry.run or None,
                "operation": entry.what or None,
                "resources": entry.resources,
            }
            for entry in entries
        ],
    }


def history_text(entries: Sequence[Entry]) -> str:
    """A table, the newest version first; a star marks the state itself."""
    rows = [("SERIAL", "WRITTEN", "BY", "RUN", "OPERATION", "RESOURCES")]
    rows += [
        (
            f"{entry.serial}{'*' if entry.current else ''}",
            entry.written_at or "-",
            entry.who or "-",
            entry.run[:8] or "-",
            entry.what or "-",
            f"{entry.resources:,}",
        )
        for entry in entries
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"
