"""Configuration text from values and back, as ``provider::terraform``'s functions do it.

https://developer.hashicorp.com/terraform/language/functions/terraform-encode_tfvars
"""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.sdk import (
    STRING,
    FunctionParameter,
    Invalid,
    Plain,
    ProviderFunction,
    decode_assignments,
    encode_assignments,
    encode_expression,
)


def _encode(value: Plain) -> str:
    try:
        return encode_expression(value)
    except ValueError as problem:
        raise Invalid(str(problem)) from None


def _encode_vars(value: Plain) -> str:
    if not isinstance(value, Mapping):
        raise Invalid("the value must be an object whose attributes are the variables")
    try:
        return encode_assignments(value)
    except ValueError as problem:
        raise Invalid(str(problem)) from None


def _decode_vars(source: str) -> Plain:
    try:
        return decode_assignments(source)
    except ValueError as problem:
        raise Invalid(str(problem)) from None


FUNCTIONS: Mapping[str, ProviderFunction] = {
    "encode_expr": ProviderFunction(
        doc="Writes any value as an expression of the configuration language.",
        parameters=(FunctionParameter(name="value"),),
        returns=STRING,
        call=_encode,
    ),
    "encode_tfvars": ProviderFunction(
        doc="Writes an object as the content of a variable file.",
        parameters=(FunctionParameter(name="value"),),
        returns=STRING,
        call=_encode_vars,
    ),
    "decode_tfvars": ProviderFunction(
        doc="Reads the content of a variable file into an object.",
        parameters=(FunctionParameter(name="src", type=STRING),),
        call=_decode_vars,
    ),
}
