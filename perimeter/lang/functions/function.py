"""What a function is: its parameters, its type rule and what computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perimeter.hcl.nodes import Expr
from perimeter.lang import numbers
from perimeter.lang.scope import Scope
from perimeter.lang.text import nfc
from perimeter.lang.types import DYNAMIC, STRING, Type
from perimeter.lang.values import UNKNOWN, Unknown, Value

_INT64 = 2**63


class FunctionError(Exception):
    """A call has no result.

    Attributes:
        message: what is wrong, without a full stop; it is not shown when an argument is sensitive, unless it is discreet.
        argument: the position of the argument at fault; None when the call as a whole is.
        discreet: whether the message shows nothing of the arguments' values.
    """

    def __init__(
        self, message: str, argument: int | None = None, *, discreet: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.argument = argument
        self.discreet = discreet


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        type: what an argument is converted to.
        allow_null: whether null reaches the implementation; otherwise it is an error.
        allow_unknown: whether unknown arguments reach it; otherwise they make the result unknown.
        allow_dynamic: whether untyped null and unknown reach it; otherwise the result is unknown.
        allow_marked: whether marks reach it; otherwise the result gets them.
        whole: whether all parts of the argument must be known, too.
    """

    name: str
    type: Type = DYNAMIC
    allow_null: bool = False
    allow_unknown: bool = False
    allow_dynamic: bool = False
    allow_marked: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Where a call happens: what it may read."""

    scope: Scope

    @property
    def planning(self) -> bool:
        """Whether what differs from call to call is left unknown."""
        return bool(getattr(self.scope, "planning", True))

    @property
    def now(self) -> str | None:
        """RFC 3339 text of the time of the plan."""
        return getattr(self.scope, "now", None)


Returns = Type | Callable[[list[Value]], Type]
Implementation = Callable[[list[Value], Context], Value]


def not_null(_values: list[Value]) -> Unknown:
    """The refinement of most functions' results."""
    return Unknown(not_null=True)


def nothing(_values: list[Value]) -> Unknown:
    """No refinement."""
    return UNKNOWN


def always(_scope: Scope) -> bool:
    """Every scope has the function."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of the language.

    Attributes:
        returns: the result's type, or a rule that gives it from the arguments; asked when the result is unknown.
        call: computes the result from converted arguments; raises ``FunctionError``.
        refine: what is known of a result that is unknown because of its arguments.
        available: whether a scope has the function.
        doc: what it does, in one sentence.
        unsuitable: why the expression of the first argument will not do, whatever its value; empty when it will.
    """

    parameters: tuple[Parameter, ...] = ()
    variadic: Parameter | None = None
    returns: Returns = DYNAMIC
    call: Implementation
    refine: Callable[[list[Value]], Unknown] = not_null
    available: Callable[[Scope], bool] = always
    doc: str = ""
    unsuitable: Callable[[Expr], str] | None = None

    def parameter(self, position: int) -> Parameter:
        """The parameter that takes the argument at a position."""
        if position < len(self.parameters):
            return self.parameters[position]
        assert self.variadic is not None
        return self.variadic

    def result_type(self, values: list[Value]) -> Type:
        """The type of the result for these arguments."""
        return self.returns if isinstance(self.returns, Type) else self.returns(values)


def simple(
    parameters: Sequence[Parameter], returns: Type, compute: Callable[..., object]
) -> Function:
    """A function over the raw forms of known primitive arguments; a text result is normalised."""

    def call(values: list[Value], _context: Context) -> Value:
        found = compute(*(value.raw for value in values))
        return text(found) if isinstance(found, str) else Value(returns, found)

    return Function(parameters=tuple(parameters), returns=returns, call=call)


def text(content: str) -> Value:
    """A string value of any text."""
    return Value(STRING, nfc(content))


def integer(value: Value, prefix: str = "", argument: int | None = None) -> int:
    """The 64-bit integer that a known number is.

    Raises:
        FunctionError: it is none.
    """
    raw = value.raw
    if not numbers.is_whole(raw) or not -_INT64 <= raw < _INT64:
        raise FunctionError(
            f"{prefix}value must be a whole number, between -9223372036854775808 and "
            "9223372036854775807",
            argument,
        )
    return int(raw)
