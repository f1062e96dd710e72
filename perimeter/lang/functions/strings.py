"""Functions over text."""

from __future__ import annotations

import unicodedata

from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    integer,
    simple,
    text,
)
from perimeter.lang.text import graphemes
from perimeter.lang.types import BOOL, NUMBER, STRING, List
from perimeter.lang.values import Unknown, Value, boolean, list_of, unknown

SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Unicode calls white space."""


def _string(name: str) -> Parameter:
    return Parameter(name, STRING)


def _mapped(content: str, change: str) -> str:
    """Change the case of each code point by itself, where that gives one code point again."""
    if content.isascii():
        whole: str = getattr(content, change)()
        return whole
    out = []
    for char in content:
        found: str = getattr(char, change)()
        out.append(found if len(found) == 1 else found[0] if change == "lower" else char)
    return "".join(out)


def _title(content: str) -> str:
    out, before = [], " "
    for char in content:
        out.append(_mapped(char, "upper") if _separates(before) else char)
        before = char
    return "".join(out)


def _separates(char: str) -> bool:
    if char.isascii():
        return not (char.isalnum() or char == "_")
    return char in SPACES and unicodedata.category(char)[0] not in "LN"


def _chomp(content: str) -> str:
    return content.rstrip("\r\n")


def _indent(values: list[Value], _context: Context) -> Value:
    spaces = integer(values[0])
    if spaces < 0:
        raise FunctionError("the number of spaces must not be negative")
    if spaces > 100_000:
        raise FunctionError("the number of spaces must not be greater than 100000")
    return text(values[1].raw.replace("\n", "\n" + " " * spaces))


def _join(values: list[Value], _context: Context) -> Value:
    separator, lists = values[0], values[1:]
    if not lists:
        raise FunctionError("at least one list is required")
    parts: list[str] = []
    for position, source in enumerate(lists):
        for index, item in enumerate(source.raw):
            if item.raw is None:
                which = f" of list {position + 1}" if len(lists) > 1 else ""
                message = f"element {index}{which} is null; cannot concatenate null values"
                raise FunctionError(message, position + 1)
            parts.append(item.raw)
    return text(separator.raw.join(parts))


def _split(values: list[Value], _context: Context) -> Value:
    separator, content = (value.raw for value in values)
    parts = content.split(separator) if separator else list(content)
    return list_of(STRING, [text(part) for part in parts])


def _substr(values: list[Value], _context: Context) -> Value:
    clusters = graphemes(values[0].raw)
    offset, length = integer(values[1]), integer(values[2])
    start = max(offset + len(clusters) if offset < 0 else offset, 0)
    end = len(clusters) if length < 0 else start + length
    return text("".join(clusters[start:end]))


def _strrev(content: str) -> str:
    return "".join(reversed(graphemes(content)))


def _startswith(values: list[Value], _context: Context) -> Value:
    content, prefix = values
    if isinstance(content.raw, Unknown):
        known = content.raw.prefix
        if len(known) >= len(prefix.raw) or not prefix.raw.startswith(known):
            return boolean(known.startswith(prefix.raw))
        from perimeter.lang.marks import unknown_from

        return unknown_from((content,), BOOL, Unknown(not_null=True))
    return boolean(content.raw.startswith(prefix.raw))


def _kept(values: list[Value], _context: Context) -> Value:
    """``compact``: strings that are neither null nor empty."""
    source = values[0]
    if not source.is_wholly_known:
        return unknown(List(STRING))
    return list_of(STRING, [item for item in source.raw if item.raw])


_STR = _string("str")
_TRIMMED = (_string("str"), _string("cutset"))

FUNCTIONS: dict[str, Function] = {
    "chomp": simple([_STR], STRING, _chomp),
    "compact": Function(
        parameters=(Parameter("list", List(STRING), whole=True),),
        returns=List(STRING),
        call=_kept,
    ),
    "endswith": simple(
        [_STR, _string("suffix")], BOOL, lambda content, suffix: content.endswith(suffix)
    ),
    "startswith": Function(
        parameters=(Parameter("str", STRING, allow_unknown=True), _string("prefix")),
        returns=BOOL,
        call=_startswith,
    ),
    "strcontains": simple([_STR, _string("substr")], BOOL, lambda content, part: part in content),
    "indent": Function(
        parameters=(Parameter("spaces", NUMBER), _STR), returns=STRING, call=_indent
    ),
    "join": Function(
        parameters=(_string("separator"),),
        variadic=Parameter("lists", List(STRING), whole=True),
        returns=STRING,
        call=_join,
    ),
    "split": Function(parameters=(_string("separator"), _STR), returns=List(STRING), call=_split),
    "lower": simple([_STR], STRING, lambda content: _mapped(content, "lower")),
    "upper": simple([_STR], STRING, lambda content: _mapped(content, "upper")),
    "title": simple([_STR], STRING, _title),
    "strrev": simple([_STR], STRING, _strrev),
    "substr": Function(
        parameters=(_STR, Parameter("offset", NUMBER), Parameter("length", NUMBER)),
        returns=STRING,
        call=_substr,
    ),
    "trim": simple(
        _TRIMMED, STRING, lambda content, chars: content.strip(chars) if chars else content
    ),
    "trimprefix": simple(
        [_STR, _string("prefix")], STRING, lambda content, prefix: content.removeprefix(prefix)
    ),
    "trimsuffix": simple(
        [_STR, _string("suffix")], STRING, lambda content, suffix: content.removesuffix(suffix)
    ),
    "trimspace": simple([_STR], STRING, lambda content: content.strip(SPACES)),
}
