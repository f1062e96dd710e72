from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from perimeter.diagnostics import did_you_mean
from perimeter.hcl.cursor import MAX_NESTING, SyntaxProblemError
from perimeter.hcl.problems import Problem

_BLANK = re.compile(r"[ \t\r\n]*+")
_TEXT = re.compile(r'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_ESCAPE = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))"
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+(?![\w.+-])")
_LIKE_NUMBER = re.compile(r"[\w.+-]*+")
_WORD = re.compile(r"[A-Za-z]++")
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_KEYWORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A value and where it stands, in character offsets."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class JsonString(JsonValue):
    """A string.

    Attributes:
        text: its value; a lone surrogate, which no text can hold, is U+FFFD.
        offsets: where each of its characters stands in the source, and its end; None when they
            follow each other right behind the quote.
    """

    text: str
    offsets: tuple[int, ...] | None

    def offset(self, index: int) -> int:
        """Where a character of the value stands in the source."""
        if self.offsets is None:
            return self.start + 1 + index
        return self.offsets[min(index, len(self.offsets) - 1)]


@dataclass(frozen=True, slots=True)
class JsonNumber(JsonValue):
    """A number as it is written."""

    text: str


@dataclass(frozen=True, slots=True)
class JsonKeyword(JsonValue):
    """``true``, ``false`` or ``null``."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class JsonArray(JsonValue):
    """An array."""

    items: tuple[JsonValue, ...]


@dataclass(frozen=True, slots=True)
class JsonObject(JsonValue):
    """An object's properties in source order, repeated ones included."""

    members: tuple[tuple[JsonString, JsonValue], ...]


def scan(text: str) -> tuple[JsonValue | None, list[Problem]]:
    """Read a JSON text (RFC 8259) with the places of its values; the first problem ends it."""
    scanner = _Scanner(text)
    try:
        value, at = scanner.value(0, 0)
        at = scanner.blank(at)
        if at < len(text):
            scanner.fail(
                at, at + 1, "Extraneous data after value", "Nothing may follow the JSON value."
            )
    except SyntaxProblemError as stopped:
        return None, [stopped.problem]
    return value, []


class _Scanner:
    """Recursive descent over one text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def fail(
        self, start: int, end: int, summary: str, detail: str, opener: int | None = None
    ) -> NoReturn:
        """Stop."""
        end = max(start, min(end, len(self.text)))
        raise SyntaxProblemError(Problem(start, end, summary, detail, opener))

    def blank(self, at: int) -> int:
        """Where white space ends."""
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def value(self, at: int, depth: int) -> tuple[JsonValue, int]:
        """Read any value."""
        at = self.blank(at)
        char = self.text[at : at + 1]
        if depth > MAX_NESTING:
            self.fail(
                at,
                at + 1,
                "JSON nested too deeply",
                f"Objects and arrays may be nested {MAX_NESTING} levels deep.",
            )
        if char == "{":
            return self.object(at, depth)
        if char == "[":
            return self.array(at, depth)
        if char == '"':
            found = self.string(at)
            return found, found.end
        if char.isdigit() or char == "-":
            return self.number(at)
        if not char:
            self.fail(at, at, "Missing value", "The JSON data ends prematurely.")
        return self.keyword(at)

    def keyword(self, at: int) -> tuple[JsonValue, int]:
        """Read true, false or null."""
        word = _WORD.match(self.text, at)
        if word is None:
            self.fail(
                at,
                at + 1,
                "Invalid start of value",
                "A JSON value must start with a brace, a bracket, a number, a string in double"
                " quotes, or a keyword.",
            )
        if word.group() not in _KEYWORDS:
            hint = did_you_mean(word.group(), _KEYWORDS)
            detail = f'"{word.group()}" is not a valid JSON keyword.{hint}'
            self.fail(at, word.end(), "Invalid JSON keyword", detail)
        return JsonKeyword(at, word.end(), _KEYWORDS[word.group()]), word.end()

    def number(self, at: int) -> tuple[JsonValue, int]:
        """Read a number."""
        found = _NUMBER.match(self.text, at)
        if found is None:
            like = _LIKE_NUMBER.match(self.text, at)
            detail = "JSON numbers are written like 12, -1.5 or 2e3, without leading zeros."
            self.fail(at, like.end() if like else at + 1, "Invalid JSON number", detail)
        return JsonNumber(at, found.end(), found.group()), found.end()

    def string(self, at: int) -> JsonString:
        """Read a string from its opening quote on."""
        found = _TEXT.match(self.text, at + 1)
        assert found is not None
        end, raw = found.end(), found.group()
        if self.text[end : end + 1] != '"':
            if end >= len(self.text) or self.text[end] == "\n":
                detail = "There is no closing quote for this string on its line."
            elif self.text[end] == "\\":
                detail = r'A backslash must be followed by one of "\/bfnrt or by u and four digits.'
            else:
                detail = "Control characters must be escaped in a JSON string."
            self.fail(end, end + 1, "Invalid JSON string", detail, at)
        if "\\" not in raw:
            return JsonString(at, end + 1, raw, None)
        text, offsets = _decoded(raw, at + 1)
        return JsonString(at, end + 1, text, offsets)

    def array(self, at: int, depth: int) -> tuple[JsonValue, int]:
        """Read an array from its opening bracket on."""
        items: list[JsonValue] = []
        end = self.blank(at + 1)
        while self.text[end : end + 1] != "]":
            self.unclosed(end, at, "array", "bracket")
            item, end = self.value(end, depth + 1)
            items.append(item)
            end = self.after(end, at, "array", "bracket", "]")
        return JsonArray(at, end + 1, tuple(items)), end + 1

    def object(self, at: int, depth: int) -> tuple[JsonValue, int]:
        """Read an object from its opening brace on."""
        members: list[tuple[JsonString, JsonValue]] = []
        end = self.blank(at + 1)
        while self.text[end : end + 1] != "}":
            self.unclosed(end, at, "object", "brace")
            if self.text[end] != '"':
                like = _LIKE_NUMBER.match(self.text, end)
                detail = "A JSON object's property names are strings in double quotes."
                stop = max(end + 1, like.end() if like else 0)
                self.fail(end, stop, "Invalid object property name", detail)
            key = self.string(end)
            end = self.blank(key.end)
            if self.text[end : end + 1] != ":":
                self.unclosed(end, at, "object", "brace")
                detail = "A colon must stand between a property's name and its value."
                self.fail(end, end + 1, "Missing property value colon", detail)
            value, end = self.value(end + 1, depth + 1)
            members.append((key, value))
            end = self.after(end, at, "object", "brace", "}")
        return JsonObject(at, end + 1, tuple(members)), end + 1

    def after(self, at: int, opener: int, what: str, closer: str, closing: str) -> int:
        """Go on behind an item: to the next one, or to what closes it all."""
        at = self.blank(at)
        char = self.text[at : at + 1]
        if char == closing:
            return at
        self.unclosed(at, opener, what, closer)
        if char != ",":
            detail = f"A comma must stand between the items of an {what}."
            self.fail(at, at + 1, "Missing separating comma", detail)
        following = self.blank(at + 1)
        if self.text[following : following + 1] == closing:
            detail = f"JSON permits no comma after the last item of an {what}."
            self.fail(at, at + 1, f"Trailing comma in {what}", detail)
        return following

    def unclosed(self, at: int, opener: int, what: str, closer: str) -> None:
        """Stop if the text ends here."""
        if at >= len(self.text):
            detail = f"No closing {closer} was found for this JSON {what}."
            self.fail(opener, opener + 1, f"Unclosed {what}", detail)


def _decoded(raw: str, at: int) -> tuple[str, tuple[int, ...]]:
    chars: list[str] = []
    offsets: list[int] = []
    end = 0
    for match in _ESCAPE.finditer(raw):
        chars += raw[end : match.start()]
        offsets += range(at + end, at + match.start())
        end = match.end()
        high, low, code, simple = match.groups()
        if simple is not None:
            chars.append(_SIMPLE.get(simple, simple))
        elif code is not None:
            number = int(code, 16)
            chars.append("\ufffd" if 0xD800 <= number <= 0xDFFF else chr(number))
        else:
            chars.append(chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF)))
        offsets.append(at + match.start())
    chars += raw[end:]
    offsets += range(at + end, at + len(raw) + 1)
    return "".join(chars), tuple(offsets)
