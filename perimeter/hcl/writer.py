from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from perimeter.hcl.lexer import is_identifier
from perimeter.hcl.nodes import NumberText

LINE_LENGTH = 100
"""A list of plain values stays on one line while it fits in this many columns."""

_ESCAPES = {
    "\\": r"\\",
    '"': r"\"",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "${": "$${",
    "%{": "%%{",
}
# Controls, line separators, and the marks that turn a line's direction around in an editor.
_SPECIAL = re.compile(
    r'\$\{|%\{|[\\"\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]'
)
_QUOTED_KEYS = frozenset({"for", "true", "false", "null"})


def quote(text: str) -> str:
    """Return a quoted string whose value is the text.

    A lone surrogate, which no file can hold, becomes U+FFFD.
    """
    return f'"{_SPECIAL.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    found = match.group()
    if found in _ESCAPES:
        return _ESCAPES[found]
    code = ord(found)
    return "\\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def value_text(plain: object, indent: int = 0) -> str:
    """Return plain data as an expression in canonical layout.

    Args:
        plain: None, bool, int, float, Decimal, NumberText, str, and mappings and sequences of them.
        indent: spaces before the line the expression starts on; its further lines stand deeper.

    Raises:
        TypeError: for any other type, and for a key that is not a string.
        ValueError: for a number that is not finite.
    """
    match plain:
        case None:
            return "null"
        case bool():
            return "true" if plain else "false"
        case NumberText():
            return str(plain)
        case str():
            return quote(plain)
        case int():
            return _integer(plain)
        case float() | Decimal():
            return _number(plain)
        case Mapping():
            return _object(plain, indent)
        case Sequence() if not isinstance(plain, (bytes, bytearray, memoryview)):
            return _tuple(plain, indent)
    raise TypeError(f"a {type(plain).__name__} cannot be written as an expression")


def _integer(number: int) -> str:
    # Decimal has no limit on the number of digits, as int's own conversion has.
    return format(Decimal(number), "f")


def _number(number: float | Decimal) -> str:
    text = str(number)
    if not Decimal(text).is_finite():
        raise ValueError(f"{text} cannot be written as a number")
    return text


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a {type(key).__name__} cannot be written as a key")
    return key if is_identifier(key) and key not in _QUOTED_KEYS else quote(key)


def _object(plain: Mapping[object, object], indent: int) -> str:
    """Write one item a line; equals signs of neighbouring one-line items are aligned."""
    if not plain:
        return "{}"
    inner = indent + 2
    items = [(_key(key), value_text(value, inner)) for key, value in plain.items()]
    lines: list[str] = []
    run: list[tuple[str, str]] = []
    for key, text in items:
        if "\n" in text:
            lines += _aligned(run)
            lines.append(f"{key} = {text}")
            run = []
        else:
            run.append((key, text))
    lines += _aligned(run)
    margin = " " * inner
    return "{\n" + "".join(f"{margin}{line}\n" for line in lines) + " " * indent + "}"


def _aligned(run: list[tuple[str, str]]) -> list[str]:
    width = max((len(key) for key, _ in run), default=0)
    return [f"{key:<{width}} = {text}" for key, text in run]


def _tuple(plain: Sequence[object], indent: int) -> str:
    if not plain:
        return "[]"
    inner = indent + 2
    texts = [value_text(item, inner) for item in plain]
    line = f"[{', '.join(texts)}]"
    if "\n" not in line and indent + len(line) <= LINE_LENGTH:
        return line
    margin = " " * inner
    return "[\n" + "".join(f"{margin}{text},\n" for text in texts) + " " * indent + "]"
