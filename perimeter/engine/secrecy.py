"""Secrets that are remembered by digest alone: which of them configuration changed; pure.

Without a key there is no digest: then only an explicit version argument shows a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.engine.diff import canonical, is_wholly_known, sort_text
from perimeter.engine.model import Change
from perimeter.sdk.contract import Attributes
from perimeter.sdk.schema import Mode, NestedBlock, Nesting, Schema
from perimeter.state.digests import SecretDigests
from perimeter.state.model import StateObject


def secret_texts(schema: Schema, desired: Attributes) -> dict[str, str]:
    """The canonical text of the secrets that configuration gives, by top-level name.

    All secrets inside the blocks of one type are one text. What is not known yet is left out.
    """
    found: dict[str, str] = {}
    for name in schema.secret_names:
        value = desired.get(name)
        if value is not None and is_wholly_known(value):
            found[name] = sort_text(canonical(schema.attributes[name], value))
    for name, block in schema.blocks.items():
        value = desired.get(name)
        if value is None or not is_wholly_known(value):
            continue
        inside = _inside(block, value)
        if inside is not None:
            found[name] = sort_text(inside)
    return found


def _inside(block: NestedBlock, value: Any) -> Any:
    """The secrets of blocks of one type, each with what tells its block from the others; None where there are none."""
    if block.nesting is Nesting.SINGLE:
        return _element(block, value)
    parts = [_element(block, item) for item in value]
    if all(part is None for part in parts):
        return None
    if block.nesting is Nesting.SET:
        return sorted((part for part in parts if part is not None), key=sort_text)
    return parts


def _element(block: NestedBlock, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    found: dict[str, Any] = {}
    for name, attribute in block.attributes.items():
        if attribute.is_secret and value.get(name) is not None:
            found[name] = canonical(attribute, value[name])
    for name, inner in block.blocks.items():
        if value.get(name) and (inside := _inside(inner, value[name])) is not None:
            found[name] = inside
    if not found:
        return None
    keys = block.key or ((block.label,) if block.label else ())
    return [[value.get(key) for key in keys], found]


def changed_secrets(
    digests: SecretDigests | None, schema: Schema, desired: Attributes, item: StateObject | None
) -> frozenset[str]:
    """Top-level names of the secrets that are not those last written, as far as digests tell."""
    if digests is None or item is None or not item.digests:
        return frozenset()
    subject = object_subject(item.tenant, item.type, item.id)
    return frozenset(
        name
        for name, text in secret_texts(schema, desired).items()
        if digests.knows(known := item.digests.get(name, ""))
        and known != digests.of(subject, name, text)
    )


def shown_digests(
    digests: SecretDigests | None, schema: Schema, desired: Attributes, change: Change
) -> dict[str, str]:
    """What stands for a change's secrets in its fingerprint.

    Without a key only that one is given counts: any hash of it could be tried against a list of passwords.
    """
    given = {name: "given" for name in schema.secret_names if desired.get(name) is not None}
    if digests is None:
        return given
    which = change.subject or change.id or (str(change.address) if change.address else "")
    subject = object_subject(change.tenant.id if change.tenant else "", change.type, which)
    texts = secret_texts(schema, desired)
    return given | {name: digests.of(subject, name, text) for name, text in texts.items()}


def written_digests(
    digests: SecretDigests | None,
    schema: Schema,
    change: Change,
    item: StateObject,
    prior: StateObject | None,
) -> dict[str, str]:
    """The digests of an object that was just written: of what was sent; what was not keeps its own."""
    known = dict(prior.digests) if prior is not None else {}
    if digests is None:
        return known
    sent = change.changed if prior is not None else None
    if sent is not None and any(
        attribute.mode is Mode.LOCAL and name in sent
        for name, attribute in schema.attributes.items()
    ):
        sent = None  # a version argument sends them all again
    subject = object_subject(item.tenant, item.type, item.id)
    return {
        name: digests.of(subject, name, text) if sent is None or name in sent else known[name]
        for name, text in secret_texts(schema, change.desired).items()
        if sent is None or name in sent or name in known
    }


def object_subject(tenant: str, kind: str, identifier: str) -> str:
    """What an object's digests are bound to."""
    return f"{tenant}\n{kind}\n{identifier}"
