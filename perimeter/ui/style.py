"""How text looks: colour or none, and how wide."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a text may use.

    Attributes:
        color: whether escape sequences are understood.
        width: columns; prose is wrapped to it, configuration and values are not.
    """

    color: bool = False
    width: int = 100

    def paint(self, text: str, *looks: str) -> str:
        """The text in bold, dim or a colour; unchanged without colour."""
        if not self.color or not text or not looks:
            return text
        codes = ";".join(_CODES[look] for look in looks)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def bold(self, text: str) -> str:
        """The text in bold."""
        return self.paint(text, "bold")

    def dim(self, text: str) -> str:
        """The text less prominent."""
        return self.paint(text, "dim")

    def wrap(self, text: str, width: int | None = None) -> list[str]:
        """Break prose into lines; indented lines are kept as they are."""
        room = max(20, width or self.width)
        lines: list[str] = []
        for line in text.splitlines():
            if not line.strip():
                lines.append("")
            elif line.startswith((" ", "\t")):
                lines.append(line.rstrip())
            else:
                lines.extend(
                    textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False)
                )
        return lines


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """The text with what could steer a terminal, or reorder what is shown, written as an escape.

    Names and messages come from tenants, where anybody may have written them.
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


PLAIN = Style()
"""No colour, 100 columns."""


def counted(count: int, one: str, many: str = "") -> str:
    """``1 change``, ``3 changes``, ``1,204 changes``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
