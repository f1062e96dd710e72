from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator

from perimeter.hcl.nodes import Attribute, Block, Body
from perimeter.hcl.pieces import BRACKETS, Piece, quoted
from perimeter.hcl.tokens import (
    CLOSE_QUOTE,
    CLOSE_SEQUENCE,
    IDENT,
    NEWLINE,
    OPEN_INTERPOLATION,
    OPEN_QUOTE,
    QUOTED,
)

_BARE_TYPES = {"list": "any", "map": "any", "set": "any"}
_QUOTED_TYPES = {"string": "", "list": "string", "map": "string"}
_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}

Edit = tuple[int, int, list[Piece]]
"""The pieces from the first index up to the second one give way to others."""


def rewritten(pieces: list[Piece], body: Body) -> list[Piece]:
    """Return a file's pieces with outdated spellings replaced by today's of the same meaning.

    ``"${x}"`` as an argument's whole value becomes ``x``; a variable's type is written ``string``,
    ``list(any)`` and so on instead of ``"string"`` and ``list``; labels are quoted. All this is
    what ``terraform fmt`` does, except that it loses comments before labels, labels in which a
    dollar or percent sign stands, and now and then the parentheses that an expression of several
    lines needs.
    """
    starts = [piece.start for piece in pieces]
    result: list[Piece] = []
    done = 0
    for first, last, replacement in sorted(_edits(pieces, starts, body, ()), key=lambda e: e[0]):
        result += pieces[done:first]
        result += replacement
        done = last
    return result + pieces[done:]


def _edits(
    pieces: list[Piece], starts: list[int], body: Body, inside: tuple[str, ...]
) -> Iterator[Edit]:
    for attribute in body.attributes.values():
        first, last = _span(starts, attribute.expr.start, attribute.expr.end)
        given = pieces[first:last]
        if inside == ("variable",) and attribute.name == "type":
            wanted = _type(given, attribute)
        else:
            alone = last == len(pieces) or pieces[last].ends_line
            wanted = _unwrapped(given, alone)
        if wanted is not given:
            yield first, last, wanted
    for block in body.blocks:
        for index, (start, end) in enumerate(block.label_spans):
            first, last = _span(starts, start, end)
            yield first, last, _label(pieces[first:last], block, index)
        yield from _edits(pieces, starts, block.body, (*inside, block.type))


def _span(starts: list[int], start: int, end: int) -> tuple[int, int]:
    return bisect_left(starts, start), bisect_left(starts, end)


def _label(given: list[Piece], block: Block, index: int) -> list[Piece]:
    raw = "".join(piece.text for piece in given)
    if "$" in raw or "%" in raw:
        return given
    start = given[0].start
    text = unicodedata.normalize("NFC", block.labels[index])
    return quoted(f'"{"".join(map(_escaped, text))}"', start)


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _type(given: list[Piece], attribute: Attribute) -> list[Piece]:
    kinds = [piece.kind for piece in given]
    element: str | None = None
    name = ""
    if kinds == [IDENT]:
        name = given[0].text
        element = _BARE_TYPES.get(name)
    elif kinds == [OPEN_QUOTE, QUOTED, CLOSE_QUOTE]:
        name = given[1].text
        element = _QUOTED_TYPES.get(name)
    if element is None:
        return given
    start = attribute.expr.start
    made = [Piece(IDENT, name, start)]
    if element:
        made += [Piece("(", "(", start), Piece(IDENT, element, start), Piece(")", ")", start)]
    return made


def _unwrapped(given: list[Piece], alone: bool) -> list[Piece]:
    """What stands inside when the pieces are a string of exactly one interpolation.

    ``alone`` says that nothing but a comment follows, so that a comment may end the value.
    """
    while (inside := _inside(given)) is not None:
        while inside and inside[0].kind == NEWLINE:
            inside = inside[1:]
        while inside and inside[-1].kind == NEWLINE:
            inside = inside[:-1]
        if _needs_parentheses(inside, alone):
            at = given[0].start
            inside = [Piece("(", "(", at), *inside, Piece(")", ")", at)]
        given = inside
    return given


def _inside(given: list[Piece]) -> list[Piece] | None:
    ends = [piece.kind for piece in (*given[:2], *given[-2:])]
    if len(given) < 5 or ends != [OPEN_QUOTE, OPEN_INTERPOLATION, CLOSE_SEQUENCE, CLOSE_QUOTE]:
        return None
    inside = given[2:-2]
    nested = 0
    for piece in inside:
        if piece.kind == OPEN_QUOTE:
            nested += 1
        elif piece.kind == CLOSE_QUOTE:
            nested -= 1
        elif nested == 0 and piece.kind in (OPEN_INTERPOLATION, CLOSE_SEQUENCE, QUOTED):
            return None
    return inside


def _needs_parentheses(pieces: list[Piece], alone: bool) -> bool:
    """Whether an expression of several lines would end with its first one, or Terraform thinks so.

    Terraform puts parentheses around line breaks of any kind unless there seem to be some, and
    overlooks comments that end a line.
    """
    enclosed = pieces[0].kind == "(" and pieces[-1].kind == ")"
    if not enclosed and any(piece.kind == NEWLINE for piece in pieces):
        return True
    depth = 0
    for piece in pieces[:-1] if alone else pieces:
        depth += BRACKETS.get(piece.kind, 0)
        if depth == 0 and piece.ends_line:
            return True
    return False
