"""The evidence log for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from perimeter.state.evidence import Broken, Evidence, Verified
from perimeter.ui.style import clean, counted

FORMAT_VERSION = "1.0"
_NAMES = {
    "at": "At",
    "run": "Run",
    "address": "Address",
    "object": "Object",
    "tenant": "Tenant",
    "operation": "Operation",
    "result": "Result",
    "config": "Declared at",
    "commit": "Commit",
    "fingerprint": "Fingerprint",
    "approver": "Approved by",
    "request_id": "Request id",
    "read_back": "Read back",
    "previous": "Previous",
    "hash": "Hash",
}


def entries_text(entries: Sequence[Evidence]) -> str:
    """One line each."""
    if not entries:
        return "The evidence log has no such entry.\n"
    rows = [
        (
            str(item.sequence),
            item.at,
            item.result,
            str(item.operation),
            clean(item.address),
            clean(item.object),
            clean(item.approver),
        )
        for item in entries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def entry_text(entry: Evidence) -> str:
    """All fields that say something, one a line."""
    lines = [f"Entry {entry.sequence}"]
    for field, name in _NAMES.items():
        text = str(getattr(entry, field))
        if text:
            lines.append(f"  {name:<12} {clean(text)}")
    return "\n".join(lines) + "\n"


def entry_json(entry: Evidence) -> dict[str, Any]:
    """All fields, empty ones too."""
    return {name: getattr(entry, name) for name in msgspec.structs.asdict(entry)}


def entries_json(entries: Sequence[Evidence]) -> dict[str, Any]:
    """The list as JSON data."""
    return {
        "format_version": FORMAT_VERSION,
        "entries": [entry_json(item) for item in entries],
    }


def verified_text(found: Verified, serial: int | None) -> str:
    """What holds, and what nobody vouches for."""
    if not found.head.sequence:
        if serial is not None:
            return "The evidence log is empty, and the state says so, too.\n"
        return (
            "The evidence log is empty. Whether it always was, only a state tells: -state=PATH.\n"
        )
    whole = counted(found.head.sequence, "entry", "entries")
    lines = [f"The evidence log is as it was written: {whole}, head sha256 {found.head.digest}."]
    if serial is None:
        lines.append(
            "No state was compared, so a tail that was cut would not show: add -state=PATH."
        )
    else:
        lines.append(f"The state with serial {serial} seals the first {found.sealed}.")
        left = len(found.unsealed)
        if left:
            lines.append(
                f"The last {counted(left, 'entry', 'entries')} came after it; more of them could have been cut off unseen."
            )
    return "\n".join(lines) + "\n"


def verified_json(found: Verified, serial: int | None) -> dict[str, Any]:
    """What holds as JSON data."""
    return {
        "format_version": FORMAT_VERSION,
        "valid": True,
        "entries": found.head.sequence,
        "head": found.head.digest,
        "sealed": found.sealed if serial is not None else None,
        "state_serial": serial,
    }


def broken_json(found: Broken, summary: str) -> dict[str, Any]:
    """What does not hold as JSON data."""
    return {
        "format_version": FORMAT_VERSION,
        "valid": False,
        "entry": found.entry,
        "summary": summary,
        "reason": found.reason,
    }
