from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from perimeter.hcl.pieces import BRACKETS, NOTHING, Piece, columns, depth_change
from perimeter.hcl.spacing import separated
from perimeter.hcl.tokens import COMMENT, IDENT, NEWLINE, OPEN_HEREDOC

INDENT = 2
"""Spaces for each level."""


@dataclass(slots=True, eq=False)
class Line:
    """A line (of several where it holds a heredoc or a comment of several lines) in three cells.

    Attributes:
        lead: what stands before the equals sign, or everything but the comment.
        value: from the equals sign on, where the value's brackets are closed on the line.
        comment: the comment that ends a line on which something else stands.
    """

    lead: list[Piece]
    value: list[Piece] = field(default_factory=list)
    comment: list[Piece] = field(default_factory=list)


def laid_out(pieces: list[Piece]) -> str:
    """Return the pieces' text in canonical layout; line breaks stay where they are."""
    lines = _lines(pieces)
    _indent(lines)
    for line in lines:
        _space(line.lead)
        _space(line.value)
    _align(lines, lambda line: line.value, lambda line: columns(line.lead))
    _align(lines, lambda line: line.comment, lambda line: columns(line.lead) + columns(line.value))
    out: list[str] = []
    for line in lines:
        for cell in (line.lead, line.value, line.comment):
            for piece in cell:
                gap = piece.gap
                if gap == 1:
                    out.append(" ")
                elif gap:
                    out.append(" " * gap)
                out.append(piece.text)
    return "".join(out)


def _lines(pieces: Iterable[Piece]) -> list[Line]:
    lines: list[Line] = []
    current: list[Piece] = []
    for piece in pieces:
        current.append(piece)
        kind = piece.kind
        if kind == NEWLINE or (kind == COMMENT and piece.text.endswith("\n")):
            lines.append(_line(current))
            current = []
    if current:
        lines.append(_line(current))
    return lines


def _line(pieces: list[Piece]) -> Line:
    line = Line(pieces)
    if len(pieces) > 1 and pieces[-1].kind == COMMENT:
        line.lead, line.comment = pieces[:-1], pieces[-1:]
    lead = line.lead
    for sign in range(1, len(lead)):
        if lead[sign].kind == "=":
            value = lead[sign:]
            if depth_change(value) == 0:
                line.lead, line.value = lead[:sign], value
            break
    return line


def _indent(lines: list[Line]) -> None:
    """Set the first gap of each line.

    However many brackets a line opens, what follows stands one level deeper, until as many are
    closed.
    """
    levels: list[int] = []
    for line in lines:
        first = line.lead[0]
        if first.kind == NEWLINE:
            first.gap = 0
            continue
        change = 0
        for piece in line.lead:
            if piece.kind == OPEN_HEREDOC:
                break
            change += BRACKETS.get(piece.kind, 0)
        # What stands after the equals sign opens as much as it closes.
        closed = -change
        while closed > 0 and levels:
            taken = min(closed, levels[-1])
            closed -= taken
            levels[-1] -= taken
            if levels[-1] == 0:
                levels.pop()
        first.gap = INDENT * len(levels)
        if change > 0:
            levels.append(change)


_SEPARATED: dict[tuple[str, str, str], int] = {}
"""What ``separated`` says by kinds alone: there are few combinations and many neighbours."""


def _space(cell: list[Piece]) -> None:
    """Set the gaps inside a cell."""
    before = NOTHING
    if not cell:
        return
    left = cell[0]
    for at in range(1, len(cell)):
        right = cell[at]
        kind = left.kind
        if kind == IDENT and left.text == "in":
            right.gap = int(separated(before, left, right))
        else:
            key = (before, kind, right.kind)
            gap = _SEPARATED.get(key)
            if gap is None:
                gap = _SEPARATED[key] = int(separated(before, left, right))
            right.gap = gap
        before = kind
        left = right


def _align(
    lines: list[Line], cell_of: Callable[[Line], list[Piece]], width: Callable[[Line], int]
) -> None:
    """Bring the cells of consecutive lines that have one into one column."""
    run: list[Line] = []
    for line in [*lines, None]:
        if line is not None and cell_of(line):
            run.append(line)
            continue
        widths = [width(member) for member in run]
        for member, own in zip(run, widths, strict=True):
            cell_of(member)[0].gap = max(widths) - own + 1
        run = []
