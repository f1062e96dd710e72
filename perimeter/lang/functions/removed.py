"""Functions of old configurations that exist only to say what to write instead."""

from __future__ import annotations

from perimeter.lang.functions.function import Context, Function, FunctionError, Parameter
from perimeter.lang.values import Value


def _removed(name: str, instead: str) -> Function:
    def call(_values: list[Value], _context: Context) -> Value:
        raise FunctionError(f'the "{name}" function is no longer available; use {instead}')

    parameter = Parameter("vals", allow_null=True, allow_unknown=True, allow_dynamic=True)
    return Function(variadic=parameter, call=call)


FUNCTIONS: dict[str, Function] = {
    "list": _removed("list", "tolist([ ... ]) syntax to write a literal list"),
    "map": _removed("map", "tomap({ ... }) syntax to write a literal map"),
}
