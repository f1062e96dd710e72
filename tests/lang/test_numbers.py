"""Numbers have 512 bits, decimal texts are exact and shortest, and impossible results are errors."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.lang import numbers
from tests.lang.evaluating import plain, problems
from tests.strategies import RAW_NUMBERS

_WHOLES = st.integers(min_value=-(2**300), max_value=2**300)


@given(RAW_NUMBERS)
@settings(max_examples=150, deadline=None)
def test_text_reads_back(raw: object) -> None:
    """The shortest text denotes the very number."""
    assert numbers.parse(numbers.text(raw)) == raw


@given(_WHOLES, _WHOLES)
@settings(max_examples=100, deadline=None)
def test_whole_arithmetic_is_exact(left: int, right: int) -> None:
    """As far as 512 bits reach."""
    assert numbers.add(left, right) == left + right
    assert numbers.subtract(left, right) == left - right
    if abs(left * right) < 2**512 and left * right:
        assert numbers.multiply(left, right) == left * right


@given(_WHOLES, _WHOLES.filter(bool))
@settings(max_examples=100, deadline=None)
def test_modulo_rounds_towards_zero(left: int, right: int) -> None:
    """The remainder has the sign of the dividend."""
    remainder = numbers.modulo(left, right)
    assert abs(remainder) < abs(right)
    assert (left - remainder) % right == 0
    assert remainder == 0 or (remainder < 0) == (left < 0)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("5.5 % 2", Decimal("1.5")),
        ("-5.5 % 2", Decimal("-1.5")),
        ("5 % -3", 2),
        ("0.1 + 0.2", Decimal("0.3")),
        ("1e3", 1000),
        ("9007199254740993", 9007199254740993),
        ("floor(-1.5)", -2),
        ("ceil(-1.5)", -1),
        ('"0x10" == 16', False),
        ('"5" + 1', 6),
        ("log(8, 2)", 3),
        ("pow(2, 10)", 1024),
        ('parseint("zz", 36)', 35 * 36 + 35),
        ('parseint("-101", 2)', -5),
        ("max(1, 3, 2) - min(4, 2)", 1),
    ],
)
def test_examples(text: str, wanted: object) -> None:
    """Values that one would compute by hand."""
    assert plain(text) == wanted


@pytest.mark.parametrize("text", ["0 / 0", "(1 / 0) - (1 / 0)", "0 * (1 / 0)"])
def test_what_has_no_result_is_an_error(text: str) -> None:
    """An infinity exists, what is not a number does not."""
    assert problems(text) == ["Operation failed"]


@given(st.fractions(min_value=0, max_value=10**6, max_denominator=10**6), st.integers(0, 8))
@settings(max_examples=100, deadline=None)
def test_fixed_places_are_rounded_half_to_even(value: Fraction, places: int) -> None:
    """``%f`` rounds the exact value of the binary number, as Python's decimals do."""
    raw = numbers.divide(value.numerator, value.denominator)
    shown = plain(f'format("%.{places}f", x)', x=_number(raw))
    exact = Decimal(numbers.text(raw)).quantize(Decimal(1).scaleb(-places))
    assert abs(Decimal(shown) - exact) <= Decimal(1).scaleb(-places)
    assert len(shown.partition(".")[2]) == places


def _number(raw: object):
    from perimeter.lang.values import number

    return number(raw)


@pytest.mark.parametrize("text", ["", "x", "1_000", "0x1F", "1e", "--1", "1 2", "٣"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """Only decimal numbers convert."""
    with pytest.raises(ValueError, match="number"):
        numbers.parse(text)
