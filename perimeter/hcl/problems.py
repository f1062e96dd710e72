from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perimeter.diagnostics import Diagnostic, error
from perimeter.hcl.nodes import Block
from perimeter.hcl.source import SourceFile

MAX_PROBLEMS = 100
"""How many problems of one file are shown: what follows is rarely more than an echo."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A syntax error in character offsets; lines and columns are computed only when it is shown.

    Attributes:
        start: where what is wrong starts.
        end: where it ends, exclusive.
        summary: HashiCorp's wording where there is one.
        detail: what is wrong and what to do.
        opener: where the construct starts that the problem is in, for a wider snippet.
    """

    start: int
    end: int
    summary: str
    detail: str
    opener: int | None = None


def to_diagnostics(
    problems: Iterable[Problem], src: SourceFile, blocks: list[Block]
) -> list[Diagnostic]:
    """Return the problems as diagnostics in source order, each naming its outermost block."""
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem.start)
    shown = [_to_diagnostic(problem, src, blocks) for problem in ordered[:MAX_PROBLEMS]]
    if len(ordered) > MAX_PROBLEMS:
        shown.append(
            error(
                "Too many syntax errors",
                f"The file has {len(ordered) - MAX_PROBLEMS} more syntax errors, which are not"
                " shown. Correct the first ones and try again.",
                shown[-1].subject,
            )
        )
    return shown


def _to_diagnostic(problem: Problem, src: SourceFile, blocks: list[Block]) -> Diagnostic:
    context = None if problem.opener is None else src.range(problem.opener, problem.end)
    around = next((b for b in blocks if b.start <= problem.start < max(b.end, b.header_end)), None)
    return error(
        problem.summary,
        problem.detail,
        src.range(problem.start, problem.end),
        context=context,
        block=None if around is None else src.text[around.start : around.header_end],
    )
