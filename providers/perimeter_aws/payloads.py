"""What a sink is given to store: known to the redaction, and small enough."""

from __future__ import annotations

import json

from perimeter.sdk import SECRETS, Invalid

_PUBLIC = ("id", "user", "username", "name")


def register(payload: str) -> str:
    """Make the redaction know a payload and its parts, names and ids left out; returns it.

    A payload is a JSON object of texts, or one such text alone.
    """
    SECRETS.add(payload)
    try:
        parts = json.loads(payload)
    except (ValueError, RecursionError):
        return payload
    if isinstance(parts, dict):
        for name, value in parts.items():
            if not name.endswith("_id") and not name.startswith("public_") and name not in _PUBLIC:
                SECRETS.add_all(value)
    return payload


def check_size(payload: str, most: int, what: str) -> None:
    """Raise ``Invalid`` where a sink would not take it."""
    size = len(payload.encode())
    if not payload:
        raise Invalid(f"There is nothing to store in {what}.")
    if size > most:
        raise Invalid(f"{what} takes at most {most} bytes; the credential has {size}.")
