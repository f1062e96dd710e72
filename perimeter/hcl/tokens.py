from __future__ import annotations

import re
from collections.abc import Iterator

IDENT = "identifier"
NUMBER = "number"
STRING = "string"
"""A quoted string without template sequences, as one token."""
NEWLINE = "newline"
END = "end"
"""The end of the text; always the last token, of no width."""
OPEN_QUOTE = "open quote"
CLOSE_QUOTE = "close quote"
QUOTED = "quoted text"
"""A stretch of text in a quoted template, backslash escapes included."""
OPEN_HEREDOC = "open heredoc"
"""``<<EOT`` or ``<<-EOT`` with its line break."""
CLOSE_HEREDOC = "close heredoc"
"""The line with the closing marker, indentation included, line break excluded."""
LITERAL = "literal text"
"""A stretch of text in a heredoc or bare template: at most one line, no backslash escapes."""
OPEN_INTERPOLATION = "${"
OPEN_DIRECTIVE = "%{"
CLOSE_SEQUENCE = "close sequence"
"""``}`` or ``~}`` that ends an interpolation or directive."""
INVALID = "invalid"
SPACE = "space"
COMMENT = "comment"

TRIVIA = frozenset({SPACE, COMMENT})
"""The kinds that only ``Tokens.pieces`` yields; ignored line breaks come from there as NEWLINE."""

_TRIVIA = re.compile(
    r"(?P<space>[ \t]+)|(?P<newline>\r?\n)"
    r"|(?P<comment>(?:\#|//)[^\n]*|/\*(?s:.*?)(?:\*/|\Z))|(?P<invalid>[^ \t\n#/]+|.)"
)


class Tokens:
    """A file's tokens as parallel arrays, which is what makes scanning fast.

    Punctuation's kind is its own text; everything else has one of this module's kinds. White space,
    comments and the line breaks that mean nothing are not in the arrays: they are the gaps between
    one token's end and the next one's start, and ``pieces`` gives them back.

    Attributes:
        text: the text that was scanned.
        kinds: the kind of each token; the last is ``END``.
        starts: character offset where each token starts.
        ends: character offset where each token ends, exclusive.
    """

    __slots__ = ("ends", "kinds", "starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []

    def __len__(self) -> int:
        return len(self.kinds)

    def pieces(self) -> Iterator[tuple[str, str]]:
        """Yield (kind, text) of every token and all between them; the texts add up to the source.

        Tokens of no width, such as ``END``, are left out.
        """
        at = 0
        for kind, start, end in zip(self.kinds, self.starts, self.ends, strict=True):
            if at < start:
                yield from trivia(self.text[at:start])
            if start < end:
                yield kind, self.text[start:end]
            at = end
        yield from trivia(self.text[at:])


def trivia(gap: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) of the white space and comments between two tokens."""
    for match in _TRIVIA.finditer(gap):
        yield match.lastgroup or INVALID, match.group()
