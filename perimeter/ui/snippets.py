"""The source text that a diagnostic is about, and the block it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perimeter.diagnostics import Diagnostic, Range
from perimeter.hcl.source import SourceFile

MOST_LINES = 8
"""A longer range is cut: the first lines say where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A piece of source.

    Attributes:
        context: header of the enclosing block, or empty.
        lines: whole lines.
        start_line: 1-based number of the first one.
        start: offset of the highlight in the joined lines, in characters.
        end: likewise, exclusive.
    """

    context: str
    lines: tuple[str, ...]
    start_line: int
    start: int
    end: int

    @property
    def code(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def snippet(diagnostic: Diagnostic, sources: Mapping[str, SourceFile]) -> Snippet | None:
    """The source of a diagnostic's subject; None where there is no such file at hand."""
    subject = diagnostic.subject
    source = sources.get(subject.filename) if subject is not None else None
    if subject is None or source is None:
        return None
    first = subject.start.line
    last = max(
        first, subject.end.line - (1 if subject.end.column == 1 and subject.end.line > first else 0)
    )
    last = min(last, first + MOST_LINES - 1)
    lines = tuple(source.line(number) for number in range(first, last + 1))
    code = "\n".join(lines)
    start = len(_prefix(lines[0], subject.start.column))
    if subject.end.line == subject.start.line:
        end = max(start + 1, len(_prefix(lines[0], subject.end.column)))
    elif subject.end.line <= last:
        before = sum(len(line) + 1 for line in lines[:-1])
        end = before + len(_prefix(lines[-1], subject.end.column))
    else:
        end = len(code)
    return Snippet(
        context=diagnostic.block or enclosing(source, subject),
        lines=lines,
        start_line=first,
        start=min(start, len(code)),
        end=min(end, len(code)),
    )


def _prefix(line: str, column: int) -> str:
    """The part of a line before a 1-based column of grapheme clusters."""
    if line.isascii():
        return line[: column - 1]
    import regex

    return "".join(regex.findall(r"\X", line)[: column - 1])


def enclosing(source: SourceFile, where: Range) -> str:
    """The header of the outermost block that a range stands in; empty at the top of a file."""
    from perimeter.hcl import parse_file

    if not source.filename.endswith(".hcl"):
        return ""
    body, _ = parse_file(source.text, source.filename)
    for block in body.blocks:
        found = block.range
        if found.start.byte <= where.start.byte < found.end.byte:
            return " ".join([block.type, *(f'"{label}"' for label in block.labels)])
    return ""
