"""Telling GraphQL reads from writes without a GraphQL library."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r'"""(?:\\"""|(?!""").)*"""'  # block string
    r'|"(?:\\.|[^"\\\n])*"'  # string
    r"|#[^\n\r]*"  # comment
    r"|[A-Za-z_][A-Za-z0-9_]*"
    r"|\$[A-Za-z_][A-Za-z0-9_]*"
    r"|.",
    re.DOTALL,
)
_READS = frozenset({"query", "fragment"})


def only_reads(document: str) -> bool:
    """Whether every definition in a document is a query or a fragment (spec October 2021, §2).

    What is not clearly a read is not one: an unbalanced document, or one with text outside
    definitions.
    """
    depth = 0
    definition = ""
    found = False
    for match in _TOKEN.finditer(document.lstrip("\ufeff")):
        word = match.group()
        if word[0] in '"#, \t\r\n' and word != '"':
            continue
        if word in "({[":
            if depth == 0 and word == "{":
                definition = definition or "query"
            depth += 1
        elif word in ")}]":
            depth -= 1
            if depth < 0:
                return False
            if depth == 0 and word == "}":
                found, definition = True, ""
        elif depth == 0 and not definition:
            if word not in _READS:
                return False
            definition = word
    return found and depth == 0 and not definition
