"""Decimal texts of numbers that are not negative, rounded half to even from their exact value."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from perimeter.lang import numbers

_SHORTEST_LIMIT = 6
"""From so many integer digits on ``%g`` without a precision uses an exponent."""


def fixed(raw: Any, places: int) -> str:
    """``%f``: that many digits after the point."""
    digits = decimal(round(exact(raw) * 10**places)).zfill(places + 1)
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def exponent_form(raw: Any, places: int) -> str:
    """``%e``: one digit before the point, that many after it."""
    digits, point = _significant(raw, places + 1)
    return _scientific(digits, point - 1)


def general(raw: Any, precision: int | None) -> str:
    """``%g``: the shorter form, with as many digits as needed or at most ``precision``."""
    if precision is None:
        digits, point = shortest(raw)
        limit = _SHORTEST_LIMIT
    else:
        digits, point = _significant(raw, max(precision, 1))
        digits = digits.rstrip("0") or "0"
        limit = max(precision, 1)
        if limit > len(digits) >= point:
            limit = len(digits)
    if not -4 <= point - 1 < limit:
        return _scientific(digits, point - 1)
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if len(digits) <= point:
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def shortest(raw: Any) -> tuple[str, int]:
    """The fewest digits that denote the number, and where the point is in them."""
    if raw == 0:
        return "0", 1
    if type(raw) is int:
        content = str(raw)
        return content.rstrip("0"), len(content)
    return numbers.decimal_digits(raw)


def exact(raw: Any) -> Fraction:
    """The number as a fraction."""
    if type(raw) is int:
        return Fraction(raw)
    mantissa, exponent = (int(part) for part in raw.as_mantissa_exp())
    return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)


def decimal(whole: int) -> str:
    """An integer's digits, however many: Python itself refuses to print more than some thousand."""
    import gmpy2

    found: str = gmpy2.mpz(whole).digits()  # pyright: ignore[reportAttributeAccessIssue]
    return found


def _significant(raw: Any, count: int) -> tuple[str, int]:
    if raw == 0:
        return "0" * count, 1
    value, point = exact(raw), shortest(raw)[1]
    digits = decimal(round(value * Fraction(10) ** (count - point)))
    return digits[:count], point + len(digits) - count


def _scientific(digits: str, power: int) -> str:
    head = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{head}e{'-' if power < 0 else '+'}{abs(power):02d}"
