"""Providers' functions as functions of the language."""

from __future__ import annotations

from perimeter.lang.convert import ConversionError
from perimeter.lang.functions.function import Context, Function, FunctionError, Parameter
from perimeter.lang.plain import from_plain, to_plain
from perimeter.lang.values import Value
from perimeter.sdk.errors import Invalid
from perimeter.sdk.functions import FunctionParameter, ProviderFunction
from perimeter.sdk.redact import SECRETS


def language_function(declared: ProviderFunction) -> Function:
    """A provider's function for the evaluator; whatever it raises becomes an error of the call."""

    def call(values: list[Value], _context: Context) -> Value:
        try:
            return from_plain(declared.call(*map(to_plain, values)), declared.returns)
        except Invalid as problem:
            raise FunctionError(_sentence(problem.message), _position(problem)) from None
        except ConversionError as problem:
            raise FunctionError(f"the provider returned an unsuitable value: {problem}") from None
        except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
            text = SECRETS.redact(f"{type(problem).__name__}: {problem}")
            raise FunctionError(f"this is a bug of the provider ({text}); report it") from None

    return Function(
        parameters=tuple(map(_parameter, declared.parameters)),
        variadic=_parameter(declared.variadic) if declared.variadic is not None else None,
        returns=declared.returns,
        call=call,
        doc=declared.doc,
    )


def _parameter(declared: FunctionParameter) -> Parameter:
    return Parameter(declared.name, declared.type, allow_null=declared.allow_null, whole=True)


def _sentence(message: str) -> str:
    return message.rstrip(".")


def _position(problem: Invalid) -> int | None:
    first = problem.path[0] if problem.path else None
    return first if isinstance(first, int) else None
