from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from perimeter.hcl.nodes import (
    Expr,
    Interpolation,
    Literal,
    Template,
    TemplateFor,
    TemplateIf,
)
from perimeter.hcl.problems import Problem
from perimeter.hcl.source import SourceFile

# Unicode's White_Space property: what strip markers and flush heredocs take for space.
_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_ESCAPE = re.compile(
    r"\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|u[0-9a-fA-F]*|U[0-9a-fA-F]*|.)|\$\$\{|%%\{", re.DOTALL
)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_MAX_CODE_POINT = 0x10FFFF

Report = Callable[[Problem], None]
"""Receives what is wrong with a template; the template is still assembled."""


@dataclass(slots=True, eq=False)
class Text:
    """A stretch of a template's own text, escapes already replaced."""

    start: int
    end: int
    value: str


@dataclass(slots=True, eq=False)
class Directive:
    """One ``%{ … }`` sequence: ``if``, ``else``, ``endif``, ``for`` or ``endfor``.

    Attributes:
        operand: the condition of an ``if`` or the collection of a ``for``.
    """

    start: int
    end: int
    keyword: str
    operand: Expr | None = None
    key_var: str | None = None
    value_var: str = ""


Part = Text | Interpolation | Directive

KEYWORDS = ("if", "else", "endif", "for", "endfor")
"""The words a directive may start with."""


def strip_left(text: str) -> str:
    """Remove the white space a ``~}`` removes from the text after it."""
    return text.lstrip(_SPACE)


def strip_right(text: str) -> str:
    """Remove the white space a ``${~`` removes from the text before it."""
    return text.rstrip(_SPACE)


def normalise(text: str) -> str:
    """Return the text in Unicode's normal form C, in which the language's strings are."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def decode(raw: str, at: int, *, quoted: bool, report: Report) -> str:
    """Replace the escapes of a stretch of template text that starts at offset ``at``.

    In a quoted template these are backslash escapes; ``$${`` and ``%%{`` are everywhere.
    """
    if not quoted:
        return raw[1:] if raw in ("$${", "%%{") else raw
    if "\\" not in raw and "{" not in raw:
        return raw

    def replace(match: re.Match[str]) -> str:
        escape = match.group()
        if escape[0] != "\\":
            return escape[1:]
        selector, digits = escape[1], escape[2:]
        if selector in _SIMPLE:
            return _SIMPLE[selector]
        if selector not in "uU":
            detail = (
                rf'"\{selector}" is not an escape. There are \n, \r, \t, \", \\, \uNNNN and'
                r" \UNNNNNNNN; for a backslash itself write two."
            )
        elif len(digits) != (4 if selector == "u" else 8):
            count = "four" if selector == "u" else "eight"
            detail = rf"\{selector} must be followed by {count} hexadecimal digits."
        else:
            code = int(digits, 16)
            if code <= _MAX_CODE_POINT and not 0xD800 <= code <= 0xDFFF:
                return chr(code)
            detail = f"U+{code:04X} is not a character that a text can hold."
        start, end = at + match.start(), at + match.end()
        report(Problem(start, end, "Invalid escape sequence", detail))
        return escape[1:]

    return _ESCAPE.sub(replace, raw)


def assemble(src: SourceFile, parts: list[Part], *, flush: bool, report: Report) -> list[Expr]:
    """Turn a template's flat parts into expressions.

    Directives are nested, neighbouring texts joined and normalised, and with ``flush`` the
    indentation common to all lines is removed, as ``<<-`` asks for.
    """
    if flush:
        _flush(parts)
    return _Nesting(src, report).nest(_join(parts))


def _flush(parts: list[Part]) -> None:
    """Remove the smallest indentation of any line from every line.

    Only the texts that start a line count; a sequence at a line's start is no indentation, and
    lines of white space alone are ignored and kept.
    """
    firsts: list[Text] = []
    smallest: int | None = None
    line_start = True
    for part in parts:
        if not isinstance(part, Text):
            smallest = 0 if line_start else smallest
            line_start = False
            continue
        ends_line = part.value.endswith("\n")
        rest = strip_left(part.value)
        if line_start and (rest or not ends_line):
            indent = len(part.value) - len(rest)
            smallest = indent if smallest is None else min(smallest, indent)
            firsts.append(part)
        line_start = ends_line
    for text in firsts:
        text.value = text.value[smallest or 0 :]
        text.start += smallest or 0


def _join(parts: list[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(last, Text):
            joined[-1] = Text(last.start, part.end, last.value + part.value)
        else:
            joined.append(part)
    return joined


@dataclass(slots=True, eq=False)
class _Open:
    """A directive that waits for its end, and what came since."""

    directive: Directive
    body: list[Expr] = field(default_factory=list)
    otherwise: list[Expr] | None = None
    divider: Directive | None = None


class _Nesting:
    """Puts what stands between two directives inside them."""

    __slots__ = ("report", "root", "src", "stack")

    def __init__(self, src: SourceFile, report: Report) -> None:
        self.src = src
        self.report = report
        self.stack: list[_Open] = []
        self.root: list[Expr] = []

    def nest(self, parts: list[Part]) -> list[Expr]:
        for part in parts:
            if isinstance(part, Text):
                value = normalise(part.value)
                self.add(Literal(self.src, part.start, part.end, value))
            elif isinstance(part, Interpolation):
                self.add(part)
            elif part.keyword in ("if", "for"):
                self.stack.append(_Open(part))
            else:
                self.close(part)
        for waiting in self.stack:
            opened = waiting.directive
            self.report(
                Problem(
                    opened.start,
                    opened.end,
                    "Unexpected end of template",
                    f'This "{opened.keyword}" directive has no "end{opened.keyword}" directive'
                    " before the end of the template.",
                )
            )
        return self.root

    def add(self, expr: Expr) -> None:
        if not self.stack:
            self.root.append(expr)
            return
        top = self.stack[-1]
        (top.body if top.otherwise is None else top.otherwise).append(expr)

    def close(self, directive: Directive) -> None:
        keyword = directive.keyword
        top = self.stack[-1] if self.stack else None
        if top is None:
            self.unexpected(directive, "No directive is open here.")
        elif keyword == "else" and top.directive.keyword == "if" and top.otherwise is None:
            top.otherwise = []
            top.divider = directive
        elif keyword == "else" and top.directive.keyword == "if":
            self.unexpected(directive, 'The "if" directive has an "else" already.')
        elif keyword == "else":
            self.unexpected(directive, 'A "for" directive has no "else".')
        elif keyword == "end" + top.directive.keyword:
            self.stack.pop()
            self.add(self.finish(top, directive))
        else:
            opened = top.directive.keyword
            detail = f'The open "{opened}" directive ends with "end{opened}".'
            self.unexpected(directive, detail)

    def unexpected(self, directive: Directive, detail: str) -> None:
        summary = f"Unexpected {directive.keyword} directive"
        self.report(Problem(directive.start, directive.end, summary, detail))

    def finish(self, opened: _Open, end: Directive) -> Expr:
        first = opened.directive
        assert first.operand is not None
        divider = opened.divider
        body = Template(self.src, first.end, (divider or end).start, opened.body)
        otherwise = None
        if divider is not None and opened.otherwise is not None:
            otherwise = Template(self.src, divider.end, end.start, opened.otherwise)
        if first.keyword == "if":
            return TemplateIf(self.src, first.start, end.end, first.operand, body, otherwise)
        return TemplateFor(
            self.src, first.start, end.end, first.key_var, first.value_var, first.operand, body
        )
