from __future__ import annotations

import re
from typing import NoReturn

from perimeter.diagnostics import Diagnostic
from perimeter.hcl.cursor import SyntaxProblemError
from perimeter.hcl.expressions import Expressions
from perimeter.hcl.lexer import lex
from perimeter.hcl.nodes import Attribute, Block, Body, Expr, Literal, Template
from perimeter.hcl.problems import Problem, to_diagnostics
from perimeter.hcl.tokens import (
    CLOSE_QUOTE,
    CLOSE_SEQUENCE,
    END,
    IDENT,
    NEWLINE,
    OPEN_DIRECTIVE,
    OPEN_INTERPOLATION,
    OPEN_QUOTE,
    STRING,
)

MAX_RESTARTS = 10
"""How often one file is scanned again after an unclosed bracket."""

_OPENERS = frozenset({"(", "[", "{", OPEN_INTERPOLATION, OPEN_DIRECTIVE})
_BLOCK_STARTS = frozenset({IDENT, STRING, OPEN_QUOTE, "{"})
# A line that opens a block of the file's own: where parsing goes on after an unclosed bracket.
_TOP_BLOCK = re.compile(
    r'^[A-Za-z_][\w-]*(?:[ \t]+(?:"[^"\n]*"|[A-Za-z_][\w-]*))*[ \t]*\{[ \t]*\r?$', re.MULTILINE
)


