"""YAML, as Terraform reads and writes it: 1.2's syntax with 1.1's booleans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from perimeter.lang import numbers
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    nothing,
    text,
)
from perimeter.lang.marks import unknown_from
from perimeter.lang.text import quote
from perimeter.lang.types import BOOL, NUMBER, STRING
from perimeter.lang.values import (
    Unknown,
    Value,
    boolean,
    null,
    number,
    object_of,
    tuple_of,
)

_PREFIX = "tag:yaml.org,2002:"
_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+", re.ASCII)
_TIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:([Tt ])(\d\d?):(\d\d?):(\d\d?)(?:\.\d+)?(Z|[-+]\d\d:\d\d)?)?",
    re.ASCII,
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_LIMIT = 1_000_000


def _yamlencode(values: list[Value], _context: Context) -> Value:
    value = values[0]
    if not value.is_wholly_known:
        return unknown_from((value,), STRING, Unknown(not_null=True))
    import yaml

    events = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(value),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    written: str = yaml.emit(events, Dumper=_dumper(), allow_unicode=True, width=float("inf"))
    # Go's emitter marks the document's start before no empty text, and its end after bare scalars only.
    if isinstance(value.raw, str | tuple | dict):
        written = written.removesuffix("...\n")
    return text('""\n' if value.raw == "" else written)


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes an empty key before its colon, too."""

        def check_simple_key(self) -> bool:
            event = self.event
            return (isinstance(event, yaml.ScalarEvent) and event.value == "") or bool(
                super().check_simple_key()
            )

    return Dumper


def _events(value: Value) -> Iterator[Any]:
    import yaml

    raw = value.raw
    if isinstance(raw, tuple):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=not raw)
        for part in raw:
            yield from _events(part)
        yield yaml.SequenceEndEvent()
    elif isinstance(raw, dict):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=not raw)
        for key in sorted(raw):
            yield _string(key)
            yield from _events(raw[key])
        yield yaml.MappingEndEvent()
    elif isinstance(raw, str):
        yield _string(raw)
    else:
        yield yaml.ScalarEvent(None, None, (True, False), _plain(raw))


def _string(content: str) -> Any:
    import yaml

    style = "|" if "\n" in content else '"'
    return yaml.ScalarEvent(None, None, (True, True), content, style=style)


def _plain(raw: Any) -> str:
    if raw is None:
        return "null"
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if numbers.is_infinite(raw):
        return "+Inf" if raw > 0 else "-Inf"
    return numbers.text(raw)


def _yamldecode(values: list[Value], _context: Context) -> Value:
    import yaml

    try:
        documents = yaml.compose_all(values[0].raw, Loader=yaml.SafeLoader)
        node = next(documents, None)
        if node is None:
            raise FunctionError("missing start of document")
        if next(documents, None) is not None:
            raise FunctionError("unexpected extra content after value")
    except yaml.YAMLError as error:
        raise FunctionError(_problem(error)) from None
    except RecursionError:
        raise FunctionError("the YAML text is nested too deeply") from None
    try:
        return _Decoder().value(node)
    except RecursionError:
        raise FunctionError("the YAML text is nested too deeply") from None


