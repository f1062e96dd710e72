"""Fingerprints: a hash of a change's effect, the same however the plan was reached; pure.

Over tenant, object, operation and before → after of the touched attributes in canonical form, and digests of secrets. An
unknown is hashed by the expression that will decide it and by its refinements, so that it is checked again once known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.engine.diff import canonical_object, sort_text
from perimeter.engine.model import Change
from perimeter.lang.values import Unknown


def _worded(value: Any, where: str, expressions: Mapping[str, str]) -> Any:
    if isinstance(value, Unknown):
        refined = [
            value.not_null,
            value.prefix,
            str(value.minimum),
            str(value.maximum),
            value.length_min,
            value.length_max,
        ]
        return {"$unknown": expressions.get(where, ""), "refined": refined}
    if isinstance(value, Mapping):
        return {key: _worded(item, where, expressions) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_worded(item, where, expressions) for item in value]
    return value


def fingerprint(change: Change, expressions: Mapping[str, str], digests: Mapping[str, str]) -> str:
    """SHA-256 (hex) of a change's effect; ``expressions`` are source texts by top-level name."""
    touched = change.changed or None
    sides: list[Any] = []
    for side in (change.before, change.after):
        if side is None or change.schema is None:
            sides.append(None)
        else:
            whole = canonical_object(
                change.schema, side, touched if change.before and change.after else None
            )
            sides.append({name: _worded(value, name, expressions) for name, value in whole.items()})
    body = [
        change.tenant.id if change.tenant else "",
        change.provider,
        change.type,
        change.id or (str(change.address) if change.address else ""),
        change.action.verbs,
        sides,
        sorted(digests.items()),
    ]
    return hashlib.sha256(sort_text(body).encode()).hexdigest()


def plan_fingerprint(parts: Iterable[str]) -> str:
    """The hash of a set of fingerprints; order does not matter."""
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()
