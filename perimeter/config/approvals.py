"""The ``approvals`` block of ``perimeter {}``: whose approvals count."""

from __future__ import annotations

from perimeter.config.draft import Draft
from perimeter.config.literals import text_of
from perimeter.config.model import Approver
from perimeter.config.shape import Shape, check_body, check_labels, place
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block

APPROVALS = Shape(blocks=frozenset({"approver"}))
_APPROVER = Shape(labels=("name",), required=("public_key",), optional=frozenset({"login"}))


def decode_approvals(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode an ``approvals`` block; several of them add up."""
    if not check_labels(block, APPROVALS, diagnostics):
        return
    check_body(block, APPROVALS, diagnostics)
    for item in block.body.blocks:
        if item.type == "approver":
            _approver(item, draft, diagnostics)


def _approver(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _APPROVER, diagnostics):
        return
    if not check_body(block, _APPROVER, diagnostics):
        return
    name = block.labels[0]
    login = text_of(block.body.attributes.get("login"), diagnostics) or name
    key = text_of(block.body.attributes["public_key"], diagnostics)
    known = next((one for one in draft.approvers if login in (one.login, one.name)), None)
    if known is not None:
        diagnostics.error(
            "Duplicate approver",
            f"{login} was declared at {place(known.range)}. One person has one key.",
            block.header_range,
        )
        return
    if key is not None:
        draft.approvers.append(Approver(node=block, name=name, login=login, public_key=key))
