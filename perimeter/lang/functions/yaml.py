"""YAML, as Terraform reads and writes it: 1.2's syntax with 1.1's booleans."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
from perimeter.lang.types import STRING
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
_INTEGER = re.compile(r"([-+]?)(0x[0-9a-fA-F_]+|0b[01_]+|0o[0-7_]+|[0-9][0-9_]*)", re.ASCII)
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
    return text(written)


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
        return ".inf" if raw > 0 else "-.inf"
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
        import yaml

        merged: dict[str, Value] = {}
        own: dict[str, Value] = {}
        for key, part in node.value:
            if key.tag == _PREFIX + "merge" or (key.value == "<<" and key.style is None):
                sources = part.value if isinstance(part, yaml.SequenceNode) else [part]
                for source in sources:
                    found = self.value(source)
                    if not isinstance(found.raw, dict):
                        raise FunctionError(
                            "map merge requires map or sequence of maps as the value"
                        )
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
        return _resolved(content)


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
        return number(_whole(whole[1], whole[2].replace("_", "")))
    if _FLOAT.fullmatch(content):
        try:
            return number(numbers.parse(content))
        except ValueError as error:
            raise FunctionError(str(error)) from None
    return text(content)


def _whole(sign: str, digits: str) -> Any:
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2], 10)
    found = int(digits[2:] or "0", base) if base != 10 else None
    if found is None:
        return numbers.parse(sign + digits)
    return numbers.from_int(-found if sign == "-" else found)


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
