"""Values and types as the console prints them."""

from __future__ import annotations

from perimeter.lang import numbers
from perimeter.lang.text import quote
from perimeter.lang.typenames import type_name
from perimeter.lang.types import Collection, List, Map, Object, Set, Tuple, Type
from perimeter.lang.values import EPHEMERAL, SENSITIVE, TYPE_NAME, Unknown, Unseen, Value

_STEP = "  "
_TYPE_STEP = "    "
_CALLS: dict[type[Type], str] = {List: "tolist", Set: "toset", Map: "tomap"}
_NAMES: dict[type[Type], str] = {List: "list", Set: "set", Map: "map"}


def render(value: Value) -> str:
    """Return a value's text: an expression that gives it again, as far as it is known and may be shown.

    What is unknown, unseen, sensitive or ephemeral is worded instead; a string of several lines is a heredoc.
    """
    return _render(value, 0)


def _render(value: Value, depth: int) -> str:
    hidden = _hidden(value)
    if hidden:
        return hidden
    raw = value.raw
    if raw is None:
        return "null" if value.type.friendly == "dynamic" else _typed_null(value.type)
    if isinstance(raw, str):
        return raw if TYPE_NAME in value.marks else _string(raw, depth)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, tuple):
        return _wrapped(value.type, _sequence(raw, depth))
    if isinstance(raw, dict):
        return _wrapped(value.type, _mapping(raw, depth))
    return numbers.text(raw)


def _hidden(value: Value) -> str:
    if isinstance(value.raw, Unseen):
        return f"({value.raw})"
    if isinstance(value.raw, Unknown):
        return "(known after apply)"
    if SENSITIVE in value.marks:
        return "(sensitive value)"
    return "(ephemeral value)" if EPHEMERAL in value.marks else ""


def _typed_null(kind: Type) -> str:
    if isinstance(kind, Collection):
        return f"{_CALLS[type(kind)]}(null) /* of {type_name(kind.element)} */"
    if isinstance(kind, Object | Tuple):
        return f"null /* {type(kind).__name__.lower()} */"
    return f"to{kind.friendly}(null)"


def _wrapped(kind: Type, body: str) -> str:
    call = _CALLS.get(type(kind))
    return f"{call}({body})" if call else body


def _sequence(parts: tuple[Value, ...], depth: int) -> str:
    if not parts:
        return "[]"
    inner = _STEP * (depth + 1)
    lines = [f"{inner}{_render(part, depth + 1)},\n" for part in parts]
    return "[\n" + "".join(lines) + _STEP * depth + "]"


def _mapping(parts: dict[str, Value], depth: int) -> str:
    if not parts:
        return "{}"
    inner = _STEP * (depth + 1)
    lines = [f"{inner}{quote(key)} = {_render(parts[key], depth + 1)}\n" for key in sorted(parts)]
    return "{\n" + "".join(lines) + _STEP * depth + "}"


def _string(content: str, depth: int) -> str:
    if "\n" not in content:
        return quote(content)
    lines = content.split("\n")
    words = {line.strip() for line in lines}
    marker = "EOT"
    while marker in words:
        marker += "_"
    if depth == 0:
        return f"<<{marker}\n{content}\n{marker}"
    indent = _STEP * depth
    body = "\n".join(indent + line for line in content.split("\n"))
    return f"<<-{marker}\n{body}\n{indent}{marker}"


def type_text(kind: Type) -> str:
    """Return a type as the console's ``type()`` prints it, structural types over several lines."""
    return _type(kind, 0)


def _type(kind: Type, depth: int) -> str:
    outer, inner = _TYPE_STEP * depth, _TYPE_STEP * (depth + 1)
    if isinstance(kind, Collection):
        name = _NAMES[type(kind)]
        if isinstance(_innermost(kind), Object | Tuple):
            return f"{name}(\n{inner}{_type(kind.element, depth + 1)},\n{outer})"
        return f"{name}({_type(kind.element, depth)})"
    if isinstance(kind, Object):
        if not kind.attributes:
            return "object({})"
        lines = [
            f"{inner}{name}: {_type(part, depth + 1)},\n"
            for name, part in sorted(kind.attributes.items())
        ]
        return "object({\n" + "".join(lines) + outer + "})"
    if isinstance(kind, Tuple):
        if not kind.items:
            return "tuple([])"
        lines = [f"{inner}{_type(part, depth + 1)},\n" for part in kind.items]
        return "tuple([\n" + "".join(lines) + outer + "])"
    return kind.friendly


def _innermost(kind: Type) -> Type:
    while isinstance(kind, Collection):
        kind = kind.element
    return kind
