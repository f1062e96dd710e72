"""JSON pointers (RFC 6901), and placeholders in what is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from perimeter.sdk.canonical import timestamp

MISSING: Any = object()
"""What a pointer finds where nothing is."""
_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_MILLISECONDS = 1e11
"""Numbers above this are milliseconds since 1970, not seconds: as seconds they would be after the year 5000."""


def problem(pointer: str) -> str:
    """What is wrong with a pointer, or nothing."""
    if pointer and not pointer.startswith("/"):
        return f'"{pointer}" is no JSON pointer; those begin with a slash, such as /data/id, or are empty for the whole.'
    return ""


def found(data: Any, pointer: str) -> Any:
    """The value at a pointer, or ``MISSING``."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(data, Mapping) and name in data:
            data = data[name]
        elif isinstance(data, list) and name.isascii() and name.isdigit() and int(name) < len(data):
            data = data[int(name)]
        else:
            return MISSING
    return data


def text(data: Any, pointer: str) -> str | None:
    """The text or number at a pointer, as text; None where there is neither."""
    value = found(data, pointer)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)


def moment(data: Any, pointer: str) -> str | None:
    """The time at a pointer, RFC 3339: of a text, or of seconds or milliseconds since 1970."""
    value = found(data, pointer)
    if isinstance(value, str) and re.fullmatch(r"\d{9,13}(\.\d+)?", value):
        value = float(value)
    if isinstance(value, str) and value:
        return timestamp(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    seconds = value / 1000 if value > _MILLISECONDS else value
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def placeholders(template: str) -> set[str]:
    """The names in braces."""
    return set(_PLACE.findall(template))


def filled(
    template: str, values: Mapping[str, str], write: Callable[[str], str] = lambda value: value
) -> str:
    """A template with its placeholders replaced; one that has no value stays as it is."""

    def replaced(match: re.Match[str]) -> str:
        value = values.get(match[1])
        return match[0] if value is None else write(value)

    return _PLACE.sub(replaced, template)


def path(template: str, values: Mapping[str, str]) -> str:
    """A path with each value escaped, so that an id cannot lead elsewhere."""
    return filled(template, values, lambda value: quote(value, safe=""))


def body(template: str, values: Mapping[str, str]) -> Any:
    """A JSON template as data: placeholders are replaced inside its texts, so that a value cannot change its form.

    Raises:
        ValueError: it is no JSON.
    """
    return _inside(json.loads(template), values)


def _inside(data: Any, values: Mapping[str, str]) -> Any:
    if isinstance(data, str):
        return filled(data, values)
    if isinstance(data, list):
        return [_inside(item, values) for item in data]
    if isinstance(data, dict):
        return {name: _inside(item, values) for name, item in data.items()}
    return data
