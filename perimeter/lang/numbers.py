"""Numbers: binary floats of 512 bits, kept as Python ints wherever they are integral.

The raw form of a number is an ``int`` of at most 512 bits or a gmpy2 ``mpfr``: a fraction, an infinity, a
negative zero, an integer that needs more than 512 bits, or one of 53 bits' precision whose text is shorter than its
digits. gmpy2 is loaded when the first such number
appears. Rounding, the texts and ``modulo`` agree with cty v1.16, the number type of Terraform 1.11.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import Any

PRECISION = 512
_DOUBLE = 53

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEpP][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,154}", re.ASCII)
_INFINITY = re.compile(r"[+-]?[iI]nf")
_EXPONENT_LIMIT = 1_000_000
"""Beyond it a number's text would fill memory: a literal is out of range, a result is infinite or zero."""
_EXPONENT_BITS = 3_400_000
_EXACT_BITS = 12_000
"""Up to here the shortest digits are found from exact integers, as Go finds them."""
_FEW_DIGITS = 40


class NumberError(ArithmeticError):
    """An arithmetic operation has no result; the text is Terraform's."""


@cache
def _library() -> Any:
    import gmpy2

    return gmpy2


@cache
def _context() -> Any:
    return _library().context(precision=PRECISION, emax=_EXPONENT_BITS, emin=-_EXPONENT_BITS)


def parse(text: str) -> Any:
    """Return the raw number that a decimal text denotes.

    Raises:
        ValueError: the text is not a decimal number, or is out of range.
    """
    if _INTEGER.fullmatch(text):
        number = int(text)
        return number if number or text[0] != "-" else _negative_zero()
    if _INFINITY.fullmatch(text):
        return infinity(negative=text[0] == "-")
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError("a number is required")
    exponent = found[2] or ""
    if exponent and abs(int(exponent[1:])) > _EXPONENT_LIMIT:
        raise ValueError("the number is out of range")
    if exponent[:1] in {"p", "P"}:
        scaled = _context().mul_2exp if exponent[1] != "-" else _context().div_2exp
        mantissa = _mpfr(text[: -len(exponent)])
        return normalise(scaled(mantissa, abs(int(exponent[1:]))))
    return normalise(_mpfr(text))


def from_float(number: float) -> Any:
    """Return the raw number of an IEEE double, which keeps its 53 bits of precision.

    Raises:
        NumberError: it is not a number.
    """
    if number != number:
        raise NumberError("the result is not a number")
    kept = _library().mpfr(number, _DOUBLE)
    if (
        abs(number) >= 2**_DOUBLE
        and number - number == 0
        and int(Decimal(repr(number))) != int(number)
    ):
        return kept  # its shortest text is another than the integer's
    return normalise(kept)


def from_int(number: int) -> Any:
    """Return the raw number of an integer, rounded to 512 bits."""
    return number if number.bit_length() <= PRECISION else _library().mpfr(number, PRECISION)


def from_decimal(number: Decimal) -> Any:
    """Return the raw number of a decimal.

    Raises:
        NumberError: it is not a number.
    """
    if number.is_nan():
        raise NumberError("the result is not a number")
    if number.is_infinite():
        return infinity(negative=number < 0)
    return parse(str(number))


def infinity(*, negative: bool = False) -> Any:
    """Return positive or negative infinity."""
    return _library().mpfr("-inf" if negative else "inf")


def is_infinite(number: Any) -> bool:
    """Whether it is an infinity."""
    return type(number) is not int and bool(_library().is_infinite(number))


def normalise(number: Any) -> Any:
    """Return an mpfr as an int when it is integral and fits 512 bits."""
    if number.is_integer() and number.as_mantissa_exp()[1] <= PRECISION:
        whole = int(number)
        if whole.bit_length() <= PRECISION and (whole or not number.is_signed()):
            return whole
    return number


def is_whole(number: Any) -> bool:
    """Whether it has no fractional part and is finite."""
    return type(number) is int or bool(number.is_integer())


def add(left: Any, right: Any) -> Any:
    """Return the sum.

    Raises:
        NumberError: the infinities cancel.
    """
    if type(left) is int and type(right) is int:
        return from_int(left + right)
    return _checked(
        _context().add(_wide(left), _wide(right)), "can't compute sum of opposing infinities"
    )


def subtract(left: Any, right: Any) -> Any:
    """Return the difference.

    Raises:
        NumberError: the infinities cancel.
    """
    if type(left) is int and type(right) is int:
        return from_int(left - right)
    outcome = _context().sub(_wide(left), _wide(right))
    return _checked(outcome, "can't subtract infinity from itself")


def multiply(left: Any, right: Any) -> Any:
    """Return the product.

    Raises:
        NumberError: zero times infinity.
    """
    if type(left) is int and type(right) is int:
        product = left * right
        if product == 0 and (left < 0 or right < 0):
            return _negative_zero()
        return from_int(product)
    outcome = _context().mul(_wide(left), _wide(right))
    return _checked(outcome, "can't multiply zero by infinity")


def divide(left: Any, right: Any) -> Any:
    """Return the quotient; a division by zero gives an infinity.

    Raises:
        NumberError: zero by zero, or infinity by infinity.
    """
    if type(left) is int and type(right) is int and right and left % right == 0 and left:
        return left // right
    outcome = _context().div(_wide(left), _wide(right))
    return _checked(outcome, "can't divide zero by zero or infinity by infinity")


