from __future__ import annotations

from collections.abc import Iterator

from perimeter.hcl.nodes import (
    Binary,
    Call,
    Conditional,
    Expr,
    ForExpr,
    GetAttr,
    Index,
    Interpolation,
    ObjectExpr,
    Paren,
    Splat,
    Template,
    TemplateFor,
    TemplateIf,
    TupleExpr,
    Unary,
)


def children(expr: Expr) -> list[Expr]:
    """Return the expressions directly inside an expression, in source order."""
    match expr:
        case GetAttr(object=inner) | Unary(operand=inner) | Paren(inner=inner):
            return [inner]
        case Interpolation(expr=inner):
            return [inner]
        case Index():
            return [expr.object, expr.key]
        case Binary():
            return [expr.left, expr.right]
        case Call():
            return list(expr.args)
        case TupleExpr():
            return list(expr.items)
        case ObjectExpr():
            return [side for item in expr.items for side in item]
        case Template():
            return list(expr.parts)
        case Conditional():
            return [expr.condition, expr.then, expr.otherwise]
        case Splat():
            return [expr.source, expr.each]
        case ForExpr():
            inside = (expr.collection, expr.key, expr.value, expr.condition)
            return [part for part in inside if part is not None]
        case TemplateIf():
            branches = (expr.condition, expr.then, expr.otherwise)
            return [part for part in branches if part is not None]
        case TemplateFor():
            return [expr.collection, expr.body]
    return []


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and everything inside it, outermost first, in source order."""
    stack = [expr]
    while stack:
        expr = stack.pop()
        yield expr
        stack.extend(reversed(children(expr)))


def height(expr: Expr) -> int:
    """Return how many expressions are nested in each other at the deepest place."""
    deepest, level = 0, [expr]
    while level:
        deepest += 1
        level = [child for parent in level for child in children(parent)]
    return deepest
