"""What was read of a foreign file: blocks, arguments and expressions as stretches of its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

NOT_LITERAL = object()
"""What ``Expr.literal`` is for an expression that has to be evaluated."""

_ROOTS = re.compile(r"(?<![\w.-])[A-Za-z_][\w-]*(?:(?:\[[^\]]*\])?\.[A-Za-z_][\w-]*)+")
_STEP = re.compile(r"[A-Za-z_][\w-]*")
_INDEX = re.compile(r"\[[^\]]*\]")
_INSIDE = re.compile(r"[$%]\{[^}]*\}")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Word:
    """A token: its kind in python-hcl2's grammar, its text and its place in the file (characters)."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A traversal by its named steps: ``okta_group.staff[0].id`` is okta_group, staff, id."""

    steps: tuple[Word, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The steps' names."""
        return tuple(step.text for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr:
    """An expression.

    Attributes:
        file: the whole text that it is a stretch of.
        words: its tokens, without comments.
    """

    file: str = field(repr=False)
    start: int
    end: int
    words: tuple[Word, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """As written."""
        return self.file[self.start : self.end]

    @property
    def literal(self) -> Any:
        """Its value if it is a literal null, bool, number or text; else ``NOT_LITERAL``."""
        match [word.kind for word in self.words]:
            case ["DBLQUOTE", "DBLQUOTE"]:
                return ""
            case ["DBLQUOTE", "STRING_CHARS", "DBLQUOTE"]:
                return _ESCAPE.sub(_unescaped, self.words[1].text)
            case ["INT_LITERAL"]:
                return int(self.text)
            case ["TRUE"]:
                return True
            case ["FALSE"]:
                return False
            case ["NULL"]:
                return None
        return NOT_LITERAL

    @property
    def literal_texts(self) -> Iterator[str]:
        """The literal parts of its texts."""
        for word in self.words:
            if word.kind in ("STRING_CHARS", "TEMPLATE_STRING") or word.kind.startswith("HEREDOC"):
                yield word.text

    @property
    def references(self) -> Iterator[Reference]:
        """Its traversals of two steps or more, those inside templates among them."""
        words = self.words
        at = 0
        while at < len(words):
            word = words[at]
            if word.kind.startswith("HEREDOC"):
                yield from _in_heredoc(word)
            if word.kind != "NAME" or (at and words[at - 1].kind in ("DOT", "ATTR_SPLAT")):
                at += 1
                continue
            steps = [word]
            behind = at + 1
            while behind < len(words):
                kind = words[behind].kind
                if kind in ("DOT", "ATTR_SPLAT") and behind + 1 < len(words):
                    following = words[behind + 1]
                    if following.kind != "INT_LITERAL":
                        steps.append(following)
                    behind += 2
                elif kind == "FULL_SPLAT_START":
                    behind += 1
                elif kind == "LSQB":
                    behind = _closing(words, behind) + 1
                else:
                    break
            if len(steps) > 1:
                yield Reference(tuple(steps))
            at += 1

    def rewritten(self, edits: list[tuple[int, int, str]]) -> str:
        """Its text with stretches (places in the file) replaced."""
        return rewritten(self.file, self.start, self.end, edits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """``name = expression``; ends where the expression does."""

    name: str
    expr: Expr
    start: int

    @property
    def end(self) -> int:
        """Where it ends in the file."""
        return self.expr.end

    @property
    def text(self) -> str:
        """As written."""
        return self.expr.file[self.start : self.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What stands between two braces, or the whole file."""

    file: str = field(repr=False)
    start: int
    end: int
    items: tuple[Argument | Block, ...]

    @property
    def arguments(self) -> dict[str, Argument]:
        """By name."""
        return {item.name: item for item in self.items if isinstance(item, Argument)}

    @property
    def blocks(self) -> list[Block]:
        """In their order."""
        return [item for item in self.items if isinstance(item, Block)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block."""

    type: str
    labels: tuple[str, ...]
    body: Body
    start: int
    end: int
    line: int

    @property
    def text(self) -> str:
        """As written."""
        return self.body.file[self.start : self.end]

    @property
    def header(self) -> str:
        """Type and labels: ``resource "okta_group" "staff"``."""
        return " ".join([self.type, *(f'"{label}"' for label in self.labels)])


def rewritten(text: str, start: int, end: int, edits: list[tuple[int, int, str]]) -> str:
    """A stretch of a text with smaller stretches of it replaced."""
    parts = []
    at = start
    for begin, stop, new in sorted(edits):
        parts += [text[at:begin], new]
        at = stop
    return "".join([*parts, text[at:end]])


def every_argument(body: Body) -> Iterator[Argument]:
    """The arguments of a body and of the blocks in it."""
    for item in body.items:
        if isinstance(item, Argument):
            yield item
        else:
            yield from every_argument(item.body)


def _closing(words: tuple[Word, ...], at: int) -> int:
    depth = 0
    for place in range(at, len(words)):
        depth += {"LSQB": 1, "RSQB": -1}.get(words[place].kind, 0)
        if not depth:
            return place
    return len(words) - 1


def _in_heredoc(word: Word) -> Iterator[Reference]:
    """python-hcl2 keeps a heredoc whole; the templates in it are looked for by pattern."""
    for inside in _INSIDE.finditer(word.text):
        for found in _ROOTS.finditer(word.text, *inside.span()):
            covered = [match.span() for match in _INDEX.finditer(found[0])]
            yield Reference(
                tuple(
                    Word(
                        "NAME",
                        step[0],
                        word.start + found.start() + step.start(),
                        word.start + found.start() + step.end(),
                    )
                    for step in _STEP.finditer(found[0])
                    if not any(a <= step.start() < b for a, b in covered)
                )
            )


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _ESCAPES.get(match[3], match[3])
