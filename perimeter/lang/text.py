"""Text as the language sees it: NFC-normalised, counted in grapheme clusters, quoted as Go quotes."""

from __future__ import annotations

import unicodedata

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def nfc(text: str) -> str:
    """Return the text in Unicode normal form C, in which every string value is."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def graphemes(text: str) -> list[str]:
    """Split a text into grapheme clusters, the language's unit of length."""
    if text.isascii() and "\r" not in text:
        return list(text)
    import regex

    return list(regex.findall(r"\X", text))


def grapheme_count(text: str) -> int:
    """Count a text's grapheme clusters."""
    if text.isascii() and "\r" not in text:
        return len(text)
    return len(graphemes(text))


def quote(text: str) -> str:
    """Quote a text as Go's ``strconv.Quote`` does, which is how messages and the console show strings."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_quoted(char) for char in text) + '"'


def _quoted(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def english_list(items: list[str], last: str = "and") -> str:
    """Join words as a sentence does: ``a``, ``a and b``, ``a, b, and c``."""
    if len(items) < 3:
        return f" {last} ".join(items)
    return ", ".join(items[:-1]) + f", {last} {items[-1]}"
