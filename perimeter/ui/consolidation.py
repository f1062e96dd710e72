"""Several like diagnostics as one; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from perimeter.diagnostics import Diagnostic, Severity


def consolidated(
    diagnostics: Iterable[Diagnostic], *, warnings: bool = True, errors: bool = False
) -> list[Diagnostic]:
    """Of diagnostics with the same severity and summary keep the first, saying how many more there are.

    Those without a place in a file, and the outcomes of checks, each stay: their summary alone says too little.
    """
    wanted = {Severity.WARNING: warnings, Severity.ERROR: errors}
    items = list(diagnostics)
    number = Counter(_key(item) for item in items if wanted[item.severity] and _may(item))
    found: list[Diagnostic] = []
    seen: set[tuple[Severity, str]] = set()
    for item in items:
        key = _key(item)
        if number[key] < 2 or not _may(item):
            found.append(item)
        elif key not in seen:
            seen.add(key)
            more = number[key] - 1
            word = item.severity.value if more == 1 else f"{item.severity.value}s"
            note = f"(and {more} more similar {word} elsewhere)"
            found.append(replace(item, detail=f"{item.detail}\n\n{note}" if item.detail else note))
    return found


def _key(item: Diagnostic) -> tuple[Severity, str]:
    return item.severity, item.summary


def _may(item: Diagnostic) -> bool:
    return item.subject is not None and not (item.block or "").startswith("check ")
