"""Conversion and unification of types."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_expression
from perimeter.lang.constraints import parse_type_constraint
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.marks import unmark_deep
from perimeter.lang.plain import from_plain, json_text, to_plain
from perimeter.lang.render import render, type_text
from perimeter.lang.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    List,
    Map,
    Object,
    Set,
    Tuple,
    Type,
)
from perimeter.lang.unify import converted_type, unify
from perimeter.lang.values import SENSITIVE, Value, string, unknown
from tests.lang.evaluating import plain, value_of
from tests.strategies import TYPES, VALUES, values_of


@given(VALUES)
@settings(max_examples=120, deadline=None)
def test_converting_to_its_own_type_changes_nothing(value: Value) -> None:
    """Whatever the type."""
    assert convert(value, value.type) == value
    assert convert(value, DYNAMIC) == value


@given(TYPES, TYPES, st.data())
@settings(max_examples=150, deadline=None)
def test_a_converted_value_has_the_foreseen_type(
    got: Type, want: Type, data: st.DataObject
) -> None:
    """What ``converted_type`` promises, ``convert`` keeps, unless the value itself does not fit."""
    foreseen = converted_type(got, want)
    value = data.draw(values_of(got))
    try:
        converted = convert(value, want)
    except ConversionError:
        return
    if foreseen is not None:
        assert converted.type == foreseen
    assert convert(converted, want) == converted


@given(st.lists(TYPES, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_every_type_converts_to_the_unified_one(types: list[Type]) -> None:
    """In whichever order they are given there is one, or there is none."""
    found = unify(types)
    assert (found is None) == (unify(types[::-1]) is None)
    if found is not None:
        assert all(converted_type(kind, found) is not None for kind in types)


@given(VALUES)
@settings(max_examples=120, deadline=None)
def test_plain_data_and_back(value: Value) -> None:
    """The plain form of a known value keeps everything but the type, which is given again."""
    assert from_plain(to_plain(value), value.type) == value


@given(VALUES)
@settings(max_examples=120, deadline=None)
def test_json_and_back(value: Value) -> None:
    """``jsondecode(jsonencode(x))`` has the same JSON text."""
    text = json_text(value)
    assert json_text(value_of("jsondecode(x)", x=string(text))) == text


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_what_is_rendered_reads_back(value: Value) -> None:
    """Rendered text is an expression of the same value, as far as its strings hold no interpolation marks."""
    text = render(value)
    if "${" in text or "%{" in text or "/*" in text or "<<" in text:
        return
    expr, problems = parse_expression(text)
    assert expr is not None, text
    assert not problems, text
    assert json_text(value_of(text)) == json_text(value)


@pytest.mark.parametrize(
    ("constraint", "given_text", "wanted"),
    [
        ("number", '"12"', 12),
        ("bool", '"true"', True),
        ("string", "12.5", "12.5"),
        ("list(string)", "[1, true]", ["1", "true"]),
        ("set(string)", '["b", "a", "b"]', ["a", "b"]),
        ("map(number)", '{ a = "1" }', {"a": 1}),
        ("tuple([string, number])", '[1, "2"]', ["1", 2]),
        ("object({ a = string })", "{ a = 1, b = 2 }", {"a": "1"}),
        ("object({ a = optional(string) })", "{}", {"a": None}),
        ("object({ a = optional(number, 3) })", "{ a = null }", {"a": 3}),
        ("list(object({ a = optional(list(string), []) }))", "[{}]", [{"a": []}]),
        ("list(any)", '[1, "a"]', ["1", "a"]),
        ("map(any)", "{ a = [1], b = [] }", {"a": [1], "b": []}),
    ],
)
def test_constraints(constraint: str, given_text: str, wanted: object) -> None:
    """A variable's type constraint, and what a value becomes."""
    expr, _ = parse_expression(constraint)
    assert expr is not None
    kind, problems = parse_type_constraint(expr)
    assert not problems
    assert to_plain(convert(value_of(given_text), kind)) == wanted


@pytest.mark.parametrize(
    ("constraint", "given_text", "message"),
    [
        ("number", '"x"', "a number is required"),
        ("bool", '"TRUE"', 'use lowercase "true"'),
        ("list(number)", '[1, "x"]', "element 1: a number is required"),
        ("object({ a = string, b = string })", "{}", 'attributes "a" and "b" are required'),
        ("map(string)", "{ a = [] }", 'attribute "a": string required'),
        ("tuple([string])", "[]", "tuple"),
        ("string", "[]", "string required"),
    ],
)
def test_what_does_not_convert(constraint: str, given_text: str, message: str) -> None:
    """The message says where and what is required, and shows nothing of the value."""
    expr, _ = parse_expression(constraint)
    assert expr is not None
    kind, _ = parse_type_constraint(expr)
    with pytest.raises(ConversionError) as caught:
        convert(value_of(given_text), kind)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "list",
        "strin",
        "list(string, number)",
        '"string"',
        "optional(string)",
        "object(string)",
        "set",
    ],
)
def test_malformed_constraints_are_reported(text: str) -> None:
    """``list`` alone means any elements, as it did in old configurations."""
    expr, _ = parse_expression(text)
    assert expr is not None
    _, problems = parse_type_constraint(expr)
    assert bool(problems) == (text != "list")


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        ([STRING, NUMBER], STRING),
        ([NUMBER, BOOL], None),
        ([List(NUMBER), List(STRING)], List(STRING)),
        ([Tuple((NUMBER,)), Tuple((NUMBER, STRING))], List(STRING)),
        ([Object({"a": NUMBER}), Object({"b": NUMBER})], Map(NUMBER)),
        ([Set(STRING), Set(NUMBER)], Set(STRING)),
        ([Object({"a": NUMBER}), Tuple((NUMBER,))], None),
    ],
)
def test_unification(types: list[Type], wanted: Type | None) -> None:
    """The common type, as a conditional's branches need it."""
    assert unify(types) == wanted


def test_marks_stay_where_they_are() -> None:
    """Conversion keeps an element's mark on the element; a set takes it over."""
    secret = string("s").with_marks((SENSITIVE,))
    made = value_of("tolist([x, 1])", x=secret)
    assert SENSITIVE not in made.marks
    assert SENSITIVE in made.raw[0].marks
    assert SENSITIVE in value_of("toset([x])", x=secret).marks
    assert unmark_deep(made)[0].deep_marks() == frozenset()


def test_type_texts() -> None:
    """As the console's ``type`` prints them."""
    assert (
        type_text(List(Object({"a": STRING})))
        == "list(\n    object({\n        a: string,\n    }),\n)"
    )
    assert type_text(Map(List(NUMBER))) == "map(list(number))"
    assert render(Value(STRING, None)) == "tostring(null)"
    assert render(unknown(STRING)) == "(known after apply)"


def test_evaluation_never_raises_on_a_bomb() -> None:
    """An expression nested too deeply is a diagnostic."""
    from perimeter.lang.evaluate import evaluate
    from perimeter.lang.scope import StaticScope

    expr, problems = parse_expression("+".join(["1"] * 20_000))
    if problems:
        assert problems[0].summary
        return
    assert expr is not None
    found = Diagnostics()
    value = evaluate(expr, StaticScope(), found)
    assert found.has_errors or to_plain(value) == 20_000


def test_numbers_stay_exact_through_json() -> None:
    """Thirty digits survive."""
    assert plain('jsondecode("123456789012345678901234567890.5")').as_tuple().digits[-1] == 5
