"""The terminal, or whatever stands in its place: streams, colour, questions."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from perimeter.ui.style import Style

WIDTH = 100
"""Columns where there is no terminal to ask."""

_WIDEST = 120
_TRUE = frozenset({"1", "true", "t", "yes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Streams and what they can show.

    Attributes:
        color: whether to colour; None decides by the stream and the environment.
    """

    out: TextIO
    err: TextIO
    input: TextIO
    environment: Mapping[str, str] = field(repr=False)
    color: bool | None = None

    @classmethod
    def of_process(cls, *, color: bool | None = None) -> Terminal:
        """The process's own."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        return cls(
            out=sys.stdout, err=sys.stderr, input=sys.stdin, environment=os.environ, color=color
        )

    def style(self, stream: TextIO | None = None) -> Style:
        """How text on a stream (stdout by default) looks."""
        from perimeter.ui.style import Style

        found = stream or self.out
        return Style(color=self._colored(found), width=self._width(found))

    def _colored(self, stream: TextIO) -> bool:
        if self.color is not None:
            return self.color
        if self.environment.get("NO_COLOR") or self.environment.get("TERM") == "dumb":
            return False
        return stream.isatty()

    def _width(self, stream: TextIO) -> int:
        if not stream.isatty():
            return WIDTH
        return max(40, min(_WIDEST, shutil.get_terminal_size((WIDTH, 24)).columns))

    @property
    def automation(self) -> bool:
        """Whether hints at what to type next are of no use."""
        return bool(self.environment.get("PERIMETER_IN_AUTOMATION"))

    @property
    def may_ask(self) -> bool:
        """Whether the environment allows questions."""
        return self.environment.get("PERIMETER_INPUT", "true").lower() in _TRUE

    def print(self, text: str) -> None:
        """Write to stdout."""
        self.out.write(text)
        self.out.flush()

    def show(self, text: str) -> None:
        """Write to stdout what people read: secrets, and what was found to be sensitive, are redacted."""
        from perimeter.sdk.redact import SECRETS

        self.print(SECRETS.redact(text))

    def warn(self, text: str) -> None:
        """Write to stderr."""
        self.err.write(text)
        self.err.flush()

    def ask(self, prompt: str) -> str | None:
        """Ask for a line; None when there is nobody to answer."""
        self.print(prompt)
        line = self.input.readline()
        if not line.endswith("\n"):
            self.print("\n")
        return line.strip() if line else None
