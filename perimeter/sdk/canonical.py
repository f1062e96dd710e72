"""The one form of values that vendors write in several ways.

Every function is pure and idempotent; what it cannot read it returns unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
_ROOT_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root", re.ASCII)
_FIRST_VERSION = "2008-10-17"
_LISTS = ("Action", "NotAction", "Resource", "NotResource")
_PRINCIPALS = ("Principal", "NotPrincipal")


def json_text(value: Any) -> str:
    """JSON text with sorted keys and no spaces, of JSON text; or unchanged."""
    data = _parsed(value) if isinstance(value, str) else value
    return str(value) if data is _NOT_JSON else _text(data)


def policy(value: Any) -> str:
    """An IAM policy document as JSON text.

    Grammar: IAM User Guide, "Grammar of the IAM JSON policy language".

    Sorts keys, actions, resources, principals, condition values and statements, which mean the same
    in any order; makes a list of one its element and a single statement a list; writes out the
    default version; names an account's root by the account's number and everybody as ``{"AWS":
    "*"}``.

    Args:
        value: JSON text, or the document as plain data.
    """
    data = _parsed(value) if isinstance(value, str) else value
    if not isinstance(data, Mapping):
        return str(value) if data is _NOT_JSON else _text(data)
    document = {name: part for name, part in data.items() if name not in {"Version", "Statement"}}
    document["Version"] = data.get("Version") or _FIRST_VERSION
    given = data.get("Statement", [])
    statements = [
        _statement(part) for part in (given if isinstance(given, list | tuple) else [given])
    ]
    document["Statement"] = sorted(statements, key=_text)
    return _text(document)


def login(value: str) -> str:
    """A login, address or slug that the vendor compares without case."""
    return value.strip().casefold().strip()


def timestamp(value: str) -> str:
    """An RFC 3339 time in UTC, written with ``Z`` and without a fraction of zero."""
    match = _TIMESTAMP.fullmatch(value.strip())
    if match is None:
        return value
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
        text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return value
    fraction = (fraction or "").rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def url(value: str) -> str:
    """A web address.

    Scheme and host in lower case, without the usual port, with ``/`` for no path (RFC 3986 §6.2.2).
    """
    match = _URL.fullmatch(value.strip())
    if match is None:
        return value
    scheme, authority, path, rest = match.groups()
    user, at, host = authority.rpartition("@")
    scheme, host = scheme.lower(), host.lower()
    host = host.removesuffix(":443" if scheme == "https" else ":80").removesuffix(":")
    if not host:
        return value
    path = _PERCENT.sub(lambda escape: escape.group().upper(), path)
    return f"{scheme}://{user}{at}{host}{path or '/'}{rest}"


def unordered(element: Callable[[Any], Any] | None = None) -> Callable[[Any], Any]:
    """Make the canonical form of a collection in which order and repetition mean nothing."""

    def canonical(value: Any) -> Any:
        if not isinstance(value, list | tuple | set | frozenset):
            return value
        return _distinct([element(item) if element else item for item in value])

    return canonical


_NOT_JSON = object()


def _parsed(text: str) -> Any:
    try:
        data = json.loads(text)
        _text(data)  # what cannot be written again is left alone, too
    except (ValueError, RecursionError):
        return _NOT_JSON
    return data


def _text(data: Any) -> str:
    return json.dumps(
        data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _statement(data: Any) -> Any:
    if not isinstance(data, Mapping):
        return data
    statement = {name: part for name, part in data.items() if not (name == "Sid" and part == "")}
    for name in _LISTS:
        if name in statement:
            statement[name] = _values(statement[name])
    for name in _PRINCIPALS:
        if name in statement:
            statement[name] = _principal(statement[name])
    if isinstance(conditions := statement.get("Condition"), Mapping):
        statement["Condition"] = {
            operator: {key: _values(part, _word) for key, part in keys.items()}
            if isinstance(keys, Mapping)
            else keys
            for operator, keys in conditions.items()
        }
    return statement


def _principal(data: Any) -> Any:
    if data == "*":
        data = {"AWS": "*"}
    if not isinstance(data, Mapping):
        return data
    return {kind: _values(part, _account if kind == "AWS" else None) for kind, part in data.items()}


def _account(value: Any) -> Any:
    match = _ROOT_ARN.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match else value


def _word(value: Any) -> Any:
    """Condition values are strings; JSON booleans and numbers stand for their text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _values(data: Any, element: Callable[[Any], Any] | None = None) -> Any:
    if isinstance(data, list | tuple):
        found = _distinct([element(item) if element else item for item in data])
        # A list in a list is no policy; taking it out would change again the next time.
        single = len(found) == 1 and not isinstance(found[0], list | tuple)
        return found[0] if single else found
    return element(data) if element else data


def _distinct(items: list[Any]) -> list[Any]:
    by_text = {_text(item): item for item in items}
    return [by_text[text] for text in sorted(by_text)]
