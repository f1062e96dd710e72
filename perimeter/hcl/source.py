"""A source text and the translation of its offsets into lines, columns and bytes."""

from __future__ import annotations

from bisect import bisect_right

import regex

from perimeter.diagnostics import Pos, Range

_GRAPHEME = regex.compile(r"\X")


class SourceFile:
    """The text of one file.

    Attributes:
        filename: as shown to people, relative to where the command runs.
        text: the whole text, byte order mark removed.
    """

    __slots__ = ("_ascii", "_bytes", "_lines", "filename", "text")

    def __init__(self, filename: str, text: str) -> None:
        self.filename = filename
        self.text = text.removeprefix("\ufeff")
        self._ascii = self.text.isascii()
        self._lines: list[int] | None = None
        self._bytes: list[int] | None = None

    def _line_starts(self) -> list[int]:
        if self._lines is None:
            starts, at = [0], self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            self._lines = starts
        return self._lines

    def _line_bytes(self) -> list[int]:
        """The UTF-8 offset at which each line starts."""
        if self._bytes is None:
            found = [0]
            for line in self.text.split("\n"):
                found.append(found[-1] + len(line.encode("utf-8", "surrogatepass")) + 1)
            self._bytes = found
        return self._bytes

    def pos(self, offset: int) -> Pos:
        """Line, column (in grapheme clusters) and UTF-8 byte of a character offset."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        start = starts[line - 1]
        if self._ascii:
            return Pos(line, offset - start + 1, offset)
        before = self.text[start:offset]
        column = len(before) if before.isascii() else len(_GRAPHEME.findall(before))
        length = len(before.encode("utf-8", "surrogatepass"))
        return Pos(line, column + 1, self._line_bytes()[line - 1] + length)

    def range(self, start: int, end: int) -> Range:
        """The range between two character offsets."""
        return Range(self.filename, self.pos(start), self.pos(end))

    def line(self, number: int) -> str:
        """The text of a 1-based line without its line break."""
        starts = self._line_starts()
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r")
