"""Fingerprints: a hash of a change's effect, the same however the plan was reached; pure.

Over tenant, object, operation and before → after of the touched attributes in canonical form, and digests of secrets. What
is not known yet is hashed by the expression that will decide it (``wording.py``) and by its refinements, so that it is
checked again once known. A fingerprint follows from what a plan file shows of a change and from nothing else: who approves
a file approves what is shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from perimeter.engine.diff import canonical_object, is_wholly_known, sort_text
from perimeter.engine.model import Action, Change
from perimeter.engine.refinement import refinements
from perimeter.lang.values import Unknown, Unseen
from perimeter.sdk.schema import Attribute, Mode, NestedBlock, Schema

SCHEME = 2
"""Raised with every change of how a fingerprint is made: approvals of another scheme fit nothing."""


def fingerprint(
    change: Change,
    expressions: Mapping[str, str] | None = None,
    digests: Mapping[str, str] | None = None,
    *,
    known_as: Mapping[str, Any] | None = None,
) -> str:
    """SHA-256 (hex) of a change's effect.

    Args:
        change: what would be done.
        expressions: words for what is not known, by top-level name; the change's own by default.
        digests: of its secrets; the change's own by default.
        known_as: by top-level name, words for a value as it was not known earlier.
    """
    if expressions is not None:
        change = replace(change, worded=expressions)
    if digests is not None:
        change = replace(change, secrets=digests)
    body = [
        SCHEME,
        change.tenant.id if change.tenant else "",
        change.provider_name,
        change.type,
        change.subject or change.id or (str(change.address) if change.address else ""),
        [*change.action.verbs, *(["import"] if change.importing else [])],
        *sides(change, known_as or {}),
        sorted(change.secrets.items()),
    ]
    return hashlib.sha256(sort_text(body).encode()).hexdigest()


def plan_fingerprint(parts: Iterable[str]) -> str:
    """The hash of a set of fingerprints; order does not matter."""
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def sides(
    change: Change, known_as: Mapping[str, Any] = MappingProxyType({})
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What is touched before and after, in canonical form; unknown parts as words."""
    schema = change.schema
    if schema is None:
        return None, None
    names = touched(change, schema)
    before = None if change.before is None else _side(change, schema, change.before, names, {})
    after = (
        None
        if change.after is None
        else _side(change, schema, change.after, names, {**words_of(change), **known_as})
    )
    return before, after


def words_of(change: Change) -> dict[str, Any]:
    """By top-level name what stands for a value that is not wholly known."""
    found: dict[str, Any] = {}
    for name, digest in change.worded.items():
        value = (change.after or {}).get(name)
        if not is_wholly_known(value):
            found[name] = words(digest, refinements(value))
    return found


def words(digest: str, refined: Iterable[Any]) -> dict[str, Any]:
    """What stands for one such value."""
    return {"$unknown": digest, "refined": list(refined)}


def touched(change: Change, schema: Schema) -> frozenset[str]:
    """Names of what a change's effect consists of.

    An update's are those that it changes. What is created, replaced or removed counts as a whole, but for what only the
    vendor decides: that a key was used meanwhile makes its removal no other removal.
    """
    if change.action is Action.FORGET:
        return frozenset()
    if change.action is Action.UPDATE:
        return change.changed
    if change.manual is not None and (change.changed or change.manual.paths):
        return change.changed | frozenset(change.manual.paths)
    written = change.action is Action.CREATE or change.action.is_replace
    own = {
        name
        for name, attribute in schema.attributes.items()
        if attribute.configurable and (written or attribute.mode is Mode.MANAGED)
    }
    return frozenset({*own, *schema.blocks})


def _side(
    change: Change,
    schema: Schema,
    values: Mapping[str, Any],
    names: frozenset[str],
    known_as: Mapping[str, Any],
) -> dict[str, Any]:
    whole = canonical_object(schema, values, names)
    found: dict[str, Any] = {}
    for name, value in whole.items():
        if name in known_as:
            found[name] = known_as[name]
            continue
        block = schema.blocks.get(name)
        if block is not None:
            value = _written(block, value)
        elif name in schema.attributes and not _counts(schema.attributes[name], change):
            continue
        found[name] = _plain(value)
    return found


def _counts(attribute: Attribute, change: Change) -> bool:
    """What a vendor decides in a new object is nobody's intention."""
    new = change.action is Action.CREATE or change.action.is_replace
    return attribute.configurable or not new


def _written(block: NestedBlock, value: Any) -> Any:
    """Nested blocks without what only the vendor decides."""
    if isinstance(value, list | tuple):
        return [_written(block, item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: _written(block.blocks[name], item) if name in block.blocks else item
        for name, item in value.items()
        if name in block.blocks
        or (name in block.attributes and block.attributes[name].configurable)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Unseen):
        return {"$unseen": value.reason.value}
    if isinstance(value, Unknown):
        return words("", refinements(value))
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        return int(value) if whole else {"$number": format(value.normalize(), "f")}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def parts(change: Change) -> dict[str, list[str]]:
    """A short digest of what each touched attribute was and becomes, to tell later which of them is another.

    What is sensitive has none: a digest of a short value gives it away.
    """
    hidden = {str(path[0]) for path in (*change.sensitive_before, *change.sensitive_after) if path}
    before, after = sides(change)
    return {
        name: [_short(before, name), _short(after, name)]
        for name in sorted({*(before or {}), *(after or {})} - hidden)
    }


def _short(side: Mapping[str, Any] | None, name: str) -> str:
    if side is None:
        return ""
    return hashlib.sha256(sort_text(side.get(name)).encode()).hexdigest()[:12]
