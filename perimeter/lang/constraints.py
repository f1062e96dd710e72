"""Type constraints: ``list(object({ name = string, size = optional(number, 3) }))``."""

from __future__ import annotations

from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import (
    Call,
    Expr,
    Literal,
    ObjectExpr,
    Paren,
    Template,
    TupleExpr,
    Variable,
)
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.text import quote
from perimeter.lang.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    Collection,
    List,
    Map,
    Object,
    Set,
    Tuple,
    Type,
)
from perimeter.lang.values import Value

_KEYWORDS: dict[str, Type] = {"string": STRING, "number": NUMBER, "bool": BOOL, "any": DYNAMIC}
_COLLECTIONS: dict[str, type[Collection]] = {"list": List, "set": Set, "map": Map}
_SUMMARY = "Invalid type specification"


def parse_type_constraint(expr: Expr) -> tuple[Type, Diagnostics]:
    """Return the type that an expression such as ``map(string)`` denotes, and what is wrong with it.

    Where something is wrong the type is ``any`` there. ``list`` and ``map`` alone mean any element type.
    """
    diagnostics = Diagnostics()
    if isinstance(expr, Variable) and expr.name in {"list", "map"}:
        return _COLLECTIONS[expr.name](DYNAMIC), diagnostics
    quoted = isinstance(expr, Template) or (
        isinstance(expr, Literal) and isinstance(expr.value, str)
    )
    if quoted and not _in_json(expr):
        diagnostics.error(
            "Invalid quoted type constraints",
            f"A type constraint is written without quotes. Remove the quotes around {expr.text}.",
            expr.range,
        )
        return DYNAMIC, diagnostics
    return _parse(expr, diagnostics), diagnostics


def _in_json(expr: Expr) -> bool:
    """Whether it stands in a file in JSON syntax, where quotes say nothing."""
    return expr.src.filename.endswith(".json")


def _parse(expr: Expr, diagnostics: Diagnostics) -> Type:
    if isinstance(expr, Paren):
        return _parse(expr.inner, diagnostics)
    if isinstance(expr, Variable):
        return _keyword(expr, diagnostics)
    if isinstance(expr, Call):
        return _constructor(expr, diagnostics)
    diagnostics.error(
        _SUMMARY,
        "A type specification is either a primitive type keyword (bool, number, string), any, or a "
        "complex type constructor call, like list(string).",
        expr.range,
    )
    return DYNAMIC


def _keyword(expr: Variable, diagnostics: Diagnostics) -> Type:
    name = expr.name
    if name in _KEYWORDS:
        return _KEYWORDS[name]
    if name in _COLLECTIONS:
        detail = f"The {name} type constructor requires one argument specifying the element type."
    elif name == "object":
        detail = (
            "The object type constructor requires one argument specifying the attribute types and "
            "values as a map."
        )
    elif name == "tuple":
        detail = "The tuple type constructor requires one argument specifying the element types as a list."
    else:
        detail = f"The keyword {quote(name)} is not a valid type specification."
    diagnostics.error(_SUMMARY, detail, expr.range)
    return DYNAMIC


def _constructor(expr: Call, diagnostics: Diagnostics) -> Type:
    name = expr.name
    if name in _KEYWORDS:
        detail = f'Primitive type keyword "{name}" does not expect arguments.'
    elif name == "optional":
        detail = "Keyword optional is valid only as a modifier for object type attributes."
    elif name not in {*_COLLECTIONS, "object", "tuple"}:
        detail = f"Keyword {quote(name)} is not a valid type constructor."
    elif len(expr.args) != 1 or expr.expand:
        detail = f"The {name} type constructor requires exactly one argument."
    elif name in _COLLECTIONS:
        return _COLLECTIONS[name](_parse(expr.args[0], diagnostics))
    elif name == "tuple":
        return _tuple(expr.args[0], diagnostics)
    else:
        return _object(expr.args[0], diagnostics)
    diagnostics.error(_SUMMARY, detail, expr.range)
    return DYNAMIC


def _tuple(argument: Expr, diagnostics: Diagnostics) -> Type:
    if isinstance(argument, TupleExpr):
        return Tuple(tuple(_parse(item, diagnostics) for item in argument.items))
    diagnostics.error(_SUMMARY, "Tuple type constructor requires a list of types.", argument.range)
    return DYNAMIC


def _object(argument: Expr, diagnostics: Diagnostics) -> Type:
    if not isinstance(argument, ObjectExpr):
        detail = "Object type constructor requires a map whose keys are attribute names and whose "
        diagnostics.error(_SUMMARY, f"{detail}values are the corresponding types.", argument.range)
        return DYNAMIC
    attributes: dict[str, Type] = {}
    optional: set[str] = set()
    defaults: dict[str, object] = {}
    for key, given in argument.items:
        if not isinstance(key, Literal) or not isinstance(key.value, str):
            diagnostics.error(
                _SUMMARY,
                "Object constructor map keys must be attribute names.",
                key.range,
            )
            continue
        name = key.value
        if name in attributes:
            diagnostics.error(_SUMMARY, "Object constructor map keys must be unique.", key.range)
            continue
        if isinstance(given, Call) and given.name == "optional":
            optional.add(name)
            attributes[name], default = _optional(given, diagnostics)
            if default is not None:
                defaults[name] = default
        else:
            attributes[name] = _parse(given, diagnostics)
    return Object(attributes, frozenset(optional), defaults)


def _optional(call: Call, diagnostics: Diagnostics) -> tuple[Type, Value | None]:
    if not 1 <= len(call.args) <= 2 or call.expand:
        diagnostics.error(
            _SUMMARY,
            "Optional attribute modifier requires the attribute type as its first argument, and "
            "accepts only a default value as its second.",
            call.range,
        )
        return DYNAMIC, None
    kind = _parse(call.args[0], diagnostics)
    if len(call.args) == 1:
        return kind, None
    from perimeter.lang.evaluate import evaluate
    from perimeter.lang.scope import StaticScope

    found = Diagnostics()
    value = evaluate(call.args[1], StaticScope(), found)
    diagnostics.extend(found)
    if found.has_errors:
        return kind, None
    try:
        return kind, convert(value, kind)
    except ConversionError as error:
        diagnostics.error(
            "Invalid default value for optional attribute",
            f"This default value is not compatible with the attribute's type constraint: {error}.",
            call.args[1].range,
        )
        return kind, None