class Parser(Expressions):
    """Recursive descent over one file's tokens; an instance parses once.

    A problem inside a body item abandons the item and parsing goes on with the next one.
    """

    __slots__ = ("restarts", "resumed", "unwinding")

    def __init__(self, text: str, filename: str, *, template: bool = False) -> None:
        super().__init__(text, filename, template=template)
        self.restarts = 0
        self.resumed = -1
        self.unwinding = False

    # -- entry points

    def file(self) -> tuple[Body, list[Diagnostic]]:
        """Parse a whole file."""
        body = self.body(END, 0)
        return body, to_diagnostics(self.problems, self.src, body.blocks)

    def expression(self) -> tuple[Expr | None, list[Diagnostic]]:
        """Parse a text that is one expression."""
        expr: Expr | None = None
        while self.kinds[-2:-1] == [NEWLINE]:
            for array in (self.kinds, self.starts, self.ends):
                del array[-2]
        try:
            self.skip_newlines()
            expr = self.checked_expr()
            stop = self.i
            self.skip_newlines()
            if self.kinds[self.i] != END and self.i == stop:
                self.fail(
                    "Extra characters after expression",
                    "The expression is complete before this.",
                )
            elif self.kinds[self.i] != END:
                self.fail(
                    "Argument or block definition required",
                    "The expression ended with its line. Put an expression that goes on for several"
                    " lines in parentheses.",
                )
        except (SyntaxProblemError, RecursionError) as stopped:
            self.problems.append(self.problem_of(stopped))
        return expr, to_diagnostics(self.problems, self.src, [])

    def template(self) -> tuple[Template, list[Diagnostic]]:
        """Parse a text that is a template."""
        parts: list[Expr] = []
        try:
            parts = self.parts(END, flush=False, opener=0)
            result = Template(self.src, 0, len(self.text), parts)
            self.check_height(result)
        except (SyntaxProblemError, RecursionError) as stopped:
            self.problems.append(self.problem_of(stopped))
            result = Template(self.src, 0, len(self.text), [])
        return result, to_diagnostics(self.problems, self.src, [])

    def recover(self, first: int, top: bool) -> None:
        """Skip the rest of the item that starts at token ``first``.

        That is to the end of the line on which all its brackets are closed, or to what closes the
        body around it. Where a bracket is never closed, it is to the next block of the file itself.
        """
        kinds, i, n = self.kinds, first, self.i
        open_brackets: list[str] = []
        while (kind := kinds[i]) != END:
            if kind in _OPENERS:
                open_brackets.append(kind)
            elif kind == "}" or kind == CLOSE_SEQUENCE:
                while open_brackets and open_brackets[-1] in "([":
                    open_brackets.pop()
                if open_brackets:
                    open_brackets.pop()
                elif i >= n and not top and kind == "}":
                    break
            elif kind in ")]" and open_brackets and open_brackets[-1] in "([":
                open_brackets.pop()
            elif kind == NEWLINE and i >= n and not open_brackets:
                i += 1
                break
            i += 1
        self.i = i
        if kind == END and open_brackets:
            self.resynchronise(self.ends[n])

    def resynchronise(self, at: int) -> None:
        """Go on at the next line after ``at`` that opens a block of the file itself."""
        found = _TOP_BLOCK.search(self.text, self.text.find("\n", at) + 1 or len(self.text))
        self.unwinding = True
        self.restarts += 1
        if found is None or self.restarts > MAX_RESTARTS:
            return
        start = found.start()
        self.problems = [problem for problem in self.problems if problem.start < start]
        self.use(*lex(self.text, start))

    # -- bodies

    def body(self, end: str, start: int) -> Body:
        """Parse items up to a closing token, which is left."""
        attributes: dict[str, Attribute] = {}
        blocks: list[Block] = []
        broken: set[str] = set()
        depth = self.depth
        top = end == END
        while True:
            first = self.i
            kind = self.kinds[first]
            if kind in (end, END):
                break
            if kind == NEWLINE:
                self.i = first + 1
                continue
            try:
                self.item(attributes, blocks)
            except (SyntaxProblemError, RecursionError) as stopped:
                self.depth = depth
                if kind == IDENT and self.kinds[first + 1] == "=":
                    broken.add(self.text[self.starts[first] : self.ends[first]])
                # A line that can start no item, right after a bad one, only continues that one.
                if first != self.resumed or self.i != first or kind == IDENT:
                    self.problems.append(self.problem_of(stopped))
                self.recover(first, top)
                self.resumed = self.i
            if self.unwinding:
                if not top:
                    break
                self.unwinding = False
        at = len(self.text) if top else self.starts[self.i]
        return Body(self.src, start, max(start, at), attributes, blocks, broken)

    def item(self, attributes: dict[str, Attribute], blocks: list[Block]) -> None:
        """Parse one attribute or block with its line break."""
        i = self.i
        if self.kinds[i] != IDENT:
            if self.kinds[i] in (STRING, OPEN_QUOTE):
                self.fail("Invalid argument name", "Argument names are written without quotes.")
            self.fail(
                "Argument or block definition required",
                "An argument or block starts with its name.",
            )
        following = self.kinds[i + 1]
        start, name_end = self.starts[i], self.ends[i]
        if following == "=":
            self.i = i + 2
            expr = self.checked_expr()
            name = self.text[start:name_end]
            attribute = Attribute(self.src, start, expr.end, name, name_end, expr)
            if name in attributes:
                line = attributes[name].name_range.start.line
                self.report(
                    start,
                    name_end,
                    "Attribute redefined",
                    f'The argument "{name}" was set on line {line} already. Each argument may be'
                    " set only once.",
                )
            else:
                attributes[name] = attribute
            what = "argument"
        elif following in _BLOCK_STARTS:
            self.block(blocks)
            if self.unwinding:
                return
            what = "block definition"
        else:
            self.fail(
                "Argument or block definition required",
                "After the name comes an equals sign and a value for an argument, or labels and an"
                " opening brace for a block.",
                at=i,
            )
        kind = self.kinds[self.i]
        if kind == NEWLINE:
            self.i += 1
        elif kind == "," and what == "argument":
            self.fail(
                "Unexpected comma after argument",
                "Arguments are separated by line breaks, not commas.",
                start,
            )
        elif kind != END:
            article = "An argument" if what == "argument" else "A block"
            self.fail(f"Missing newline after {what}", f"{article} ends with its line.", start)

    def block(self, blocks: list[Block]) -> None:
        """Parse a block up to its closing brace and add it."""
        first = self.i
        start = self.starts[first]
        header_end = self.ends[first]
        labels: list[str] = []
        spans: list[tuple[int, int]] = []
        self.i = first + 1
        while (kind := self.kinds[self.i]) != "{":
            if kind not in _BLOCK_STARTS:
                self.bad_header(kind, start)
            span, label = self.label(kind)
            labels.append(label)
            spans.append(span)
            header_end = span[1]
        brace = self.i
        self.i = brace + 1
        self.deeper()
        body = Body(self.src, self.ends[brace], self.ends[brace], {}, [])
        name = self.text[start : self.ends[first]]
        block = Block(self.src, start, self.ends[brace], name, labels, body, header_end, spans)
        blocks.append(block)
        kind = self.kinds[self.i]
        if kind in (NEWLINE, "}", END):
            block.body = self.body("}", self.ends[brace])
        else:
            self.single_argument(body)
        self.depth -= 1
        if self.unwinding:
            block.end = block.body.end
        elif self.kinds[self.i] == "}":
            block.end = self.ends[self.i]
            self.i += 1
        else:
            block.end = len(self.text)
            self.problems.append(
                Problem(
                    self.starts[brace],
                    self.ends[brace],
                    "Unclosed configuration block",
                    "There is no closing brace for this block before the end of the file. A brace"
                    " may be missing or doubled elsewhere in the file.",
                    start,
                )
            )

    def bad_header(self, kind: str, start: int) -> NoReturn:
        """Refuse what stands in a block's header."""
        detail = "After a block's name come its labels and an opening brace."
        if kind == "=":
            detail = 'A block has no equals sign. An argument has no label before its "=".'
        elif kind == NEWLINE:
            detail = "A block's opening brace stands on the same line as its header."
        self.fail("Invalid block definition", detail, start)

    def label(self, kind: str) -> tuple[tuple[int, int], str]:
        """Parse one label into its span and text."""
        i = self.i
        start, end = self.starts[i], self.ends[i]
        self.i = i + 1
        if kind == IDENT:
            return (start, end), self.text[start:end]
        if kind == STRING:
            return (start, end), self.string(start, end)
        parts = self.parts(CLOSE_QUOTE, flush=False, opener=start)
        end = self.ends[self.i - 1]
        found = next((part for part in parts if not isinstance(part, Literal)), None)
        if found is not None:
            self.report(
                found.start,
                found.end,
                "Invalid string literal",
                "A label is fixed text. To write a dollar or percent sign before a brace, double"
                " it.",
            )
        return (start, end), self.text[start + 1 : max(start + 1, end - 1)]

    def single_argument(self, body: Body) -> None:
        """Parse the inside of a block that is written on one line, up to its brace."""
        i = self.i
        if self.kinds[i] != IDENT or self.kinds[i + 1] != "=":
            nested = self.kinds[i] == IDENT and self.kinds[i + 1] in _BLOCK_STARTS
            if nested:
                self.fail(
                    "Argument definition required",
                    "A block on a single line holds one argument. Write a nested block on lines of"
                    " its own.",
                )
            self.fail(
                "Argument or block definition required",
                'A block on a single line holds one argument: a name, "=" and a value.',
            )
        self.i = i + 2
        expr = self.checked_expr()
        start, end = self.starts[i], self.ends[i]
        name = self.text[start:end]
        body.attributes[name] = Attribute(self.src, start, expr.end, name, end, expr)
        kind = self.kinds[self.i]
        body.end = self.starts[self.i]
        if kind not in ("}", END):
            self.fail(
                "Invalid single-argument block definition",
                "A block on a single line holds one argument and ends on that line. Write several"
                " arguments on a line each, between the braces.",
            )
