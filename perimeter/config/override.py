"""Override files: blocks of ``override.hcl`` and ``*_override.hcl`` merged over the others.

Arguments replace arguments, nested blocks replace all nested blocks of their type, ``lifecycle``
merges argument by argument, as Terraform does:
https://developer.hashicorp.com/terraform/language/files/override
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from perimeter.config.literals import plain_text
from perimeter.config.shape import header
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.json_syntax import JsonAttribute
from perimeter.hcl.nodes import Block, Body

_MERGED_INSIDE = frozenset({"lifecycle", "required_providers"})
_SINGULAR = frozenset({"import", "moved", "removed"})

Key = tuple[str, ...]


def override(
    bodies: list[Body], overriding: Iterable[Body], diagnostics: Diagnostics
) -> list[Body]:
    """Return the bodies with the overriding ones merged in, in order."""
    for body in overriding:
        for block in body.blocks:
            if block.type == "locals":
                bodies = _over_locals(bodies, block, diagnostics)
            elif block.type == "perimeter":
                bodies = _over_settings(bodies, block)
            elif block.type in _SINGULAR:
                diagnostics.error(
                    f"Cannot override '{block.type}' blocks",
                    f"{block.type} blocks can appear only in normal files, not in override files.",
                    block.header_range,
                )
            else:
                bodies = _over_block(bodies, block, diagnostics)
    return bodies


def _key(block: Block) -> Key:
    if block.type == "provider":
        alias = block.body.attributes.get("alias")
        return (block.type, *block.labels, (plain_text(alias.expr) if alias else None) or "")
    return (block.type, *block.labels)


def _body(like: Body, *, attributes: object = None, blocks: list[Block] | None = None) -> Body:
    return Body(
        like.src,
        like.start,
        like.end,
        like.attributes if attributes is None else attributes,  # type: ignore[arg-type]  # a dict
        like.blocks if blocks is None else blocks,
    )


def _with_body(block: Block, body: Body) -> Block:
    return replace(block, body=body)


def _merge(base: Block, over: Block) -> Block:
    attributes = {**base.body.attributes, **over.body.attributes}
    # In JSON syntax blocks of a provider's look like arguments until its schema is known.
    given_blocks = {block.type for block in over.body.blocks}
    for name, item in base.body.attributes.items():
        if isinstance(item, JsonAttribute) and name in given_blocks:
            del attributes[name]
    given_json = {x for x, item in over.body.attributes.items() if isinstance(item, JsonAttribute)}
    blocks = [block for block in base.body.blocks if block.type not in given_json]
    kinds = {block.type: None for block in over.body.blocks}
    for kind in kinds:
        given = [block for block in over.body.blocks if block.type == kind]
        mine = [block for block in blocks if block.type == kind]
        if kind in _MERGED_INSIDE and mine:
            given = [_merge(mine[0], given[0]), *given[1:]]
        if kind == "backend":
            blocks = [block for block in blocks if block.type != "cloud"]
        blocks = [block for block in blocks if block.type != kind] + given
    return _with_body(base, _body(base.body, attributes=attributes, blocks=blocks))


def _over_block(bodies: list[Body], over: Block, diagnostics: Diagnostics) -> list[Body]:
    key = _key(over)
    for index, body in enumerate(bodies):
        for position, block in enumerate(body.blocks):
            if _key(block) == key:
                blocks = list(body.blocks)
                blocks[position] = _merge(block, over)
                return [*bodies[:index], _body(body, blocks=blocks), *bodies[index + 1 :]]
    diagnostics.error(
        f"Missing base {over.type} configuration to override",
        f"There is no {header(over)} block to override: an override file can only override a block "
        "that another file of the module declares. Declare it there, or rename this file.",
        over.header_range,
    )
    return bodies


def _over_locals(bodies: list[Body], over: Block, diagnostics: Diagnostics) -> list[Body]:
    remaining = dict(over.body.attributes)
    result = []
    for body in bodies:
        blocks = []
        for block in body.blocks:
            mine = block.body.attributes
            if block.type == "locals" and not mine.keys().isdisjoint(remaining):
                merged = {name: remaining.pop(name, item) for name, item in mine.items()}
                block = _with_body(block, _body(block.body, attributes=merged))
            blocks.append(block)
        result.append(_body(body, blocks=blocks))
    for name, attribute in remaining.items():
        diagnostics.error(
            "Missing base local value definition to override",
            f'There is no local value named "{name}". An override file can only override a local '
            "value that was already defined in a primary configuration file.",
            attribute.name_range,
            block="locals",
        )
    return result


def _over_settings(bodies: list[Body], over: Block) -> list[Body]:
    for index, body in enumerate(bodies):
        for position, block in enumerate(body.blocks):
            if block.type == "perimeter":
                blocks = list(body.blocks)
                blocks[position] = _merge(block, over)
                return [*bodies[:index], _body(body, blocks=blocks), *bodies[index + 1 :]]
    return [*bodies, _body(over.body, attributes={}, blocks=[over])]
