"""The report of a migration as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from perimeter.migrate.report import Entry, Outcome, Report
from perimeter.ui.style import Style

_HEADS = {
    Outcome.PARTLY: "Left out or changed in what is translated:",
    Outcome.NOT: "Not translated, and kept as comments:",
    Outcome.NOTE: "Before the first plan:",
}
_WIDTH = 100


def migration_text(report: Report, files: list[str], style: Style) -> str:
    """What was written, and all that a person has to know of it."""
    counts = report.counts
    lines = [
        style.paint("Translated", "bold", "green")
        + f" {_several(counts[Outcome.TRANSLATED], 'block')} into {_several(len(files), 'file')},"
        f" with {_several(report.imports, 'import block')}:",
        "",
        *(f"  {name}" for name in files),
        "",
    ]
    for outcome, head in _HEADS.items():
        entries = report.of(outcome)
        if entries:
            lines += [style.paint(head, "bold"), ""]
            lines += [line for entry in entries for line in _entry(entry)]
            lines.append("")
    return "\n".join(lines) + "\n"


def _entry(entry: Entry) -> Iterator[str]:
    where = f" ({entry.file}:{entry.line})" if entry.file else ""
    yield f"  {entry.subject}{where}"
    yield from textwrap.wrap(
        entry.text,
        _WIDTH,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
