from __future__ import annotations

from perimeter.hcl.pieces import BRACKETS, NOTHING, Piece
from perimeter.hcl.tokens import (
    CLOSE_HEREDOC,
    CLOSE_QUOTE,
    CLOSE_SEQUENCE,
    IDENT,
    LITERAL,
    NEWLINE,
    NUMBER,
    OPEN_DIRECTIVE,
    OPEN_HEREDOC,
    OPEN_INTERPOLATION,
    OPEN_QUOTE,
    QUOTED,
)

_TEMPLATE_LEFT = frozenset({QUOTED, LITERAL, OPEN_QUOTE, OPEN_HEREDOC})
_TEMPLATE_RIGHT = frozenset({QUOTED, LITERAL, CLOSE_QUOTE, CLOSE_HEREDOC})
_SEQUENCES = frozenset({OPEN_INTERPOLATION, OPEN_DIRECTIVE})
# After one of these a minus negates what follows.
_NO_OPERAND = frozenset(
    {NOTHING, "(", "{", "[", "=", ":", ",", "?", "+", "*", "/", "%", "-"}
    | {"==", "!=", ">", ">=", "<", "<=", "&&", "||", "!"}
)


def separated(before: str, left: Piece, right: Piece) -> bool:
    """Whether a space stands between two neighbours on a line, as ``terraform fmt`` puts it.

    Args:
        before: the kind of what stands left of ``left`` in its cell, else NOTHING.
        left: any piece but the last of its cell.
        right: the piece after it.
    """
    close = _never(before, left, right)
    return _usually(left.kind, right.kind) if close is None else not close


def _never(before: str, left: Piece, right: Piece) -> bool | None:
    """Whether the two stick together, where names, dots, commas or template text decide it."""
    a, b = left.kind, right.kind
    if b == NEWLINE:
        return True
    if (a == IDENT and b in ("(", "::")) or (a == "::" and b == IDENT):
        return True
    if "." in (a, b) or b in (",", "..."):
        return True
    if a == ",":
        return False
    if a in _TEMPLATE_LEFT or b in _TEMPLATE_RIGHT:
        return True
    if a == IDENT and left.text == "in" and before == IDENT:
        return False  # "for x in [a]" is no index
    if b == "[" and (a in (IDENT, NUMBER) or BRACKETS.get(a, 0) < 0):
        return True
    if a == "!":
        return True
    if a == "-":
        return before in _NO_OPERAND
    return None


def _usually(a: str, b: str) -> bool:
    """Whether brackets leave a space between the two; everything else has one."""
    if a == "{" or b == "}":
        return not (a == "{" and b == "}")
    if (a in _SEQUENCES and b == "{") or (a == "}" and b == CLOSE_SEQUENCE):
        return True
    if a == CLOSE_SEQUENCE and b in _SEQUENCES:
        return False
    return BRACKETS.get(a, 0) <= 0 and BRACKETS.get(b, 0) >= 0
