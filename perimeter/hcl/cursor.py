from __future__ import annotations

import re
from typing import NoReturn

from perimeter.hcl.lexer import lex, lex_template
from perimeter.hcl.problems import Problem
from perimeter.hcl.source import SourceFile
from perimeter.hcl.tokens import IDENT, NEWLINE, Tokens

_HALF = re.compile("[\ud800-\udfff]")

MAX_NESTING = 100
"""How deep brackets, conditionals and blocks may be nested: each level costs Python frames."""

MAX_HEIGHT = 300
"""How high an expression's tree may grow, so that whoever walks it recursively can."""


class SyntaxProblemError(Exception):
    """Carries a problem to the body item in which parsing goes on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.summary)
        self.problem = problem


class Cursor:
    """A place in a file's tokens, and the problems found on the way."""

    __slots__ = ("depth", "ends", "i", "kinds", "problems", "src", "starts", "text", "tokens")

    def __init__(self, text: str, filename: str, *, template: bool = False) -> None:
        self.src = SourceFile(filename, text)
        self.text = self.src.text
        self.problems: list[Problem] = []
        self.depth = 0
        self.use(*(lex_template if template else lex)(self.text))
        nul = self.text.find("\0")
        if nul >= 0 and all(problem.start != nul for problem in self.problems):
            detail = "The file holds a NUL character. Save it as plain text in UTF-8."
            self.problems.append(Problem(nul, nul + 1, "Invalid character", detail))
        half = None if self.text.isascii() else _HALF.search(self.text)
        if half is not None and all(problem.start != half.start() for problem in self.problems):
            detail = (
                "There is half a character here, which UTF-8 cannot hold. Save the text as UTF-8."
            )
            self.problems.append(Problem(half.start(), half.end(), "Invalid character", detail))

    def use(self, tokens: Tokens, problems: list[Problem]) -> None:
        """Go on with other tokens."""
        self.tokens = tokens
        self.kinds, self.starts, self.ends = tokens.kinds, tokens.starts, tokens.ends
        self.i = 0
        self.problems += problems

    def fail(
        self, summary: str, detail: str, opener: int | None = None, at: int | None = None
    ) -> NoReturn:
        """Abandon the item because of the token at ``at`` (the next one)."""
        i = self.i if at is None else at
        raise SyntaxProblemError(Problem(self.starts[i], self.ends[i], summary, detail, opener))

    def report(self, start: int, end: int, summary: str, detail: str) -> None:
        """Note a problem that parsing need not stop for."""
        self.problems.append(Problem(start, end, summary, detail))

    def problem_of(self, stopped: Exception) -> Problem:
        """Return what stopped parsing."""
        if isinstance(stopped, SyntaxProblemError):
            return stopped.problem
        return self.too_deep(self.starts[self.i], self.ends[self.i]).problem

    def too_deep(self, start: int, end: int) -> SyntaxProblemError:
        """Make the problem of an expression no walker could follow."""
        detail = (
            f"Expressions and blocks may be nested {MAX_NESTING} levels deep, and operators,"
            f" indexes and directives chained {MAX_HEIGHT} times. Name the inner parts in a"
            " locals block and refer to them."
        )
        return SyntaxProblemError(Problem(start, end, "Expression nested too deeply", detail))

    def deeper(self) -> None:
        """Enter one more level."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.too_deep(self.starts[self.i], self.ends[self.i])

    def at_word(self, word: str) -> bool:
        """Whether the next token is this name."""
        i = self.i
        return self.kinds[i] == IDENT and self.text[self.starts[i] : self.ends[i]] == word

    def skip_newlines(self) -> None:
        """Go to the next token that is no line break."""
        while self.kinds[self.i] == NEWLINE:
            self.i += 1
