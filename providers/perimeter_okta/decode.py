"""Reading Okta's answers leniently: what is missing or of another shape is None, unknown fields are ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import Unknown
from perimeter.sdk.canonical import timestamp


def at(data: Any, *path: str) -> Any:
    """The value at a path of field names, or None."""
    for name in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(name)
    return data


def text(data: Any, *path: str) -> str | None:
    """The text at a path, or None."""
    found = at(data, *path)
    return found if isinstance(found, str) else None


def flag(data: Any, *path: str) -> bool | None:
    """The boolean at a path, or None."""
    found = at(data, *path)
    return found if isinstance(found, bool) else None


def number(data: Any, *path: str) -> int | None:
    """The whole number at a path, or None."""
    found = at(data, *path)
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def texts(data: Any, *path: str) -> list[str]:
    """The texts of a list at a path, sorted; empty where there is none."""
    found = at(data, *path)
    if not isinstance(found, list | tuple):
        return []
    return sorted({item for item in found if isinstance(item, str)})


def time(data: Any, *path: str) -> str | None:
    """The time at a path, RFC 3339 in UTC, or None."""
    found = text(data, *path)
    return None if found is None else timestamp(found)


def given(values: Mapping[str, Any], name: str) -> Any:
    """A wanted value, or None where it is left to Okta."""
    found = values.get(name)
    return None if isinstance(found, Unknown) else found


def without(data: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A copy without some fields and without nulls, at any depth: what may be sent back."""
    unwanted = frozenset(names)
    return {
        name: _pruned(value)
        for name, value in data.items()
        if name not in unwanted and value is not None
    }


def _pruned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _pruned(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_pruned(inner) for inner in value]
    return value
