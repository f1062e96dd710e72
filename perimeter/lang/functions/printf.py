"""``format`` and ``formatlist``: printf's verbs over the language's values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from perimeter.lang import numbers
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.functions.floats import decimal, exponent_form, fixed, general
from perimeter.lang.functions.function import Context, Function, FunctionError, Parameter, text
from perimeter.lang.marks import unknown_from
from perimeter.lang.plain import json_string, json_text
from perimeter.lang.templates import safe_prefix
from perimeter.lang.text import graphemes, nfc, quote
from perimeter.lang.types import BOOL, NUMBER, STRING, List, Set, Tuple, Type
from perimeter.lang.values import Unknown, Value, list_of

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>[1-9]\d*)?(?:\.(?P<precision>\d*))?(?:\[(?P<index>[1-9]\d*)\])?"
    r"(?P<mode>[A-Za-z%])?",
    re.ASCII,
)
_LIMIT = 100_000
_KINDS: dict[Type, str] = {
    BOOL: "bool required",
    NUMBER: "a number is required",
    STRING: "string required",
}


@dataclass(frozen=True, slots=True)
class _Verb:
    raw: str
    offset: int
    flags: str
    width: int
    precision: int | None
    index: int | None
    mode: str

    def problem(self, reason: str) -> FunctionError:
        return FunctionError(f"unsupported value for {quote(self.raw)} at {self.offset}: {reason}")


def _parse(pattern: str) -> Iterator[str | _Verb]:
    at = 0
    while at < len(pattern):
        start = pattern.find("%", at)
        if start < 0:
            yield pattern[at:]
            return
        if start > at:
            yield pattern[at:start]
        found = _VERB.match(pattern, start)
        assert found is not None
        if found["mode"] is None:
            stopped = found.end()
            if stopped >= len(pattern):
                raise FunctionError("unexpected end of the format string inside a verb")
            if pattern[stopped] == "[" and stopped + 1 < len(pattern):
                stopped += 1
            raise FunctionError(
                f"unrecognized format character {pattern[stopped]!r} at offset {stopped}"
            )
        at = found.end()
        if found["mode"] == "%":
            yield "%"
            continue
        width = int(found["width"] or 0)
        precision = None if found["precision"] is None else int(found["precision"] or 0)
        if max(width, precision or 0) > _LIMIT:
            raise FunctionError(f"width and precision must not be greater than {_LIMIT}")
        index = int(found["index"]) if found["index"] else None
        yield _Verb(found[0], start, found["flags"], width, precision, index, found["mode"])


def _formatted(pattern: str, args: list[Value], first: int) -> str:
    out: list[str] = []
    position = used = verbs = 0
    for part in _parse(pattern):
        if isinstance(part, str):
            out.append(part)
            continue
        verbs += 1
        position = position + 1 if part.index is None else part.index
        if position > len(args):
            raise FunctionError(
                f"not enough arguments for {quote(part.raw)} at {part.offset}: need index "
                f"{position} but have {len(args)} total"
            )
        used = max(used, position)
        out.append(_one(part, args[position - 1]))
    if used < len(args):
        reason = f"only {used} used by format string" if verbs else "no verbs in format string"
        raise FunctionError(f"too many arguments; {reason}", first + used)
    return "".join(out)


def _one(verb: _Verb, value: Value) -> str:
    mode = verb.mode
    if mode == "v":
        return _as_is(verb, value)
    if mode in "sq":
        content = _wanted(verb, value, STRING)
        return _padded(verb, _cut(verb, json_string(content) if mode == "q" else content))
    if mode == "t":
        return _padded(verb, "true" if _wanted(verb, value, BOOL) else "false")
    if mode in "bdoxX":
        return _integer(verb, _wanted(verb, value, NUMBER))
    if mode in "eEfgG":
        return _float(verb, _wanted(verb, value, NUMBER))
    raise FunctionError(
        f"unsupported format verb {mode!r} in {quote(verb.raw)} at offset {verb.offset}"
    )


def _wanted(verb: _Verb, value: Value, kind: Type) -> Any:
    if value.raw is None:
        raise verb.problem("null value cannot be formatted")
    try:
        return convert(value, kind).raw
    except ConversionError:
        raise verb.problem(_KINDS[kind]) from None


def _as_is(verb: _Verb, value: Value) -> str:
    if value.raw is None:
        return _padded(verb, "null")
    if "#" not in verb.flags:
        if value.type in (STRING, BOOL):
            return _padded(verb, _cut(verb, convert(value, STRING).raw))
        if value.type == NUMBER:
            return _float(verb, value.raw, "g")
    try:
        return _padded(verb, _cut(verb, json_text(value)))
    except ValueError as error:
        raise verb.problem(str(error)) from None


def _cut(verb: _Verb, content: str) -> str:
    return content if verb.precision is None else "".join(graphemes(content)[: verb.precision])


def _padded(verb: _Verb, content: str, sign: str = "") -> str:
    missing = verb.width - len(graphemes(sign + content))
    if missing <= 0:
        return sign + content
    if "-" in verb.flags:
        return sign + content + " " * missing
    if "0" in verb.flags:
        return sign + "0" * missing + content
    return " " * missing + sign + content


def _sign(verb: _Verb, negative: bool) -> str:
    if negative:
        return "-"
    return "+" if "+" in verb.flags else " " if " " in verb.flags else ""


def _integer(verb: _Verb, raw: Any) -> str:
    if not numbers.is_whole(raw) or numbers.is_infinite(raw):
        raise verb.problem("an integer is required")
    whole = int(raw)
    digits = decimal(abs(whole)) if verb.mode == "d" else format(abs(whole), verb.mode)
    if verb.precision is not None:
        digits = digits.zfill(verb.precision)
    prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb.mode, "")
    return _padded(verb, digits, _sign(verb, whole < 0) + (prefix if "#" in verb.flags else ""))


def _float(verb: _Verb, raw: Any, mode: str = "") -> str:
    mode = mode or verb.mode
    negative = raw < 0 or numbers.text(raw).startswith("-")
    if numbers.is_infinite(raw):
        return _padded(verb, "Inf", _sign(verb, negative) or "+")
    size = numbers.negate(raw) if negative else raw
    if mode == "f":
        digits = fixed(size, 6 if verb.precision is None else verb.precision)
    elif mode in "eE":
        digits = exponent_form(size, 6 if verb.precision is None else verb.precision)
    else:
        digits = general(size, verb.precision)
    return _padded(verb, digits.upper() if mode.isupper() else digits, _sign(verb, negative))


def _undecided(pattern: str, args: list[Value]) -> Value:
    literal = next(iter(_parse(pattern)), "")
    prefix = safe_prefix(nfc(literal)) if isinstance(literal, str) else ""
    return unknown_from(args, STRING, Unknown(not_null=True, prefix=prefix))


def _format(values: list[Value], _context: Context) -> Value:
    pattern, args = values[0].raw, values[1:]
    if not all(arg.is_wholly_known for arg in args):
        return _undecided(pattern, args)
    return text(_formatted(pattern, args, 1))


def _formatlist(values: list[Value], _context: Context) -> Value:
    pattern, args = values[0].raw, values[1:]
    length: int | None = None
    chosen = 0
    for position, arg in enumerate(args):
        if not isinstance(arg.type, List | Set | Tuple) or arg.raw is None:
            continue
        if not arg.is_known:
            return unknown_from((arg,), List(STRING), Unknown(not_null=True))
        if length is None:
            length, chosen = len(arg.raw), position + 1
        elif length != len(arg.raw):
            raise FunctionError(
                f"argument {position + 1} has length {len(arg.raw)}, which is inconsistent with "
                f"argument {chosen} of length {length}",
                position + 1,
            )
    out = []
    for place in range(1 if length is None else length):
        row = [
            arg.raw[place]
            if isinstance(arg.type, List | Set | Tuple) and arg.raw is not None
            else arg
            for arg in args
        ]
        if not all(item.is_wholly_known for item in row):
            out.append(_undecided(pattern, row))
            continue
        try:
            out.append(text(_formatted(pattern, row, 1)))
        except FunctionError as error:
            if error.argument is not None:
                raise
            message = f"error on format iteration {place}: {error.message}"
            raise FunctionError(message) from None
    return list_of(STRING, out)


_ARGS = Parameter("args", allow_null=True, allow_unknown=True)

FUNCTIONS: dict[str, Function] = {
    "format": Function(
        parameters=(Parameter("format", STRING),), variadic=_ARGS, returns=STRING, call=_format
    ),
    "formatlist": Function(
        parameters=(Parameter("format", STRING),),
        variadic=_ARGS,
        returns=List(STRING),
        call=_formatlist,
    ),
}
