"""``lifecycle { manual {} }``: who does by hand what no API does."""

from __future__ import annotations

from collections.abc import Sequence

from perimeter.config.model import ManualRule
from perimeter.config.shape import Shape, check_body, check_labels, place
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block

_MANUAL = Shape(optional=frozenset({"assignee", "due_in"}))


def decode_manual(
    blocks: Sequence[Block], mode: str, diagnostics: Diagnostics
) -> ManualRule | None:
    """Decode the ``manual`` block among a lifecycle block's, if there is one."""
    found = [block for block in blocks if block.type == "manual"]
    if not found:
        return None
    block = found[0]
    if mode != "managed":
        diagnostics.error(
            "Invalid manual block",
            f"Only resources are changed by hand; a {mode} block has no manual steps.",
            block.header_range,
        )
        return None
    for extra in found[1:]:
        diagnostics.error(
            "Duplicate manual block",
            f"This resource already has a manual block at {place(block.header_range)}.",
            extra.header_range,
        )
    if not check_labels(block, _MANUAL, diagnostics) or not check_body(block, _MANUAL, diagnostics):
        return None
    arguments = block.body.attributes
    assignee, due_in = arguments.get("assignee"), arguments.get("due_in")
    return ManualRule(
        node=block,
        assignee=assignee.expr if assignee else None,
        due_in=due_in.expr if due_in else None,
    )
