"""Syntax trees without the places of their nodes."""

from __future__ import annotations

from dataclasses import fields

from perimeter.hcl.nodes import Attribute, Block, Interpolation, Node, Paren, Template

_PLACES = frozenset({"src", "start", "end", "name_end", "header_end", "label_spans"})
_OLD_TYPES = {
    "list": ("list", "any"),
    "map": ("map", "any"),
    "set": ("set", "any"),
    '"string"': ("string", ""),
    '"list"': ("list", "string"),
    '"map"': ("map", "string"),
}


def _type(name: str, element: str) -> object:
    return ("Call", name, (("Variable", element),), False) if element else ("Variable", name)


def shape(node: object, inside: str = "") -> object:
    """What a tree means: parentheses, and strings of one interpolation, are their content."""
    match node:
        case Paren(inner=inner) | Template(parts=[Interpolation(expr=inner)], heredoc=False):
            return shape(inner)
        case Attribute(name="type") if inside == "variable":
            old = _OLD_TYPES.get(node.expr.text)
            return _type(*old) if old else shape(node.expr)
        case Block():
            return (node.type, tuple(node.labels), shape(node.body, node.type))
        case Node():
            given = [getattr(node, item.name) for item in fields(node) if item.name not in _PLACES]
            return (type(node).__name__, *(shape(item, inside) for item in given))
        case dict():
            return {key: shape(item, inside) for key, item in node.items()}
        case list() | tuple():
            return tuple(shape(item, inside) for item in node)
    return node
