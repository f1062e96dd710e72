from __future__ import annotations

from dataclasses import dataclass

import regex

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
    Tokens,
    trivia,
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


def pieces_of(tokens: Tokens) -> list[Piece]:
    """Split a text that parses into its pieces, white space left out.

    A file has some million of them, so that each step here is felt.
    """
    text = tokens.text
    found: list[Piece] = []
    add = found.append
    at = 0
    for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True):
        if at < start and text[at:start].strip(" \t"):
            for other, part in trivia(text[at:start]):
                if other == NEWLINE and _is_joined(found):
                    found[-1].text += part
                elif other != SPACE:
                    add(Piece(other, part, at))
                at += len(part)
        at = end
        if start == end:
            continue
        if kind == STRING:
            add(Piece(OPEN_QUOTE, '"', start))
            if end - start > 2:
                add(Piece(QUOTED, text[start + 1 : end - 1], start + 1))
            add(Piece(CLOSE_QUOTE, '"', end - 1))
        elif kind == NEWLINE and _is_joined(found):
            found[-1].text += text[start:end]
        else:
            add(Piece(kind, text[start:end], start))
    for other, part in trivia(text[at:]):
        if other == NEWLINE and _is_joined(found):
            found[-1].text += part
        elif other != SPACE:
            add(Piece(other, part, at))
        at += len(part)
    return found


def _is_joined(found: list[Piece]) -> bool:
    """Whether a line break belongs to the comment before it."""
    if not found:
        return False
    last = found[-1]
    return last.kind == COMMENT and not last.text.startswith("/*") and not last.text.endswith("\n")


def quoted(text: str, start: int) -> list[Piece]:
    """The pieces of a string without template sequences, given with its quotes."""
    inner = [Piece(QUOTED, text[1:-1], start + 1)] if len(text) > 2 else []
    last = start + len(text) - 1
    return [Piece(OPEN_QUOTE, '"', start), *inner, Piece(CLOSE_QUOTE, '"', last)]


def depth_change(pieces: list[Piece]) -> int:
    """How many more brackets the pieces open than they close."""
    depth = 0
    for piece in pieces:
        if piece.kind in BRACKETS:
            depth += BRACKETS[piece.kind]
    return depth


def columns(pieces: list[Piece]) -> int:
    """How wide the pieces are with the spaces before them, in grapheme clusters."""
    wide = 0
    for piece in pieces:
        text = piece.text
        wide += piece.gap + (len(text) if text.isascii() else _width(text))
    return wide


def _width(text: str) -> int:
    return len(_GRAPHEME.findall(text))