def modulo(left: Any, right: Any) -> Any:
    """Return the remainder of the division that rounds towards zero; modulo zero is the number itself.

    Raises:
        NumberError: the left number is infinite.
    """
    if right == 0:
        return left
    if is_infinite(left):
        raise NumberError("can't use modulo with infinity")
    if is_infinite(right):
        return left
    if type(left) is int and type(right) is int:
        remainder = abs(left) % abs(right)
        return -remainder if left < 0 else remainder
    quotient = int(_library().trunc(_context().div(_wide(left), _wide(right))))
    product = _context().mul(_wide(right), _wide(from_int(quotient)))
    return normalise(_context().sub(_wide(left), product))


def negate(number: Any) -> Any:
    """Return the number with the opposite sign; zero has two."""
    if type(number) is int:
        return -number if number else _negative_zero()
    return normalise(_context().minus(number))


def floor(number: Any) -> Any:
    """Return the greatest whole number that is not greater."""
    if is_whole(number) or is_infinite(number):
        return _unsigned_zero(number)
    return from_int(int(_library().floor(number)))


def ceil(number: Any) -> Any:
    """Return the least whole number that is not less."""
    if is_whole(number) or is_infinite(number):
        return _unsigned_zero(number)
    return from_int(int(_library().ceil(number)))


def text(number: Any) -> str:
    """Return the shortest decimal text that denotes the number, without an exponent."""
    if type(number) is int:
        return str(number)
    if is_infinite(number):
        return "-Inf" if number < 0 else "+Inf"
    sign = "-" if number.is_signed() else ""
    if number == 0:
        return sign + "0"
    digits, point = decimal_digits(number)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if len(digits) <= point:
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"


def to_decimal(number: Any) -> Decimal:
    """Return the decimal of the number's text."""
    if is_infinite(number):
        return Decimal("-Infinity" if number < 0 else "Infinity")
    return Decimal(text(number))


def decimal_digits(number: Any) -> tuple[str, int]:
    """Return the shortest digits of a finite mpfr's magnitude and where the decimal point is in them."""
    gmpy2 = _library()
    precision = number.precision
    if precision == _DOUBLE:
        _, shown, power = Decimal(repr(abs(float(number)))).as_tuple()
        digits = "".join(map(str, shown))
        return digits.rstrip("0"), len(digits) + int(power)
    digits, point, _ = number.digits(10, _FEW_DIGITS)
    sign = "-" if digits[0] == "-" else ""
    digits = digits.lstrip("-").rstrip("0")
    if gmpy2.mpfr(f"{sign}0.{digits}e{point}", precision) == number:
        return digits, point
    mantissa, exponent = (abs(int(number.as_mantissa_exp()[0])), int(number.as_mantissa_exp()[1]))
    half_ulp = exponent + mantissa.bit_length() - precision - 1
    if abs(half_ulp) > _EXACT_BITS:
        return _nearest(number, precision)
    doubled = mantissa << (exponent - half_ulp)
    scale = 1 << half_ulp if half_ulp >= 0 else 5**-half_ulp
    mpz = gmpy2.mpz  # Python refuses to print integers of many digits
    upper = mpz((doubled + 1) * scale).digits()
    width = len(upper)
    lower = mpz((doubled - 1) * scale).digits().zfill(width)
    exact = mpz(doubled * scale).digits().zfill(width)
    digits = _shortest(exact, lower, upper, inclusive=doubled & 2 == 0)
    point = width + min(half_ulp, 0)
    stripped = digits.lstrip("0")
    return stripped.rstrip("0"), point - (len(digits) - len(stripped))


def _nearest(number: Any, precision: int) -> tuple[str, int]:
    """The fewest digits that, rounded to nearest, give the number again."""
    low, high = 1, precision * 31 // 100 + 3
    while low < high:
        middle = (low + high) // 2
        digits, point, _ = number.digits(10, max(middle, 2))
        if (
            _library().mpfr(
                f"{'-' if digits[0] == '-' else ''}0.{digits.lstrip('-')}e{point}", precision
            )
            == number
        ):
            high = middle
        else:
            low = middle + 1
    digits, point, _ = number.digits(10, max(low, 2))
    return digits.lstrip("-").rstrip("0"), point


def _shortest(exact: str, lower: str, upper: str, *, inclusive: bool) -> str:
    """Cut the digits at the first place where rounding stays within the bounds.

    The result has as many integer digits as ``exact``; when rounding carries out of the first digit that
    digit was a zero, because ``upper`` is as wide.
    """
    low_tail, high_tail = lower.rstrip("0"), upper.rstrip("0")
    below = above = False
    for place, digit in enumerate(exact):
        below = below or lower[place] != digit
        above = above or upper[place] != digit
        down = below or (inclusive and place + 1 >= len(low_tail))
        step_up = str(int(exact[: place + 1]) + 1).zfill(place + 1)
        up = above and (
            step_up < upper[: place + 1]
            or (step_up == upper[: place + 1] and (inclusive or place + 1 < len(high_tail)))
        )
        if not (down or up):
            continue
        rest = exact[place + 1 :]
        half = "5".ljust(len(rest), "0")
        if down and up:
            odd = int(digit) % 2 == 1
            chosen_up = rest > half or (rest == half and bool(rest) and odd)
        else:
            chosen_up = up
        kept = step_up if chosen_up else exact[: place + 1]
        return kept.ljust(len(exact), "0")
    return exact


def _mpfr(text_: str) -> Any:
    return _library().mpfr(text_, PRECISION)


def _wide(number: Any) -> Any:
    return _library().mpfr(number, PRECISION) if type(number) is int else number


def _negative_zero() -> Any:
    return _library().mpfr("-0", PRECISION)


def _unsigned_zero(number: Any) -> Any:
    return 0 if number == 0 else number


def _checked(number: Any, message: str) -> Any:
    if _library().is_nan(number):
        raise NumberError(message)
    return normalise(number)
