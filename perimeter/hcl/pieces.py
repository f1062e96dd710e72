from __future__ import annotations

from dataclasses import dataclass

import regex

from perimeter.hcl.lexer import lex
from perimeter.hcl.tokens import (
    CLOSE_QUOTE,
    CLOSE_SEQUENCE,
    COMMENT,
    NEWLINE,
    OPEN_DIRECTIVE,
    OPEN_INTERPOLATION,
    OPEN_QUOTE,
    QUOTED,
    SPACE,
    STRING,
)

NOTHING = ""
"""The kind of what stands before the first piece of a line."""

BRACKETS = {"(": 1, "[": 1, "{": 1, OPEN_INTERPOLATION: 1, OPEN_DIRECTIVE: 1} | {
    ")": -1,
    "]": -1,
    "}": -1,
    CLOSE_SEQUENCE: -1,
}
"""How much deeper a kind of piece leads."""

_GRAPHEME = regex.compile(r"\X")


@dataclass(slots=True, eq=False)
class Piece:
    """A token or comment of a text that is being formatted.

    A quoted string is three pieces or more, and a comment that runs to the end of its line holds
    the line break.

    Attributes:
        start: character offset in the source.
        gap: how many spaces stand before it.
    """

    kind: str
    text: str
    start: int
    gap: int = 0

    @property
    def ends_line(self) -> bool:
        """Whether the next piece stands on another line."""
        return self.kind == NEWLINE or (self.kind == COMMENT and self.text.endswith("\n"))


def pieces_of(text: str) -> list[Piece]:
    """Split a text that parses into its pieces, white space left out."""
    found: list[Piece] = []
    at = 0
    for kind, part in lex(text)[0].pieces():
        start, at = at, at + len(part)
        if kind == SPACE:
            continue
        last = found[-1] if found else None
        if (
            kind == NEWLINE
            and last is not None
            and last.kind == COMMENT
            and not last.text.startswith("/*")
            and not last.ends_line
        ):
            last.text += part
        elif kind == STRING:
            found.extend(quoted(part, start))
        else:
            found.append(Piece(kind, part, start))
    return found


def quoted(text: str, start: int) -> list[Piece]:
    """The pieces of a string without template sequences, given with its quotes."""
    inner = [Piece(QUOTED, text[1:-1], start + 1)] if len(text) > 2 else []
    last = start + len(text) - 1
    return [Piece(OPEN_QUOTE, '"', start), *inner, Piece(CLOSE_QUOTE, '"', last)]


def depth_change(pieces: list[Piece]) -> int:
    """How many more brackets the pieces open than they close."""
    return sum(BRACKETS.get(piece.kind, 0) for piece in pieces)


def columns(pieces: list[Piece]) -> int:
    """How wide the pieces are with the spaces before them, in grapheme clusters."""
    return sum(piece.gap + _width(piece.text) for piece in pieces)


def _width(text: str) -> int:
    return len(text) if text.isascii() else len(_GRAPHEME.findall(text))
