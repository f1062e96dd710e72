"""``import`` blocks."""

from __future__ import annotations

from dataclasses import replace

from perimeter.addresses import Address, InstanceKey
from perimeter.config.draft import Draft, declare
from perimeter.config.endpoints import pairs_of_steps, take_modules
from perimeter.config.model import Import
from perimeter.config.shape import Shape, check_body, check_labels
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block, Expr, GetAttr, Index, Variable
from perimeter.lang.references import static_traversal

_IMPORT = Shape(required=("to",), optional=frozenset({"id", "identity", "for_each", "provider"}))


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
    named = [arguments[name].expr for name in ("id", "identity") if name in arguments]
    if not named:
        diagnostics.error(
            "Missing required argument",
            'The argument "id" is required, but no definition was found.',
            block.header_range,
        )
        return
    if len(named) > 1:
        diagnostics.error(
            "Invalid import block",
            "An import block says which object it means by exactly one of the arguments id and "
            "identity.",
            block.header_range,
        )
        return
    for_each = arguments["for_each"].expr if "for_each" in arguments else None
    target = arguments["to"].expr
    keys: dict[int, Expr] = {}
    to = address_of(target) if for_each is None else _repeated(target, keys)
    if to is None or to.mode != "managed":
        diagnostics.error(
            "Invalid import address",
            f'"{target.text}" is not the address of one instance of a managed resource, such as '
            'okta_app.crm, okta_app.crm["eu"] or module.m.okta_app.crm. '
            + (
                "Its instance keys must be literals; with for_each they may be computed."
                if for_each is None
                else "Only its instance keys may be computed."
            ),
            target.range,
        )
        return
    name = target.text if for_each is not None else str(to)
    declare(
        draft.imports,
        name,
        Import(
            node=block,
            to=to,
            keys=keys,
            id=named[0],
            by_identity="identity" in arguments,
            for_each=for_each,
        ),
        diagnostics,
        summary=f'Duplicate import configuration for "{name}"',
        detail=f'An import block for the resource "{name}" was already declared at {{}}. A resource '
        "can have only one import block.",
    )


def address_of(expr: Expr) -> Address | None:
    """Return the resource instance that a static traversal names, or None if it names something else."""
    traversal = static_traversal(expr)
    pairs = pairs_of_steps(traversal) if traversal is not None else None
    return None if pairs is None else _address(pairs)


def _address(pairs: list[tuple[str, InstanceKey]]) -> Address | None:
    path, rest = take_modules(pairs)
    mode = "managed"
    if rest and rest[0] == ("data", None):
        mode, rest = "data", rest[1:]
    if rest is None or len(rest) != 2 or rest[0][1] is not None:
        return None
    return Address(path, rest[0][0], rest[1][0], rest[1][1], mode)


def _repeated(expr: Expr, keys: dict[int, Expr]) -> Address | None:
    """The address without its keys, which go into ``keys`` by their place: a module step's index, or -1."""
    names: list[str] = []
    found: dict[int, Expr] = {}
    while not isinstance(expr, Variable):
        if isinstance(expr, GetAttr):
            names.append(expr.name)
        elif isinstance(expr, Index):
            found[len(names)] = expr.key
        else:
            return None
        expr = expr.object
    names.append(expr.name)
    names.reverse()
    address = _address([(name, None) for name in names])
    if address is None:
        return None
    steps = len(address.module.steps)
    for behind, key in found.items():
        at = len(names) - 1 - behind
        if at == len(names) - 1:
            keys[-1] = key
        elif at < 2 * steps and at % 2 == 1:
            keys[at // 2] = key
        else:
            return None
    return replace(address, key=None)
