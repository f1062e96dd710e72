"""``check`` blocks: what should hold; they never block."""

from __future__ import annotations

from perimeter.config.draft import Draft, declare
from perimeter.config.model import Check, Resource
from perimeter.config.resources import conditions, decode_resource
from perimeter.config.shape import Shape, check_body, check_labels, place
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block

_CHECK = Shape(labels=("name",), blocks=frozenset({"data", "assert"}))
_NOT_INSIDE = ("count", "for_each")


def decode_check(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode a ``check`` block; its data block is declared in the module, for this check only."""
    if not check_labels(block, _CHECK, diagnostics):
        return
    check_body(block, _CHECK, diagnostics)
    name = block.labels[0]
    data: Resource | None = None
    for nested in block.body.blocks:
        if nested.type != "data":
            continue
        if data is not None:
            diagnostics.error(
                "Multiple data resource blocks",
                f"This check block already has a data resource defined at {place(data.range)}.",
                nested.header_range,
            )
            continue
        data = _data(nested, name, draft, diagnostics)
    asserts = conditions(block.body.blocks, "assert", diagnostics)
    if not asserts:
        diagnostics.error(
            "Zero assert blocks",
            "Check blocks must have at least one assert block.",
            block.header_range,
        )
    declare(
        draft.checks,
        name,
        Check(
            node=block,
            name=name,
            data=data,
            asserts=asserts,
        ),
        diagnostics,
        summary=f'Duplicate check "{name}" configuration',
        detail=f'A check block named "{name}" was already declared at {{}}. Check blocks must be '
        "unique within each module.",
    )


def _data(block: Block, check: str, draft: Draft, diagnostics: Diagnostics) -> Resource | None:
    for meta in _NOT_INSIDE:
        if meta in block.body.attributes:
            diagnostics.error(
                f'Invalid "{meta}" attribute',
                f'The "{meta}" attribute is not valid in a data block inside a check block.',
                block.body.attributes[meta].name_range,
            )
    return decode_resource(block, draft, diagnostics, check=check)
