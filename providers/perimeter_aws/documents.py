"""IAM policy documents: reading what they say as a whole; pure.

Grammar: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from perimeter.sdk.canonical import policy

ALLOW, DENY, MIXED, UNCLEAR = "allow", "deny", "mixed", "unclear"

DENYING = frozenset(
    {
        "AWSDenyAll",
        "AWSCompromisedKeyQuarantine",
        "AWSCompromisedKeyQuarantineV2",
        "AWSCompromisedKeyQuarantineV3",
    }
)
"""AWS's own policies that only deny: AWS Managed Policy Reference Guide."""


def parsed(document: Any) -> Mapping[str, Any] | None:
    """A document in canonical form, as plain data with its statements in a list; None where it is none."""
    if document is None:
        return None
    try:
        data = json.loads(policy(document))
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, Mapping) and isinstance(data.get("Statement"), list) else None


def statements(document: Any) -> list[Mapping[str, Any]] | None:
    """The statements of a document; None where any part of it is no statement."""
    data = parsed(document)
    if data is None or not all(isinstance(item, Mapping) for item in data["Statement"]):
        return None
    return list(data["Statement"])


def many(value: Any) -> list[Any]:
    """The values of an element that may be one or a list."""
    return list(value) if isinstance(value, list) else [value]


def effect_of(document: Any) -> str:
    """Whether a document only allows, only denies, does both (``mixed``), or cannot be read (``unclear``)."""
    found = statements(document)
    if not found:
        return UNCLEAR
    effects = {item.get("Effect") for item in found}
    if effects == {"Allow"}:
        return ALLOW
    if effects == {"Deny"}:
        return DENY
    return MIXED if effects == {"Allow", "Deny"} else UNCLEAR


def allows_everything(document: Any) -> bool:
    """Whether a document allows every action on everything, without a condition and without a denial."""
    found = statements(document)
    if not found or any(item.get("Effect") != "Allow" for item in found):
        return False
    return any(
        "Condition" not in item
        and "*" in many(item.get("Action"))
        and "*" in many(item.get("Resource"))
        for item in found
    )


def problem_with(text: Any) -> str:
    """What makes a text no policy document, as a sentence; empty where nothing does."""
    if not isinstance(text, str):
        return ""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as problem:
        where = (
            f" (line {problem.lineno}, column {problem.colno})"
            if isinstance(problem, json.JSONDecodeError)
            else ""
        )
        return f"This is not JSON{where}. Write the document with jsonencode, or check its quotes and commas."
    if not isinstance(data, Mapping) or not data.get("Statement"):
        return "A policy document is a JSON object with a Statement."
    for item in many(data["Statement"]):
        if not isinstance(item, Mapping) or item.get("Effect") not in {"Allow", "Deny"}:
            return 'Each Statement is an object whose Effect is "Allow" or "Deny".'
    return ""
