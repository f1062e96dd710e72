"""Two versions of a text as a unified diff, as ``diff -u`` writes it."""

from __future__ import annotations

import difflib

_NO_BREAK = "\n\\ No newline at end of file\n"


def text_diff(name: str, before: str, after: str) -> str:
    """The lines that differ, with three around them; empty when none does."""
    lines = difflib.unified_diff(
        _lines(before), _lines(after), f"old/{name}", f"new/{name}", lineterm="\n"
    )
    return "".join(line if line.endswith("\n") else line + _NO_BREAK for line in lines)


def _lines(text: str) -> list[str]:
    """Split at line feeds only: ``str.splitlines`` knows more."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + parts[-1:] * bool(parts[-1])
