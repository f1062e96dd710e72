"""Plain values as JSON: what is known, where something is unknown, where something is sensitive.

Objects leave out what is unknown or not sensitive, lists keep their places, as in Terraform's JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from perimeter.lang.values import Unknown, Unseen
from perimeter.sdk.schema import Attribute, NestedBlock, Nesting, Schema

Path = tuple[str | int, ...]

_ENCODER = msgspec.json.Encoder(decimal_format="number", order=None)


def to_json(data: Any, *, indent: int = 0) -> str:
    """JSON text without a line break at its end; one line unless ``indent`` is given."""
    encoded = _ENCODER.encode(data)
    if indent:
        encoded = msgspec.json.format(encoded, indent=indent)
    return encoded.decode()


def known(value: Any) -> Any:
    """The value without what is unknown; null where a list has an unknown element, and for an unknown itself."""
    if isinstance(value, Unknown):
        return None
    if isinstance(value, Mapping):
        return {key: known(item) for key, item in value.items() if not isinstance(item, Unknown)}
    if isinstance(value, list | tuple):
        return [known(item) for item in value]
    return value


def unknown_mask(value: Any) -> Any:
    """True where the value is not known yet; objects name only such parts."""
    if isinstance(value, Unknown):
        return not isinstance(value, Unseen)
    if isinstance(value, Mapping):
        parts = {key: unknown_mask(item) for key, item in value.items()}
        return {key: part for key, part in parts.items() if part is not False}
    if isinstance(value, list | tuple):
        return [unknown_mask(item) for item in value]
    return False


def sensitive_mask(value: Any, paths: Iterable[Path]) -> Any:
    """True where the value is sensitive; objects name only such parts."""
    wanted = tuple(paths)
    if () in wanted:
        return True
    if isinstance(value, Mapping):
        parts = {key: sensitive_mask(item, _below(wanted, key)) for key, item in value.items()}
        return {key: part for key, part in parts.items() if part is not False}
    if isinstance(value, list | tuple):
        return [sensitive_mask(item, _below(wanted, index)) for index, item in enumerate(value)]
    return False


def _below(paths: tuple[Path, ...], step: str | int) -> tuple[Path, ...]:
    return tuple(path[1:] for path in paths if path and path[0] == step)


def without_secrets(
    schema: Schema | None, values: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Attributes with null for what nobody may see in any form, at whatever depth."""
    if values is None:
        return None
    if schema is None:
        return dict(values)
    return _without(schema.attributes, schema.blocks, values)


def _without(
    attributes: Mapping[str, Attribute],
    blocks: Mapping[str, NestedBlock],
    values: Mapping[str, Any],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        attribute, block = attributes.get(name), blocks.get(name)
        if attribute is not None and attribute.is_secret:
            found[name] = None
        elif block is None or value is None or isinstance(value, Unknown):
            found[name] = value
        elif block.nesting is Nesting.SINGLE:
            found[name] = _without(block.attributes, block.blocks, value)
        else:
            found[name] = [_without(block.attributes, block.blocks, item) for item in value]
    return found


def whole(schema: Schema | None, values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Attributes with null for every one of the schema that they lack, as Terraform writes objects."""
    if values is None or schema is None:
        return None if values is None else dict(values)
    lacking = dict.fromkeys(name for name in schema.attributes if name not in values)
    return {**values, **lacking}


def unseen_parts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Why each attribute that the tenant did not show is missing, by name."""
    return {name: str(value) for name, value in (values or {}).items() if isinstance(value, Unseen)}
