"""Evaluation of expressions: a walk over the tree, dispatched by the node's class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import (
    Binary,
    Call,
    Conditional,
    Expr,
    ForExpr,
    GetAttr,
    Index,
    Interpolation,
    Literal,
    NumberText,
    ObjectExpr,
    Paren,
    Splat,
    SplatItem,
    Template,
    TemplateFor,
    TemplateIf,
    TupleExpr,
    Unary,
    Variable,
)
from perimeter.lang import access, calls, comprehension, numbers, operators, templates
from perimeter.lang.conditional import conditional
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.environment import Environment
from perimeter.lang.marks import unknown_from
from perimeter.lang.references import static_chain, traversal_of
from perimeter.lang.scope import Scope
from perimeter.lang.text import nfc
from perimeter.lang.types import NUMBER, STRING
from perimeter.lang.values import (
    FALSE,
    NO_MARKS,
    TRUE,
    Mark,
    Unknown,
    Value,
    null,
    number,
    object_of,
    string,
    tuple_of,
    unknown,
)

Evaluator = Callable[[Any, Environment], Value]


def evaluate(expr: Expr, scope: Scope, diagnostics: Diagnostics) -> Value:
    """Return the value of an expression; never raise.

    What is wrong is reported to ``diagnostics``, and the value is then unknown, of dynamic type. References
    should have been checked beforehand (``references``): what a scope reports here, ``try`` absorbs.
    """
    try:
        return _evaluate(expr, Environment(scope, diagnostics))
    except RecursionError:
        detail = "This expression is nested too deeply to be evaluated."
        diagnostics.error("Expression nested too deeply", detail, expr.range)
        return unknown()


def _evaluate(expr: Expr, env: Environment) -> Value:
    return _DISPATCH[type(expr)](expr, env)


def _literal(expr: Literal, env: Environment) -> Value:
    raw = expr.value
    if raw is None:
        return null()
    if raw is True or raw is False:
        return TRUE if raw else FALSE
    if type(raw) is int:
        return number(numbers.from_int(raw))
    if isinstance(raw, NumberText):
        try:
            return number(numbers.parse(raw))
        except ValueError:
            env.diagnostics.error(
                "Invalid number literal",
                f"{raw} is beyond what a number can be: exponents may have up to six digits.",
                expr.range,
            )
            return unknown(NUMBER)
    assert isinstance(raw, str)
    return string(nfc(raw))


def _variable(expr: Variable, env: Environment) -> Value:
    found = env.variables.get(expr.name)
    return found if found is not None else _resolve(expr, expr, [], env)


def _resolve(expr: Expr, root: Variable, nodes: list[GetAttr | Index], env: Environment) -> Value:
    """Ask the scope for a static traversal and take the steps that it left."""
    cached = env.resolved.get(expr)
    if cached is not None:
        return cached
    before = len(env.diagnostics)
    value, taken = env.scope.resolve(traversal_of(root, nodes, expr), env.diagnostics)
    for node in nodes[taken:]:
        value = _step(value, node, env)
    if len(env.diagnostics) == before:
        env.resolved[expr] = value
    return value


def _step(value: Value, node: GetAttr | Index, env: Environment) -> Value:
    if isinstance(node, GetAttr):
        return access.attribute(value, node.name, lambda: _step_range(node), env.diagnostics)
    key = _evaluate(node.key, env)
    return access.index(value, key, lambda: _step_range(node), env.diagnostics)


def _step_range(node: GetAttr | Index) -> Any:
    return node.src.range(node.object.end, node.end)


def _access(expr: GetAttr | Index, env: Environment) -> Value:
    chain = static_chain(expr)
    if chain is not None and chain[0].name not in env.variables:
        return _resolve(expr, *chain, env)
    return _step(_evaluate(expr.object, env), expr, env)


def _tuple(expr: TupleExpr, env: Environment) -> Value:
    return tuple_of([_evaluate(item, env) for item in expr.items])


def _object(expr: ObjectExpr, env: Environment) -> Value:
    found: dict[str, Value] = {}
    marks: frozenset[Mark] = NO_MARKS
    undecided: list[Value] = []
    for key_expr, value_expr in expr.items:
        if type(key_expr) is Literal and type(key_expr.value) is str:
            found[nfc(key_expr.value)] = _evaluate(value_expr, env)
            continue
        key = _object_key(key_expr, env)
        value = _evaluate(value_expr, env)
        marks |= key.marks
        if isinstance(key.raw, Unknown):
            undecided.append(key)
        else:
            found[key.raw] = value
    if undecided:
        return unknown_from(undecided, marks=marks)
    return object_of(found).with_marks(marks)


def _object_key(expr: Expr, env: Environment) -> Value:
    key = _evaluate(expr, env)
    if key.raw is None:
        detail = "Can't use a null value as a key."
        env.diagnostics.error("Null value as key", detail, expr.range)
        return unknown()
    try:
        return convert(key, STRING)
    except ConversionError as error:
        detail = f"Can't use this value as a key: {error}."
        env.diagnostics.error("Incorrect key type", detail, expr.range)
        return unknown()


def _splat_item(expr: SplatItem, env: Environment) -> Value:
    return env.variables[expr]


_DISPATCH: dict[type[Expr], Evaluator] = {
    Literal: _literal,
    Variable: _variable,
    GetAttr: _access,
    Index: _access,
    TupleExpr: _tuple,
    ObjectExpr: _object,
    SplatItem: _splat_item,
    Paren: lambda expr, env: _evaluate(expr.inner, env),
    Interpolation: lambda expr, env: _evaluate(expr.expr, env),
    Template: lambda expr, env: templates.template(expr, env, _evaluate),
    TemplateIf: lambda expr, env: templates.template_if(expr, env, _evaluate),
    TemplateFor: lambda expr, env: templates.template_for(expr, env, _evaluate),
    ForExpr: lambda expr, env: comprehension.for_expression(expr, env, _evaluate),
    Splat: lambda expr, env: access.splat(expr, env, _evaluate),
    Unary: lambda expr, env: operators.unary(expr, env, _evaluate),
    Binary: lambda expr, env: operators.binary(expr, env, _evaluate),
    Conditional: lambda expr, env: conditional(expr, env, _evaluate),
    Call: lambda expr, env: calls.call_expression(expr, env, _evaluate),
}
