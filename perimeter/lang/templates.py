"""String templates: interpolations and directives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perimeter.hcl.nodes import Expr, Interpolation, Literal, Template, TemplateFor, TemplateIf
from perimeter.lang.comprehension import collection_of, pairs
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.environment import Environment
from perimeter.lang.marks import unknown_from
from perimeter.lang.text import graphemes, nfc
from perimeter.lang.types import BOOL, STRING
from perimeter.lang.values import NO_MARKS, Mark, Unknown, Value, string, unknown

Evaluator = Callable[[Any, Environment], Value]

_SUMMARY = "Invalid template interpolation value"
_NULL = "The expression result is null. Cannot include a null value in a string template."
_EMPTY = string("")


def template(expr: Template, env: Environment, evaluate: Evaluator) -> Value:
    """Evaluate a template: a string, or the value itself when it is one interpolation alone."""
    parts = expr.parts
    if len(parts) == 1 and isinstance(parts[0], Interpolation):
        return evaluate(parts[0].expr, env)
    return _joined([(part, _part(part, env, evaluate)) for part in parts], env)


def _part(part: Expr, env: Environment, evaluate: Evaluator) -> Value:
    if isinstance(part, Interpolation):
        return evaluate(part.expr, env)
    return evaluate(part, env)


def _joined(parts: list[tuple[Expr, Value]], env: Environment) -> Value:
    """Concatenate parts; what precedes the first unknown one is the unknown result's prefix."""
    texts: list[str] = []
    marks: frozenset[Mark] = NO_MARKS
    undecided: list[Value] = []
    prefix: str | None = None
    failed = False
    for part, value in parts:
        marks |= value.marks
        if value.raw is None:
            env.diagnostics.error(_SUMMARY, _NULL, part.range)
            failed = True
            continue
        try:
            text = convert(value, STRING)
        except ConversionError as error:
            detail = f"Cannot include the given value in a string template: {error}."
            env.diagnostics.error(_SUMMARY, detail, part.range)
            failed = True
            continue
        if isinstance(text.raw, Unknown):
            undecided.append(text)
            if prefix is None:
                prefix = "".join(texts) + text.raw.prefix
        else:
            texts.append(text.raw)
    if failed:
        return unknown(STRING, marks=marks)
    if prefix is not None:
        refined = Unknown(not_null=True, prefix=safe_prefix(nfc(prefix)))
        return unknown_from(undecided, STRING, refined, marks)
    return Value(STRING, nfc("".join(texts)), marks)


def safe_prefix(text: str) -> str:
    """Return as much of a text as stays the same whatever follows: its last cluster may be continued."""
    last = text[-1:]
    if last.isascii() and not last.isalnum() and last not in "<=>\r":
        return text
    return "".join(graphemes(text)[:-1])


def template_if(expr: TemplateIf, env: Environment, evaluate: Evaluator) -> Value:
    """Evaluate ``%{ if c }…%{ else }…%{ endif }``."""
    condition = evaluate(expr.condition, env)
    if condition.raw is None:
        detail = "The condition value is null. Conditions must either be true or false."
        env.diagnostics.error("Null condition", detail, expr.condition.range)
        return unknown(STRING)
    try:
        condition = convert(condition, BOOL)
    except ConversionError:
        detail = "The condition expression must be of type bool."
        env.diagnostics.error("Incorrect condition type", detail, expr.condition.range)
        return unknown(STRING)
    if isinstance(condition.raw, Unknown):
        refined = Unknown(not_null=True)
        return unknown_from((condition,), STRING, refined, condition.marks)
    chosen = expr.then if condition.raw else expr.otherwise
    value = _EMPTY if chosen is None else _text(chosen, env, evaluate)
    return value.with_marks(condition.marks)


def template_for(expr: TemplateFor, env: Environment, evaluate: Evaluator) -> Value:
    """Evaluate ``%{ for k, v in c }…%{ endfor }``."""
    source = collection_of(expr.collection, env, evaluate)
    if source is None:
        return unknown(STRING)
    if isinstance(source.raw, Unknown):
        return unknown_from((source,), STRING, Unknown(not_null=True), source.marks)
    inner = env.nested()
    parts: list[tuple[Expr, Value]] = []
    for key, element in pairs(source):
        if expr.key_var is not None:
            inner.variables[expr.key_var] = key
        inner.variables[expr.value_var] = element
        parts.append((expr.body, _text(expr.body, inner, evaluate)))
    return _joined(parts, env).with_marks(source.marks)


def _text(expr: Template, env: Environment, evaluate: Evaluator) -> Value:
    """Evaluate a directive's body, which is a string even when it is one interpolation alone."""
    return _joined([(part, _part(part, env, evaluate)) for part in expr.parts], env)


def literal_text(expr: Expr) -> str | None:
    """Return the text of a template or literal in which nothing is computed, or None."""
    if isinstance(expr, Literal) and type(expr.value) is str:
        return expr.value
    if isinstance(expr, Template):
        texts = [literal_text(part) for part in expr.parts]
        return None if None in texts else "".join(text for text in texts if text)
    return None