def _problem(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or str(error)
    if mark is None:
        return str(reason)
    return f"on line {mark.line + 1}, column {mark.column + 1}: {reason}"


class _Decoder:
    """Turns nodes into values; aliases may not make more of a text than a bounded number of values."""

    def __init__(self) -> None:
        self.made = 0
        self.done: dict[int, tuple[Value, int]] = {}
        self.open: set[int] = set()

    def value(self, node: Any) -> Value:
        import yaml

        known = self.done.get(id(node))
        self.made += 1 if known is None else known[1]
        if self.made > _LIMIT:
            raise FunctionError("the document contains excessive aliasing")
        if known is not None:
            return known[0]
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if id(node) in self.open:
            raise FunctionError("an alias refers to a value that it is a part of")
        self.open.add(id(node))
        before = self.made
        kind = "seq" if isinstance(node, yaml.SequenceNode) else "map"
        if node.tag != _PREFIX + kind:
            raise _unsupported(node)
        found = self.sequence(node) if kind == "seq" else self.mapping(node)
        self.open.discard(id(node))
        self.done[id(node)] = (found, self.made - before + 1)
        return found

    def sequence(self, node: Any) -> Value:
        return tuple_of([self.value(part) for part in node.value])

    def mapping(self, node: Any) -> Value:

        merged: dict[str, Value] = {}
        own: dict[str, Value] = {}
        for key, part in node.value:
            if key.tag == _PREFIX + "merge" or (key.value == "<<" and key.style is None):
                found = self.value(part)
                if not isinstance(found.raw, dict):
                    raise FunctionError("<<, which merges, takes one mapping")
                merged = {**found.raw, **merged}
                continue
            own[self.key(key)] = self.value(part)
        return object_of({**merged, **own})

    def key(self, node: Any) -> str:
        import yaml

        if not isinstance(node, yaml.ScalarNode):
            raise FunctionError("only strings are allowed as mapping keys")
        value = self.scalar(node)
        try:
            converted = convert(value, STRING)
        except ConversionError:
            converted = null(STRING)
        if converted.raw is None:
            raise FunctionError("only strings are allowed as mapping keys")
        return str(converted.raw)

    def scalar(self, node: Any) -> Value:
        content = node.value
        written = node.tag.removeprefix(_PREFIX)
        if node.style is not None:
            # A quoted scalar stays text whatever number its tag promises.
            if node.tag.startswith(_PREFIX):
                return text(content)
            raise _unsupported(node)
        if node.start_mark is not None and _has_tag(node):
            if written in ("str", "binary"):
                return text(content)
            if not node.tag.startswith(_PREFIX):
                raise _unsupported(node)
            if written == "null":
                return null()
            return _tagged(content, written)
        return _resolved(content)


def _tagged(content: str, tag: str) -> Value:
    value = _resolved(content)
    kind = {"int": NUMBER, "float": NUMBER, "bool": BOOL}.get(tag)
    if (kind is not None and value.type != kind) or (
        tag == "timestamp" and _timestamp(content) is None
    ):
        raise FunctionError(f"cannot parse {quote(content)} as !!{tag}")
    return value


def _has_tag(node: Any) -> bool:
    buffer, at = node.start_mark.buffer, node.start_mark.pointer
    return not node.tag.startswith(_PREFIX) or (buffer is not None and buffer[at : at + 1] == "!")


def _unsupported(node: Any) -> FunctionError:
    return FunctionError(f"unsupported tag {quote(node.tag.replace(_PREFIX, '!!'))}")


def _resolved(content: str) -> Value:
    if content in _NULL:
        return null()
    if content in _TRUE or content in _FALSE:
        return boolean(content in _TRUE)
    if content in _NAN:
        raise FunctionError("floating point NaN is not supported")
    if _INFINITY.fullmatch(content):
        return number(numbers.infinity(negative=content[0] == "-"))
    whole = _INTEGER.fullmatch(content)
    if whole is not None:
        return number(_whole(content))
    if _FLOAT.fullmatch(content):
        try:
            return number(numbers.parse(content))
        except ValueError as error:
            raise FunctionError(str(error)) from None
    return text(_timestamp(content) or content)


def _whole(digits: str) -> Any:
    base = {"0x": 16, "0o": 8}.get(digits[:2])
    return numbers.parse(digits) if base is None else numbers.from_int(int(digits[2:], base))


def _timestamp(content: str) -> str | None:
    """A date or time in RFC 3339, without a fraction of a second; None for any other text."""
    found = _TIME.fullmatch(content)
    if found is None or bool(found[8]) != (found[4] in ("T", "t")):
        return None
    zone = found[8] or "Z"
    parts = [int(part or 0) for part in found.group(1, 2, 3, 5, 6, 7)]
    try:
        datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    year, month, day, hour, minute, second = parts
    zone = "Z" if zone[1:] == "00:00" else zone
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}"


FUNCTIONS: dict[str, Function] = {
    "yamlencode": Function(
        parameters=(Parameter("value", allow_null=True, allow_unknown=True, allow_dynamic=True),),
        returns=STRING,
        call=_yamlencode,
    ),
    "yamldecode": Function(
        parameters=(Parameter("src", STRING),), call=_yamldecode, refine=nothing
    ),
}
