"""Functions over numbers."""

from __future__ import annotations

import math
from typing import Any

from perimeter.lang import numbers
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    integer,
    simple,
)
from perimeter.lang.text import quote
from perimeter.lang.types import NUMBER, STRING, List, Set, Tuple
from perimeter.lang.values import Value, number, unknown

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _number(name: str) -> Parameter:
    return Parameter(name, NUMBER)


def _abs(raw: Any) -> Any:
    return numbers.negate(raw) if raw < 0 else raw


def _from_float(compute: Any, *operands: Any) -> Any:
    """What IEEE doubles make of it; an overflow is an infinity."""
    try:
        return numbers.from_float(compute(*(float(operand) for operand in operands)))
    except OverflowError:
        return numbers.infinity()
    except (ValueError, numbers.NumberError):
        raise FunctionError("the result is not a number") from None


def _log(raw: Any, base: Any) -> Any:
    def compute(value: float, root: float) -> float:
        upper, lower = _natural(value), _natural(root)
        if lower == 0:
            if upper == 0:
                raise ValueError
            return math.copysign(math.inf, upper)
        return upper / lower

    return _from_float(compute, raw, base)


def _natural(value: float) -> float:
    return -math.inf if value == 0 else math.log(value)


def _pow(raw: Any, exponent: Any) -> Any:
    def compute(value: float, power: float) -> float:
        return math.inf if value == 0 and power < 0 else math.pow(value, power)

    return _from_float(compute, raw, exponent)


def _signum(values: list[Value], _context: Context) -> Value:
    found = integer(values[0])
    return number((found > 0) - (found < 0))


def _extreme(choose: Any) -> Any:
    def call(values: list[Value], _context: Context) -> Value:
        if not values:
            raise FunctionError("must pass at least one number")
        found: Value = choose(values, key=lambda value: value.raw)
        return found

    return call


def _parseint(values: list[Value], _context: Context) -> Value:
    source, base_value = values
    if source.type != STRING:
        raise FunctionError(f"first argument must be a string, not {source.type.friendly}", 0)
    base = base_value.raw
    if not numbers.is_whole(base) or not 2 <= base <= 62:
        raise FunctionError("base must be a whole number between 2 and 62 inclusive", 1)
    content = source.raw
    digits = content[1:] if content[:1] in ("+", "-") else content
    if base <= 36:
        digits = digits.lower()
    allowed = _DIGITS[: int(base)]
    if not digits or any(digit not in allowed for digit in digits):
        raise FunctionError(f"cannot parse {quote(content)} as a base {base} integer", 0)
    found = 0
    for digit in digits:
        found = found * int(base) + allowed.index(digit)
    return number(numbers.from_int(-found if content[0] == "-" else found))


def _sum(values: list[Value], _context: Context) -> Value:
    source = values[0]
    if not isinstance(source.type, List | Set | Tuple):
        raise FunctionError("cannot sum noniterable", 0)
    if not source.raw:
        raise FunctionError("cannot sum an empty list", 0)
    total: Any = 0
    for item in source.raw:
        try:
            part = convert(item, NUMBER)
        except ConversionError:
            part = Value(NUMBER, None)
        if part.raw is None:
            raise FunctionError("argument must be list, set, or tuple of number values", 0)
        if not part.is_known:
            return unknown(NUMBER)
        try:
            total = numbers.add(total, part.raw)
        except numbers.NumberError as error:
            raise FunctionError(str(error)) from None
    return number(total)


_NUMBERS = Parameter("numbers", NUMBER)

FUNCTIONS: dict[str, Function] = {
    "abs": simple([_number("num")], NUMBER, _abs),
    "ceil": simple([_number("num")], NUMBER, numbers.ceil),
    "floor": simple([_number("num")], NUMBER, numbers.floor),
    "log": simple([_number("num"), _number("base")], NUMBER, _log),
    "pow": simple([_number("num"), _number("power")], NUMBER, _pow),
    "signum": Function(parameters=(_number("num"),), returns=NUMBER, call=_signum),
    "max": Function(variadic=_NUMBERS, returns=NUMBER, call=_extreme(max)),
    "min": Function(variadic=_NUMBERS, returns=NUMBER, call=_extreme(min)),
    "parseint": Function(
        parameters=(Parameter("number"), _number("base")), returns=NUMBER, call=_parseint
    ),
    "sum": Function(parameters=(Parameter("list", whole=True),), returns=NUMBER, call=_sum),
}
