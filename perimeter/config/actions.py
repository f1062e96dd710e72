"""``action`` blocks: operations that triggers or people invoke."""

from __future__ import annotations

from perimeter.config.draft import Draft, declare
from perimeter.config.model import ActionBlock
from perimeter.config.resources import provider_ref, repetition
from perimeter.config.shape import Shape, check_body, check_labels
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block, Body

_ACTION = Shape(
    labels=("type", "name"),
    optional=frozenset({"count", "for_each", "provider"}),
    blocks=frozenset({"config"}),
)
_CONFIG = Shape(open=True)


def decode_action(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode and declare an ``action`` block."""
    if not check_labels(block, _ACTION, diagnostics):
        return
    check_body(block, _ACTION, diagnostics)
    configs = [nested for nested in block.body.blocks if nested.type == "config"]
    for extra in configs[1:]:
        diagnostics.error(
            "Duplicate config block",
            'An action must contain only one nested "config" block.',
            extra.header_range,
        )
    for nested in configs:
        check_labels(nested, _CONFIG, diagnostics)
    count, for_each = repetition(block, "actions", diagnostics)
    body = block.body
    empty = Body(body.src, body.end, body.end, {}, [])
    made = ActionBlock(
        node=block,
        type=block.labels[0],
        name=block.labels[1],
        body=configs[0].body if configs else empty,
        provider_ref=provider_ref(block.body.attributes.get("provider"), diagnostics),
        count=count,
        for_each=for_each,
    )
    declare(
        draft.actions,
        (made.type, made.name),
        made,
        diagnostics,
        summary=f'Duplicate action "{made.type}" configuration',
        detail=f'An action {made.type} named "{made.name}" was already declared at {{}}. Action '
        "names must be unique per type in each module.",
    )
