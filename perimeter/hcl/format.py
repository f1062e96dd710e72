from __future__ import annotations

from perimeter.diagnostics import Diagnostic, Severity
from perimeter.hcl.layout import laid_out
from perimeter.hcl.parser import Parser
from perimeter.hcl.pieces import pieces_of
from perimeter.hcl.rewriting import rewritten


def format_text(text: str, filename: str) -> tuple[str, list[Diagnostic]]:
    """Return a configuration in canonical style: that of ``terraform fmt``.

    Line breaks and comments stay; the spaces between them, and a few spellings that Terraform 0.12
    outdated, change. Formatting twice is the same as formatting once.

    Args:
        text: the whole file; a byte order mark at its start is dropped.
        filename: as it appears in ranges.

    Returns:
        The formatted text and no diagnostics, or the text as it was and its syntax errors.
    """
    parser = Parser(text, filename)
    body, problems = parser.file()
    if any(problem.severity is Severity.ERROR for problem in problems):
        return text, problems
    pieces = pieces_of(parser.tokens)
    end = pieces[-1].start + len(pieces[-1].text) if pieces else 0
    # terraform fmt keeps as many spaces as the file ends in, and so takes no side on that line.
    rest = " " * (len(parser.text) - end)
    return laid_out(rewritten(pieces, body)) + rest, []
