"""The language's functions in the shape of Terraform's ``metadata functions -json``, format 1.0."""

from __future__ import annotations

from typing import Any

from perimeter.lang.functions.docs import DOCS
from perimeter.lang.functions.function import Function, FunctionError, Parameter
from perimeter.lang.functions.table import FUNCTIONS
from perimeter.lang.typenames import type_json
from perimeter.lang.types import BOOL, DYNAMIC, Type
from perimeter.lang.values import unknown

FORMAT = "1.0"

_EXPRESSION = {"name": "expression", "type": "dynamic"}
_SPECIAL: dict[str, dict[str, Any]] = {
    "can": {"return_type": type_json(BOOL), "parameters": [_EXPRESSION]},
    "try": {
        "return_type": "dynamic",
        "variadic_parameter": {"name": "expressions", "type": "dynamic"},
    },
}


def functions_json() -> dict[str, Any]:
    """Every function under its own name and under ``core::``."""
    found = dict(_SPECIAL)
    found |= {name: _signature(item) for name, item in FUNCTIONS.items() if name in DOCS}
    signatures = {
        name: {"description": DOCS[name], **signature} for name, signature in sorted(found.items())
    }
    return {
        "format_version": FORMAT,
        "function_signatures": {
            **signatures,
            **{f"core::{name}": signature for name, signature in signatures.items()},
        },
    }


def _signature(function: Function) -> dict[str, Any]:
    data: dict[str, Any] = {"return_type": type_json(_returns(function))}
    if function.parameters:
        data["parameters"] = [_parameter(item) for item in function.parameters]
    if function.variadic is not None:
        data["variadic_parameter"] = _parameter(function.variadic)
    return data


def _returns(function: Function) -> Type:
    """The type of the result as far as the parameters' types alone decide it."""
    if isinstance(function.returns, Type):
        return function.returns
    if function.variadic is not None and not function.parameters:
        return DYNAMIC
    try:
        return function.returns([unknown(item.type) for item in function.parameters])
    except (FunctionError, AttributeError, TypeError, ValueError):
        return DYNAMIC


def _parameter(parameter: Parameter) -> dict[str, Any]:
    nullable = {"is_nullable": True} if parameter.allow_null else {}
    return {"name": parameter.name, **nullable, "type": type_json(parameter.type)}
