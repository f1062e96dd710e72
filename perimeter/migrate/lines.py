"""Text under construction, in which comments keep to lines of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from perimeter.hcl.lexer import is_identifier
from perimeter.hcl.writer import quote

_LINES = 2
"""Line breaks in a row: one blank line."""
_BLANK_END = re.compile(r"\n[ \t\n]*\Z")
_BLANK_START = re.compile(r"[ \t]*\n[ \t\n]*\n|[ \t]*\n")


def commented(text: str) -> str:
    """Every line of a text as a comment."""
    return "\n".join(f"# {line}".rstrip() for line in text.rstrip().split("\n"))


def sentence(text: str) -> str:
    """A reason as comments and reports show it."""
    return " ".join(text.split())


def outdented(text: str, file: str, start: int) -> str:
    """A stretch of a file that starts at ``start`` without the indentation of its first line."""
    margin = start - (file.rfind("\n", 0, start) + 1)
    first, *rest = text.split("\n")
    return "\n".join([first, *(line[min(margin, _indent(line)) :] for line in rest)])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


@dataclass(slots=True)
class Lines:
    """The inside of a block: what stands between two arguments is kept, with its comments."""

    parts: list[str] = field(default_factory=list)
    must_break: bool = False
    """Whether nothing more may stand on the line under way."""

    @property
    def at_line_start(self) -> bool:
        """Whether nothing stands on the line under way."""
        return not self.must_break and self._tail.rpartition("\n")[2].strip() == ""

    def gap(self, text: str) -> None:
        """What stood between two items: white space and comments."""
        if self.must_break and not text.lstrip(" \t").startswith("\n"):
            self.parts.append("\n")
        self.must_break = False
        before = _BLANK_END.search(self._tail)
        after = _BLANK_START.match(text)
        if before and after and before[0].count("\n") + after[0].count("\n") > _LINES:
            text = text[after.end() :]
            self.parts.append("\n" * (_LINES - before[0].count("\n")))
        self.parts.append(text)

    def code(self, text: str) -> None:
        """An argument or a block, as it followed the gap."""
        if self.must_break:
            self.parts.append("\n")
        self.must_break = False
        self.parts.append(text)

    def line(self, text: str) -> None:
        """An argument or a block on lines of its own."""
        self._break()
        self.parts.append(text)
        self.must_break = True

    def comment(self, text: str) -> None:
        """A text as comment lines."""
        self.comment_lines(commented(text))

    def comment_lines(self, text: str) -> None:
        """Lines that are comments already."""
        self._break()
        self.parts.append(text)
        self.must_break = True

    def _break(self) -> None:
        """End the line under way, if anything stands on it."""
        line = self._tail.rpartition("\n")[2]
        if not self.parts or line.strip() or self.must_break:
            self.parts.append("\n")
        self.must_break = False

    @property
    def _tail(self) -> str:
        """The end of what there is, from the last line that holds something."""
        tail = ""
        for part in reversed(self.parts):
            tail = part + tail
            if "\n" in tail and tail.strip():
                break
        return tail

    @property
    def text(self) -> str:
        """Everything so far."""
        return "".join(self.parts)


def block_text(type_: str, labels: tuple[str, ...], inside: str) -> str:
    """A block; what is inside keeps to one line if it stood on one."""
    header = " ".join([type_ if is_identifier(type_) else quote(type_), *map(quote, labels)])
    if not inside.strip():
        return f"{header} {{}}"
    if "\n" in inside:
        first = inside.partition("\n")[0].strip()
        if first and not first.startswith(("#", "//")):
            inside = f"\n{inside}"
        if inside.rpartition("\n")[2].strip():
            inside += "\n"
    return f"{header} {{{inside}}}"
