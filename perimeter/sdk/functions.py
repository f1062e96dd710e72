"""Functions that a provider adds to the language: ``provider::NAME::FUNCTION(…)``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perimeter.lang.types import DYNAMIC, Type
from perimeter.sdk.schema import Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionParameter:
    """One parameter.

    Attributes:
        type: what an argument is converted to before the call.
        allow_null: whether null reaches the function; otherwise it is an error.
    """

    name: str
    type: Type = DYNAMIC
    doc: str = ""
    allow_null: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFunction:
    """A function without side effects: the same arguments always give the same result.

    Unknown arguments make the result unknown and marks of arguments reach it, without the function's doing.

    Attributes:
        doc: what it does, in one sentence.
        variadic: takes any number of further arguments.
        returns: the result's type; what ``call`` returns is converted to it.
        call: gets plain arguments by position, returns plain data; raises ``Invalid``, whose path may begin with the
            position of the argument at fault.
    """

    doc: str
    parameters: tuple[FunctionParameter, ...] = ()
    variadic: FunctionParameter | None = None
    returns: Type = DYNAMIC
    call: Callable[..., Plain]
