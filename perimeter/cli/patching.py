"""Changing JSON data: single values by path, and merge patches (RFC 7386) that can also add to lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from perimeter.cli.failure import refuse


def parse_setting(text: str) -> tuple[list[str], Any]:
    """Split ``a.b.0=VALUE``; the value is JSON, else a string.

    Raises:
        Refused: there is no equals sign, or no path.
    """
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise refuse("Invalid -set", f'"{text}" is not of the form PATH=VALUE.')
    try:
        return path.split("."), json.loads(value)
    except ValueError:
        return path.split("."), value


def with_setting(data: Any, path: list[str], value: Any) -> Any:
    """The data with one value replaced; missing objects are made, missing list elements are not.

    Raises:
        Refused: the path leads through something that has no such part.
    """
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(data, list):
        if not step.isdigit() or int(step) >= len(data):
            raise refuse("Invalid -set", f'There is no element "{step}": the list has {len(data)}.')
        index = int(step)
        return [*data[:index], with_setting(data[index], rest, value), *data[index + 1 :]]
    if data is None or isinstance(data, Mapping):
        known = dict(data or {})
        known[step] = with_setting(known.get(step), rest, value)
        return known
    raise refuse(
        "Invalid -set", f'"{step}" would have to be below a value that is no object or list.'
    )


def merged(data: Any, patch: Any) -> Any:
    """The data with a merge patch applied.

    A member ``name+`` adds its list to the list ``name``; members that are numbers change elements of a list.
    """
    if not isinstance(patch, Mapping):
        return patch
    if isinstance(data, list) and patch and all(name.isdigit() for name in patch):
        changed = list(data)
        for name, value in patch.items():
            if int(name) >= len(changed):
                raise refuse(
                    "Invalid drift", f"There is no element {name}: the list has {len(changed)}."
                )
            changed[int(name)] = merged(changed[int(name)], value)
        return changed
    found = dict(data) if isinstance(data, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif name.endswith("+") and isinstance(value, list):
            found[name[:-1]] = [*found.get(name[:-1], []), *value]
        else:
            found[name] = merged(found.get(name), value)
    return found
