"""Arguments that are decided by their text alone: no variables, no function calls."""

from __future__ import annotations

from typing import Any

from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import (
    Attribute,
    Call,
    Expr,
    Interpolation,
    Literal,
    ObjectExpr,
    Paren,
    Template,
    TupleExpr,
    Variable,
)
from perimeter.hcl.walk import walk
from perimeter.lang.functions.function import Function
from perimeter.lang.scope import Traversal
from perimeter.lang.types import BOOL, STRING
from perimeter.lang.values import Value, unknown

_STATIC_REFERENCE = (
    "A single static variable reference is required: only attribute access and indexing with "
    "constant keys. No calculations, function calls, template expressions, etc are allowed here."
)


class NoScope:
    """A scope in which nothing is declared: what Terraform evaluates literals in."""

    base_dir = "."

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Report that variables are not allowed."""
        diagnostics.error(
            "Variables not allowed", "Variables may not be used here.", traversal.range
        )
        return unknown(), len(traversal.steps)

    def function(self, name: str) -> Function | None:
        """Know none: calls are reported before anything is evaluated."""
        return None


NO_SCOPE = NoScope()


def constant(expr: Expr, diagnostics: Diagnostics) -> Value | None:
    """Evaluate an expression in which nothing may be referred to; None once that is reported."""
    for node in walk(expr):
        if isinstance(node, Call):
            diagnostics.error(
                "Function calls not allowed", "Functions may not be called here.", node.range
            )
            return None
    from perimeter.lang.evaluate import evaluate

    found = Diagnostics()
    value = evaluate(expr, NO_SCOPE, found)
    diagnostics.extend(found)
    return None if found.has_errors else value


def plain_text(expr: Expr) -> str | None:
    """The text of a string literal (quoted, heredoc or parenthesised) without interpolation."""
    if isinstance(expr, Paren | Interpolation):
        return plain_text(expr.inner if isinstance(expr, Paren) else expr.expr)
    if isinstance(expr, Literal):
        return str(expr.value) if isinstance(expr.value, str) else None
    if isinstance(expr, Template):
        parts = [part.value for part in expr.parts if isinstance(part, Literal)]
        if len(parts) == len(expr.parts) and all(isinstance(part, str) for part in parts):
            return "".join(map(str, parts))
    return None


def _converted(attribute: Attribute, kind: Any, wanted: str, diagnostics: Diagnostics) -> Any:
    value = constant(attribute.expr, diagnostics)
    if value is None:
        return None
    from perimeter.lang.convert import ConversionError, convert

    try:
        value = convert(value, kind)
    except ConversionError:
        value = None
    if value is None or not value.is_known:
        diagnostics.error(
            "Unsuitable value type", f"Unsuitable value: {wanted}", attribute.expr.range
        )
        return None
    return value.raw


def text_of(attribute: Attribute | None, diagnostics: Diagnostics) -> str | None:
    """The string an argument holds; None when absent, null, or reported as unsuitable."""
    if attribute is None:
        return None
    text = plain_text(attribute.expr)
    if text is not None:
        return text
    found = _converted(attribute, STRING, "a string is required", diagnostics)
    return None if found is None else str(found)


def flag_of(attribute: Attribute | None, default: bool, diagnostics: Diagnostics) -> bool:
    """The bool an argument holds; the default when absent, null, or reported as unsuitable."""
    if attribute is None:
        return default
    if isinstance(attribute.expr, Literal) and isinstance(attribute.expr.value, bool):
        return attribute.expr.value
    found = _converted(attribute, BOOL, "a bool is required", diagnostics)
    return default if found is None else bool(found)


def items_of(attribute: Attribute, diagnostics: Diagnostics) -> list[Expr]:
    """The elements of a tuple written in place; anything else is reported."""
    expr: Expr = attribute.expr
    while isinstance(expr, Paren):
        expr = expr.inner
    if isinstance(expr, TupleExpr):
        return expr.items
    diagnostics.error(
        "Invalid expression", "A static list expression is required.", attribute.expr.range
    )
    return []


def pairs_of(
    expr: Expr, diagnostics: Diagnostics, detail: str = "A static map expression is required."
) -> list[tuple[str, Expr, Expr]]:
    """The (key text, key, value) entries of an object written in place; others are reported."""
    while isinstance(expr, Paren):
        expr = expr.inner
    if not isinstance(expr, ObjectExpr):
        diagnostics.error("Invalid expression", detail, expr.range)
        return []
    pairs = []
    for key, value in expr.items:
        text = key_text(key)
        if text is None:
            diagnostics.error("Invalid expression", "A static key is required.", key.range)
        else:
            pairs.append((text, key, value))
    return pairs


def key_text(key: Expr) -> str | None:
    """The text of an object key, also when it is a traversal such as ``github.eu``."""
    text = plain_text(key)
    if text is not None:
        return text
    if isinstance(key, Variable):
        return key.name
    traversal = traversal_of(key, Diagnostics())
    return None if traversal is None else str(traversal)


def traversal_of(expr: Expr, diagnostics: Diagnostics) -> Traversal | None:
    """A static traversal, also in quotes as Terraform 0.11 had it; others are reported."""
    from perimeter.lang.references import static_traversal

    text = plain_text(expr)
    if text is not None and not isinstance(expr, Paren):
        quoted = _quoted(expr, text)
        if quoted is not None:
            diagnostics.warning(
                "Quoted references are deprecated",
                "In this context, references are expected literally rather than in quotes. Remove "
                "the quotes surrounding this reference to silence this warning.",
                expr.range,
            )
            return quoted
    else:
        traversal = static_traversal(expr)
        if traversal is not None:
            return traversal
    diagnostics.error("Invalid expression", _STATIC_REFERENCE, expr.range)
    return None


def _quoted(expr: Expr, text: str) -> Traversal | None:
    from perimeter.hcl import parse_expression
    from perimeter.lang.references import static_traversal

    inner, problems = parse_expression(text, expr.src.filename)
    if problems or inner is None:
        return None
    found = static_traversal(inner)
    if found is None:
        return None
    where = expr.range
    steps = tuple(type(step)(step.key, where, step.index) for step in found.steps)
    return Traversal(found.root, steps, where)


def traversals_of(attribute: Attribute | None, diagnostics: Diagnostics) -> tuple[Traversal, ...]:
    """The static traversals of a list such as ``depends_on``."""
    if attribute is None:
        return ()
    found = (traversal_of(item, diagnostics) for item in items_of(attribute, diagnostics))
    return tuple(item for item in found if item is not None)


def deprecation(attribute: Attribute | None, diagnostics: Diagnostics) -> str:
    """The message of a ``deprecated`` argument; empty where there is none."""
    if attribute is None:
        return ""
    text = text_of(attribute, diagnostics)
    if text is not None and not text.strip():
        diagnostics.error(
            "Invalid deprecated message",
            "The message must say what to use instead; it must not be empty.",
            attribute.expr.range,
        )
    return (text or "").strip()


def refers_to_something(expr: Expr) -> bool:
    """Whether an expression is more than a literal: it names something or calls a function."""
    return any(isinstance(node, Variable | Call) for node in walk(expr))
