"""Keeping secrets out of what is written."""

from __future__ import annotations

import re

from perimeter.migrate.lines import outdented
from perimeter.migrate.tree import Argument, Body, Expr, every_argument, rewritten

HIDDEN = '"(secret)"'
REASON = (
    "a secret stood here; hand it over by a variable with sensitive = true or by the environment"
)

SENSITIVE = "secret"
"""A name that says so, for what is declared to be sensitive."""

_NAME = re.compile(
    r"(?:^|_)(?:secret|secrets|password|passwd|passphrase|private_key|private_key_pem|pem_file|token|api_key|access_token"
    r"|secret_key|plaintext_value|encrypted_value|credentials)(?:_wo|_v4|_value)?$",
    re.IGNORECASE,
)
_KEYS = frozenset({"NAME", "STRING_CHARS"})


def is_secret_name(name: str) -> bool:
    """Whether a name says that its value is a secret."""
    return _NAME.search(name) is not None


def holds_secret(name: str, expr: Expr, secrets: frozenset[str]) -> bool:
    """Whether an expression has a secret written out in it."""
    if any(secret in text for text in expr.literal_texts for secret in secrets):
        return True
    if is_secret_name(name) and any(text.strip() for text in expr.literal_texts):
        return True
    words = [word for word in expr.words if word.kind != "DBLQUOTE"]
    return any(
        key.kind in _KEYS
        and is_secret_name(key.text)
        and sign.kind in ("EQ", "COLON")
        and (value.kind == "STRING_CHARS" or value.kind.startswith("HEREDOC"))
        for key, sign, value in zip(words, words[1:], words[2:], strict=False)
    )


def masked(body: Body, start: int, end: int, secrets: frozenset[str], owner: str = "") -> str:
    """A stretch of a file without the secrets written out in it.

    ``owner`` is the name of what the stretch declares: a variable's name speaks for its default.
    """
    edits = [
        (argument.expr.start, argument.expr.end, HIDDEN)
        for argument in every_argument(body)
        if start <= argument.start and argument.end <= end
        if holds_secret(_speaking(argument, owner), argument.expr, secrets)
    ]
    text = rewritten(body.file, start, end, edits)
    return scrubbed(outdented(text, body.file, start), secrets)


def _speaking(argument: Argument, owner: str) -> str:
    return owner if owner and argument.name in ("default", "value") else argument.name


def scrubbed(text: str, secrets: frozenset[str]) -> str:
    """A text without known secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "(secret)")
    return text
