"""Plain data and back: what schemas, providers, plans and state hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from perimeter.lang import numbers
from perimeter.lang.marks import MarkPath, apply_marks, mark_paths
from perimeter.lang.sets import set_of
from perimeter.lang.text import nfc
from perimeter.lang.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    List,
    Map,
    Object,
    Set,
    Tuple,
    Type,
)
from perimeter.lang.values import (
    Unknown,
    Value,
    boolean,
    null,
    number,
    object_of,
    string,
    tuple_of,
    unknown,
)

__all__ = ["MarkPath", "apply_marks", "from_plain", "json_text", "mark_paths", "to_plain"]

_LONG = 4_000
"""Python reads and prints integers of some thousand digits at most."""

_JSON_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
for _code in (*range(0x20), *b"<>&", 0x2028, 0x2029):
    _JSON_ESCAPES.setdefault(chr(_code), f"\\u{_code:04x}")
_JSON_TABLE = str.maketrans(_JSON_ESCAPES)


def to_plain(value: Value) -> Any:
    """Return the plain form: dicts, lists, str, int, Decimal, bool, None, and ``Unknown`` leaves.

    A set becomes a list in canonical order. An integral number is an ``int``, any other the ``Decimal`` of
    its text. Marks are dropped; ``mark_paths`` keeps them.
    """
    raw = value.raw
    if isinstance(raw, tuple):
        return [to_plain(part) for part in raw]
    if isinstance(raw, dict):
        return {key: to_plain(part) for key, part in raw.items()}
    if raw is None or isinstance(raw, str | int | Unknown):
        return raw
    if numbers.is_whole(raw) and len(content := numbers.text(raw)) < _LONG:
        return int(content)
    return numbers.to_decimal(raw)


def from_plain(plain: Any, kind: Type = DYNAMIC) -> Value:
    """Return the value of a type that plain data denotes; an ``Unknown`` may stand anywhere.

    Where the type says ``any`` it is inferred as ``jsondecode`` infers it: dicts are objects, lists tuples.
    Attributes that an object type does not have are dropped, those that are missing are null.

    Raises:
        ConversionError: the data does not fit the type.
    """
    if kind == DYNAMIC:
        return _infer(plain)
    if isinstance(plain, Unknown):
        return unknown(kind, plain)
    if plain is None:
        return null(kind)
    if not kind.has_dynamic:
        exact = _exact(plain, kind)
        if exact is not None:
            return exact
    from perimeter.lang.convert import convert

    return convert(_infer(plain), kind)


def _exact(plain: Any, kind: Type) -> Value | None:
    """The value of a type without ``any`` when the data has that very shape."""
    if kind == STRING and isinstance(plain, str):
        return string(nfc(plain))
    if kind == BOOL and isinstance(plain, bool):
        return boolean(plain)
    if kind == NUMBER and isinstance(plain, int | float | Decimal) and not isinstance(plain, bool):
        return number(_raw_number(plain))
    if isinstance(plain, Mapping):
        return _exact_mapping(plain, kind)
    if isinstance(plain, Sequence) and not isinstance(plain, str):
        return _exact_sequence(plain, kind)
    return None


def _exact_mapping(plain: Mapping[str, Any], kind: Type) -> Value | None:
    if isinstance(kind, Map):
        parts = {nfc(key): from_plain(plain[key], kind.element) for key in sorted(plain)}
        return Value(kind, parts)
    if isinstance(kind, Object) and not kind.optional:
        attributes = kind.attributes
        return Value(kind, {key: from_plain(plain.get(key), attributes[key]) for key in attributes})
    return None


def _exact_sequence(plain: Sequence[Any], kind: Type) -> Value | None:
    if isinstance(kind, List):
        return Value(kind, tuple(from_plain(part, kind.element) for part in plain))
    if isinstance(kind, Set):
        return set_of(kind.element, (from_plain(part, kind.element) for part in plain))
    if isinstance(kind, Tuple) and len(kind.items) == len(plain):
        return Value(kind, tuple(map(from_plain, plain, kind.items)))
    return None


def _infer(plain: Any) -> Value:
    if isinstance(plain, str):
        return string(nfc(plain))
    if isinstance(plain, bool):
        return boolean(plain)
    if isinstance(plain, int | float | Decimal):
        return number(_raw_number(plain))
    if plain is None:
        return null()
    if isinstance(plain, Unknown):
        return unknown(DYNAMIC, plain)
    if isinstance(plain, Mapping):
        return object_of({nfc(key): _infer(part) for key, part in plain.items()})
    if isinstance(plain, Iterable):
        return tuple_of([_infer(part) for part in plain])
    if isinstance(plain, Value):
        return plain
    raise TypeError(f"no plain data: {type(plain).__name__}")


def _raw_number(plain: float | Decimal) -> Any:
    if isinstance(plain, int):
        return numbers.from_int(plain)
    if isinstance(plain, float):
        return numbers.from_decimal(Decimal(repr(plain)))
    return numbers.from_decimal(plain)


def json_text(value: Value) -> str:
    """Return the JSON text of a wholly known value, as ``jsonencode`` writes it.

    Raises:
        ValueError: a part is unknown or infinite.
    """
    raw = value.raw
    if raw is None:
        return "null"
    if raw is True or raw is False:
        return "true" if raw else "false"
    if isinstance(raw, str):
        return json_string(raw)
    if isinstance(raw, tuple):
        return "[" + ",".join(map(json_text, raw)) + "]"
    if isinstance(raw, dict):
        pairs = (f"{json_string(key)}:{json_text(raw[key])}" for key in sorted(raw))
        return "{" + ",".join(pairs) + "}"
    if isinstance(raw, Unknown):
        raise ValueError("an unknown value has no JSON text")
    if numbers.is_infinite(raw):
        raise ValueError("cannot serialize infinity as JSON")
    return numbers.text(raw)


def json_string(text: str) -> str:
    """Return a JSON string literal as Go's encoder writes it: ``<``, ``>`` and ``&`` are escaped."""
    return '"' + text.translate(_JSON_TABLE) + '"'
