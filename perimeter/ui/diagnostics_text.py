"""Diagnostics as people read them: boxed with colour, bare without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from perimeter.diagnostics import Diagnostic, Severity
from perimeter.hcl.source import SourceFile
from perimeter.sdk.redact import SECRETS
from perimeter.ui.snippets import Snippet, snippet
from perimeter.ui.style import PLAIN, Style, clean

_RULE = "├────────────────"


def diagnostics_text(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, SourceFile],
    style: Style = PLAIN,
    *,
    compact_warnings: bool = False,
) -> str:
    """All diagnostics, each with a blank line before it; empty for none.

    With ``compact_warnings`` warnings are reduced to their summaries, unless there are errors, too.
    """
    found = list(diagnostics)
    warnings = [item for item in found if item.severity is Severity.WARNING]
    if compact_warnings and warnings and len(warnings) == len(found):
        return _compact(warnings, style)
    return "".join(f"\n{diagnostic_text(item, sources, style)}\n" for item in found)


def diagnostic_text(
    diagnostic: Diagnostic, sources: Mapping[str, SourceFile], style: Style = PLAIN
) -> str:
    """One diagnostic, without a line break at its end; secrets are redacted."""
    looks = "red" if diagnostic.severity is Severity.ERROR else "yellow"
    word = "Error" if diagnostic.severity is Severity.ERROR else "Warning"
    head = f"{style.paint(f'{word}:', 'bold', looks)} {style.bold(_safe(diagnostic.summary))}"
    lines = [head, *_place(diagnostic, sources, style)]
    if diagnostic.detail:
        room = style.width - 2 if style.color else style.width
        lines += ["", *style.wrap(_safe(diagnostic.detail), room)]
    if not style.color:
        return "\n".join(lines)
    bar = style.paint("│", looks)
    boxed = [f"{bar} {line}" for line in lines]
    return "\n".join([style.paint("╷", looks), *boxed, style.paint("╵", looks)])


def _safe(text: str) -> str:
    return clean(SECRETS.redact(text))


def _place(diagnostic: Diagnostic, sources: Mapping[str, SourceFile], style: Style) -> list[str]:
    lines: list[str] = []
    subject = diagnostic.subject
    if diagnostic.address:
        ending = "," if subject is not None else ""
        lines.append(f"  with {_safe(diagnostic.address)}{ending}")
    if subject is not None:
        found = snippet(diagnostic, sources)
        where = f"  on {clean(subject.filename)} line {subject.start.line}"
        if found is None:
            lines += [f"{where}:", "  (source code not available)"]
        else:
            inside = f", in {clean(found.context)}" if found.context else ""
            lines += [f"{where}{inside}:", *_code(found, style)]
    if diagnostic.values:
        lines.append(f"    {style.dim(_RULE)}")
        lines += [
            f"    {style.dim('│')} {style.bold(clean(text))} {_safe(_worded(value))}"
            for text, value in diagnostic.values
        ]
    return ["", *lines] if lines else []


def _worded(value: str) -> str:
    verbs = ("is ", "has ", "will ", "was ")
    return value if value.startswith(verbs) else f"is {value}"


def _code(found: Snippet, style: Style) -> list[str]:
    lines: list[str] = []
    offset = 0
    for number, line in enumerate(found.lines, start=found.start_line):
        start, end = max(found.start - offset, 0), min(found.end - offset, len(line))
        shown = _safe(line)
        if style.color and start < end and shown == line:
            shown = f"{line[:start]}\x1b[4m{line[start:end]}\x1b[0m{line[end:]}"
        lines.append(f"{number:>4}: {shown}".rstrip())
        offset += len(line) + 1
    return lines


def _compact(warnings: list[Diagnostic], style: Style) -> str:
    by_summary: dict[str, list[Diagnostic]] = {}
    for item in warnings:
        by_summary.setdefault(_safe(item.summary), []).append(item)
    lines = ["", style.paint("Warnings:", "bold", "yellow"), ""]
    for summary, members in by_summary.items():
        lines.append(f"- {summary}")
        subject = members[0].subject
        if subject is not None:
            more = f" (and {len(members) - 1} more)" if len(members) > 1 else ""
            lines.append(f"  on {clean(subject.filename)} line {subject.start.line}{more}")
        elif len(members) > 1:
            lines.append(f"  ({len(members)} times)")
    advice = "To see the full warning notes, run perimeter without -compact-warnings."
    return "\n".join([*lines, "", advice, ""])
