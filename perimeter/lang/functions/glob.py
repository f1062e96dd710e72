"""File name patterns: ``*``, ``?``, ``[a-z]``, ``{a,b}``, and ``**`` for any directories."""

from __future__ import annotations

import re
from collections.abc import Callable


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what decides whether a path with ``/`` matches a pattern as a whole.

    Raises:
        ValueError: the pattern is malformed.
    """
    source, at = _translate(pattern, 0, nested=False)
    assert at == len(pattern)
    try:
        compiled = re.compile(source, re.DOTALL)
    except re.error:
        raise ValueError(pattern) from None
    return lambda path: compiled.fullmatch(path) is not None


def _translate(pattern: str, at: int, *, nested: bool) -> tuple[str, int]:
    out: list[str] = []
    while at < len(pattern):
        char = pattern[at]
        if nested and char in ",}":
            return "".join(out), at
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            out.append("(?:[^/]+/)*")
            at += 3
        elif pattern.startswith("**", at) and (at == 0 or pattern[at - 1] == "/"):
            out.append(".*")
            at += 2
        elif char == "*":
            out.append("[^/]*")
            while pattern[at : at + 1] == "*":  # more of them match no more, but take their time
                at += 1
        elif char == "?":
            out.append("[^/]")
            at += 1
        elif char == "[":
            part, at = _class(pattern, at + 1)
            out.append(part)
        elif char == "{":
            part, at = _alternatives(pattern, at + 1)
            out.append(part)
        elif char == "\\":
            if at + 1 >= len(pattern):
                raise ValueError(pattern)
            out.append(re.escape(pattern[at + 1]))
            at += 2
        else:
            out.append(re.escape(char))
            at += 1
    if nested:
        raise ValueError(pattern)
    return "".join(out), at


def _alternatives(pattern: str, at: int) -> tuple[str, int]:
    choices = []
    while True:
        choice, at = _translate(pattern, at, nested=True)
        choices.append(choice)
        if pattern[at] == "}":
            return f"(?:{'|'.join(choices)})", at + 1
        at += 1


def _class(pattern: str, at: int) -> tuple[str, int]:
    negated = pattern[at : at + 1] == "^"
    at += negated
    out: list[str] = []
    while True:
        if at >= len(pattern):
            raise ValueError(pattern)
        char = pattern[at]
        ranged = False
        if char == "-" and out and pattern[at + 1 : at + 2] not in ("]", ""):
            ranged = True
            at += 1
            char = pattern[at]
        if char == "]" and out:
            return f"[{'^/' if negated else ''}{''.join(out)}]", at + 1
        if char == "\\":
            at += 1
            if at >= len(pattern):
                raise ValueError(pattern)
            char = pattern[at]
        out.append(f"{'-' if ranged else ''}{_literal(char)}")
        at += 1


def _literal(char: str) -> str:
    """A character inside a class; ``re`` warns of several that may come to mean something."""
    return f"\\x{ord(char):02x}" if ord(char) < 0x80 else char
