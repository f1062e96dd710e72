"""What an expression or body refers to."""

from __future__ import annotations

from collections.abc import Iterator

from perimeter.hcl.json_syntax import JsonAttribute, generated
from perimeter.hcl.nodes import (
    Block,
    Body,
    Expr,
    ForExpr,
    GetAttr,
    Index,
    Literal,
    TemplateFor,
    Variable,
)
from perimeter.hcl.walk import children
from perimeter.lang.scope import Step, Traversal

_NONE: frozenset[str] = frozenset()
AccessNode = GetAttr | Index


def references(node: Expr | Body) -> list[Traversal]:
    """Return the static traversals in an expression or body, in source order.

    A for expression's variables and a dynamic block's iterator are not references. Where an index is
    computed the traversal ends before it, and what the index refers to follows.
    """
    if isinstance(node, Body):
        return list(_in_body(node, _NONE))
    return list(_walk(node, _NONE))


def static_traversal(expr: Expr) -> Traversal | None:
    """Return the traversal that an expression wholly is, such as ``module.m["a"].out``, or None."""
    chain = static_chain(expr)
    return None if chain is None else traversal_of(*chain, expr)


def static_chain(expr: Expr) -> tuple[Variable, list[AccessNode]] | None:
    """Return the root and the steps of a static traversal, outermost last, or None if it is not one."""
    nodes: list[AccessNode] = []
    while not isinstance(expr, Variable):
        if isinstance(expr, GetAttr) or (
            isinstance(expr, Index) and static_key(expr.key) is not None
        ):
            nodes.append(expr)
        else:
            return None
        expr = expr.object
    nodes.reverse()
    return expr, nodes


def static_key(key: Expr) -> str | int | None:
    """Return a literal index key: a string or a whole number."""
    if isinstance(key, Literal) and type(key.value) in {str, int}:
        return key.value
    return None


def traversal_of(root: Variable, nodes: list[AccessNode], expr: Expr) -> Traversal:
    """Return the traversal with a root and steps, located at ``expr``."""
    steps: list[Step] = []
    for node in nodes:
        key = node.name if isinstance(node, GetAttr) else static_key(node.key)
        assert key is not None
        where = node.src.range(node.object.end, node.end)
        steps.append(Step(key, where, isinstance(node, Index)))
    return Traversal(root.name, tuple(steps), expr.range)


def _in_body(body: Body, bound: frozenset[str]) -> Iterator[Traversal]:
    for attribute in body.attributes.values():
        made = generated(attribute.json) if isinstance(attribute, JsonAttribute) else _NONE
        yield from _walk(attribute.expr, bound | made if made else bound)
    for block in body.blocks:
        if block.type == "dynamic" and block.labels:
            yield from _in_dynamic(block, bound)
        else:
            yield from _in_body(block.body, bound)


def _in_dynamic(block: Block, bound: frozenset[str]) -> Iterator[Traversal]:
    attributes = block.body.attributes
    iterator = block.labels[0]
    if "iterator" in attributes and isinstance(attributes["iterator"].expr, Variable):
        iterator = attributes["iterator"].expr.name
    inner = bound | {iterator}
    for name, attribute in attributes.items():
        if name != "iterator":
            yield from _walk(attribute.expr, bound if name == "for_each" else inner)
    for nested in block.body.blocks:
        yield from _in_body(nested.body, inner)


def _walk(expr: Expr, bound: frozenset[str]) -> Iterator[Traversal]:  # one case per node
    if isinstance(expr, Literal):
        return
    if isinstance(expr, Variable | GetAttr | Index):
        yield from _in_access(expr, bound)
    elif isinstance(expr, ForExpr | TemplateFor):
        yield from _walk(expr.collection, bound)
        inner = bound | {expr.value_var} | ({expr.key_var} if expr.key_var else set())
        for part in children(expr)[1:]:
            yield from _walk(part, inner)
    else:
        for child in children(expr):
            yield from _walk(child, bound)


def _in_access(expr: Variable | GetAttr | Index, bound: frozenset[str]) -> Iterator[Traversal]:
    chain = static_chain(expr)
    if chain is not None:
        if chain[0].name not in bound:
            yield traversal_of(*chain, expr)
        return
    for child in children(expr):
        yield from _walk(child, bound)
