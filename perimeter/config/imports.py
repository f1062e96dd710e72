"""``import`` blocks."""

from __future__ import annotations

from perimeter.addresses import ROOT, Address, InstanceKey
from perimeter.config.draft import Draft, declare
from perimeter.config.model import Import
from perimeter.config.shape import Shape, check_body, check_labels
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block, Expr
from perimeter.lang.references import static_traversal
from perimeter.lang.scope import Step

_IMPORT = Shape(required=("to", "id"), optional=frozenset({"provider"}))


def decode_import(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode an ``import`` block."""
    sound = check_labels(block, _IMPORT, diagnostics)
    if not check_body(block, _IMPORT, diagnostics) or not sound:
        return
    arguments = block.body.attributes
    if "provider" in arguments:
        diagnostics.error(
            "Provider argument not supported",
            "An object is imported with the provider configuration of the resource block it is "
            "imported to. Remove the argument and set provider there.",
            arguments["provider"].name_range,
        )
    target = arguments["to"].expr
    to = address_of(target)
    if to is None or to.mode != "managed":
        diagnostics.error(
            "Invalid import address",
            f'"{target.text}" is not the address of one instance of a managed resource, such as '
            'okta_app.crm, okta_app.crm["eu"] or module.m.okta_app.crm. Its instance keys must be '
            "literals.",
            target.range,
        )
        return
    declare(
        draft.imports,
        str(to),
        Import(node=block, to=to, id=arguments["id"].expr),
        diagnostics,
        summary=f'Duplicate import configuration for "{to}"',
        detail=f'An import block for the resource "{to}" was already declared at {{}}. A resource '
        "can have only one import block.",
    )


def address_of(expr: Expr) -> Address | None:
    """Return the resource instance that a static traversal names, or None if it names something else."""
    traversal = static_traversal(expr)
    if traversal is None:
        return None
    pairs: list[tuple[str, InstanceKey]] = [(traversal.root, None)]
    for step in traversal.steps:
        if not _take(pairs, step):
            return None
    path = ROOT
    while pairs and pairs[0] == ("module", None):
        if len(pairs) < 2:
            return None
        path = path.child(*pairs[1])
        del pairs[:2]
    mode = "managed"
    if pairs and pairs[0] == ("data", None):
        mode = "data"
        del pairs[0]
    if len(pairs) != 2 or pairs[0][1] is not None:
        return None
    return Address(path, pairs[0][0], pairs[1][0], pairs[1][1], mode)


def _take(pairs: list[tuple[str, InstanceKey]], step: Step) -> bool:
    if not step.index:
        pairs.append((str(step.key), None))
        return True
    name, key = pairs[-1]
    if key is not None:
        return False
    pairs[-1] = (name, step.key)
    return True
