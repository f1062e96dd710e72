"""Regular expressions: RE2's, as in Go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from perimeter.lang.functions.function import Context, Function, FunctionError, Parameter, text
from perimeter.lang.types import DYNAMIC, STRING, List, Object, Tuple, Type
from perimeter.lang.values import Value, list_of, null, object_of, tuple_of

_ANY_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
"""RE2's escape for a single byte, which Go's does not have."""

_PATTERN, _STRING = Parameter("pattern", STRING), Parameter("string", STRING)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _compile(pattern: str) -> Any:
    import re2

    if _ANY_BYTE.search(pattern):
        raise FunctionError(r"invalid escape sequence in `\C`")
    try:
        return _compiled(pattern)
    except re2.error as error:
        found = error.args[0] if error.args else ""
        message = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
        raise FunctionError(message.replace(": ", " in ", 1)) from None


def _checked(pattern: str) -> Any:
    try:
        compiled = _compile(pattern)
    except FunctionError as error:
        raise FunctionError(f"invalid regexp pattern: {error.message}", 0) from None
    if compiled.groupindex and len(compiled.groupindex) != compiled.groups:
        raise FunctionError(
            "invalid regexp pattern: cannot mix both named and unnamed capture groups", 0
        )
    return compiled


def _matches(compiled: Any, content: str) -> Iterator[Any]:
    """All matches that do not overlap; an empty one does not follow right after another match."""
    end = -1
    for match in compiled.finditer(content):
        if match.end() == match.start() == end:
            continue
        end = match.end()
        yield match


def _captured(match: Any, compiled: Any) -> Value:
    def part(group: Any) -> Value:
        found = match.group(group)
        return null(STRING) if found is None else text(found)

    if compiled.groupindex:
        return object_of({name: part(name) for name in compiled.groupindex})
    if compiled.groups:
        return tuple_of([part(index + 1) for index in range(compiled.groups)])
    return text(match.group(0))


def _capture_type(compiled: Any) -> Type:
    if compiled.groupindex:
        return Object(dict.fromkeys(compiled.groupindex, STRING))
    return Tuple((STRING,) * compiled.groups) if compiled.groups else STRING


def _regex(values: list[Value], _context: Context) -> Value:
    compiled = _checked(values[0].raw)
    match = compiled.search(values[1].raw)
    if match is None:
        raise FunctionError("pattern did not match any part of the given string", discreet=True)
    return _captured(match, compiled)


def _regexall(values: list[Value], _context: Context) -> Value:
    compiled = _checked(values[0].raw)
    found = [_captured(match, compiled) for match in _matches(compiled, values[1].raw)]
    return list_of(_capture_type(compiled), found)


def _result(values: list[Value]) -> Type:
    pattern = values[0].raw
    return _capture_type(_checked(pattern)) if isinstance(pattern, str) else DYNAMIC


def _results(values: list[Value]) -> Type:
    pattern = values[0].raw
    return List(_capture_type(_checked(pattern))) if isinstance(pattern, str) else DYNAMIC


def _replace(values: list[Value], _context: Context) -> Value:
    content, part, replacement = (value.raw for value in values)
    if len(part) < 2 or part[0] != "/" or part[-1] != "/":
        return text(content.replace(part, replacement))
    try:
        compiled = _compile(part[1:-1])
    except FunctionError as error:
        raise FunctionError(f"error parsing regexp: {error.message}") from None
    template = list(_template(replacement))
    out, end = [], 0
    for match in _matches(compiled, content):
        out += [content[end : match.start()], *(_expanded(step, match) for step in template)]
        end = match.end()
    return text("".join([*out, content[end:]]))


def _template(replacement: str) -> Iterator[tuple[bool, str]]:
    """Split a replacement into texts and names: ``$name``, ``${name}``; ``$$`` is a dollar sign."""
    rest = replacement
    while rest:
        before, dollar, after = rest.partition("$")
        yield False, before
        if not dollar:
            return
        if after.startswith("$"):
            yield False, "$"
            rest = after[1:]
            continue
        braced = after.startswith("{")
        body = after[1:] if braced else after
        length = 0
        while length < len(body) and (body[length].isalnum() or body[length] == "_"):
            length += 1
        name, rest = body[:length], body[length:]
        if not name or (braced and not rest.startswith("}")):
            yield False, "$"
            rest = after
            continue
        if braced:
            rest = rest[1:]
        yield True, name


def _expanded(step: tuple[bool, str], match: Any) -> str:
    is_name, content = step
    if not is_name:
        return content
    try:
        found = match.group(int(content) if content.isdecimal() else content)
    except (IndexError, KeyError):
        return ""
    return found or ""


FUNCTIONS: dict[str, Function] = {
    "regex": Function(parameters=(_PATTERN, _STRING), returns=_result, call=_regex),
    "regexall": Function(parameters=(_PATTERN, _STRING), returns=_results, call=_regexall),
    "replace": Function(
        parameters=(
            Parameter("str", STRING),
            Parameter("substr", STRING),
            Parameter("replace", STRING),
        ),
        returns=STRING,
        call=_replace,
    ),
}
