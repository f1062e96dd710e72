"""Syntax: text to tree and back."""

from __future__ import annotations

from perimeter.diagnostics import Diagnostic
from perimeter.hcl.nodes import Body, Expr, Template
from perimeter.hcl.parser import Parser

__all__ = ["parse_expression", "parse_file", "parse_template"]


def parse_file(text: str, filename: str) -> tuple[Body, list[Diagnostic]]:
    """Parse a configuration file.

    Args:
        text: the whole text; a byte order mark at its start is skipped.
        filename: as it appears in ranges.

    Returns:
        What could be parsed, and all the syntax errors found; with an error the body lacks the
        arguments and blocks that it is in, and no others as far as can be told.
    """
    return Parser(text, filename).file()


def parse_expression(
    text: str, filename: str = "<expression>"
) -> tuple[Expr | None, list[Diagnostic]]:
    """Parse a single expression.

    As in an argument, it ends with its line unless a bracket is open; line breaks around it are
    skipped. The expression is None when there is none to speak of.
    """
    return Parser(text, filename).expression()


def parse_template(text: str, filename: str) -> tuple[Template, list[Diagnostic]]:
    """Parse a bare template: a template file, or a string in the JSON syntax.

    Its text knows no backslash escapes. As everywhere, a template of exactly one interpolation
    returns that value as it is.
    """
    return Parser(text, filename, template=True).template()
