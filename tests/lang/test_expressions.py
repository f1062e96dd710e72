"""Operators, conditionals, templates, for and splat expressions."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.lang.equality import equals
from perimeter.lang.values import Value, number, string
from tests.lang.evaluating import attempt, plain, problems
from tests.strategies import TEXTS, VALUES


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("(1 + 2) * 3", 9),
        ("-2 * -3", 6),
        ("1 < 2 && 2 <= 2 || false", True),
        ("!(1 > 2)", True),
        ('"a" == "a" && "1" != 1', True),
        ('[1, "a"] == [1, "a"]', True),
        ("null == null", True),
        ("{ a = 1 } == { a = 1 }", True),
        ("tolist([1]) == [1]", False),
        ("true ? 1 : 2", 1),
        ('false ? 1 : "b"', "b"),
        ("true ? [1] : [1, 2]", [1]),
        ('true ? { a = 1 } : { b = "x" }', {"a": "1"}),
        ("true ? null : 1", None),
        ("false && nothing_there_at_all.x == 1 ? 1 : 2", 2),
        ('"${1}${true}"', "1true"),
        ('"${[1, 2]}"', [1, 2]),
        ('"a${"b"}c"', "abc"),
        ('"$${x} %%{y}"', "${x} %{y}"),
        ('"\\u00e9\\t\\"\\\\"', 'é\t"\\'),
        ('"%{ if true }yes%{ else }no%{ endif }"', "yes"),
        ('"%{ for k, v in { b = 2, a = 1 } }${k}${v} %{ endfor }"', "a1 b2 "),
        ('"a  ${~ "b" ~}  c"', "abc"),
        ("<<E\na ${1}\nE\n", "a 1\n"),
        ("<<-E\n  a\n    b\n  E\n", "a\n  b\n"),
        ("[for x in [1, 2, 3] : x * 2 if x > 1]", [4, 6]),
        ('[for i, x in ["a", "b"] : "${i}${x}"]', ["0a", "1b"]),
        ("{ for k, v in { a = 1, b = 2 } : v => k }", {"1": "a", "2": "b"}),
        ('{ for x in ["a", "b", "a"] : x => true... }', {"a": [True, True], "b": [True]}),
        ("[for x in toset([3, 1, 2]) : x]", [1, 2, 3]),
        ("[{ a = 1 }, { a = 2 }][*].a", [1, 2]),
        ("[[1], [2]].*.0", [1, 2]),
        ("null[*].a", []),
        ('"x"[*]', ["x"]),
        ('{ "a b" = 1, (1 + 1) = 2, c : 3 }', {"a b": 1, "2": 2, "c": 3}),
        ('{ a = { b = [1, 2] } }.a["b"][1]', 2),
        ("[1, 2][1.0]", 2),
        ("max([1, 3, 2]...)", 3),
    ],
)  # fmt: skip
def test_values(text: str, wanted: object) -> None:
    """What each construct evaluates to."""
    assert plain(text) == wanted


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ('1 + "x"', "Invalid operand"),
        ("1 + null", "Operation failed"),
        ("!1", "Invalid operand"),
        ("1 ? 2 : 3", "Incorrect condition type"),
        ("null ? 2 : 3", "Null condition"),
        ("true ? [1] : {}", "Inconsistent conditional result types"),
        ('"a${null}"', "Invalid template interpolation value"),
        ('"a${[]}"', "Invalid template interpolation value"),
        ("[1][2]", "Invalid index"),
        ("[1][-1]", "Invalid index"),
        ("[1][0.5]", "Invalid index"),
        ('toset(["a"])[0]', "Invalid index"),
        ("{ a = 1 }.b", "Unsupported attribute"),
        ("tomap({ a = 1 }).b", "Missing map element"),
        ('"a".b', "Unsupported attribute"),
        ("null.a", "Attempt to get attribute from null value"),
        ("null[0]", "Attempt to index null value"),
        ("[for x in 1 : x]", "Iteration over non-iterable value"),
        ("[for x in null : x]", "Iteration over null value"),
        ("[for x in [1] : x if null]", "Condition is null"),
        ('[for x in [1] : x if "x"]', "Invalid 'for' condition"),
        ('{ for x in ["a", "a"] : x => 1 }', "Duplicate object key"),
        ("{ for x in [null] : x => 1 }", "Invalid object key"),
        ("{ (null) = 1 }", "Null value as key"),
        ("{ ([]) = 1 }", "Incorrect key type"),
        ("tolist(null)[*]", "Splat of null value"),
    ],
)  # fmt: skip
def test_errors(text: str, summary: str) -> None:
    """Each is one diagnostic in Terraform's words, at its place."""
    _, found = attempt(text)
    assert [item.summary for item in found.errors] == [summary]
    subject = found.errors[0].subject
    assert subject is not None
    assert 0 <= subject.start.byte < subject.end.byte <= len(text.encode())


def test_both_sides_problems_are_reported() -> None:
    """One run shows all of them."""
    assert problems('[1 + "x", !1, {}.a]') == [
        "Invalid operand",
        "Invalid operand",
        "Unsupported attribute",
    ]


@given(VALUES, VALUES)
@settings(max_examples=120, deadline=None)
def test_equality_is_symmetric_and_reflexive(left: Value, right: Value) -> None:
    """Over any two values."""
    assert equals(left, left).raw is True
    assert equals(left, right) == equals(right, left)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=6))
@settings(max_examples=80, deadline=None)
def test_comprehensions_agree_with_pythons(items: list[int]) -> None:
    """Filters, keys and grouping."""
    source = ", ".join(map(str, items))
    assert plain(f"[for x in [{source}] : x + 1 if x % 2 == 0]") == [
        x + 1 for x in items if x % 2 == 0
    ]
    grouped = plain(f"{{ for x in [{source}] : x % 3 => x... }}")
    assert sorted(chain.from_iterable(grouped.values())) == sorted(items)
    assert plain(f"sort([for x in [{source}] : tostring(x)])") == sorted(map(str, items))
    assert plain(f"distinct([{source}])") == list(dict.fromkeys(items))


@given(TEXTS, st.integers(0, 9))
@settings(max_examples=80, deadline=None)
def test_an_interpolated_text_stays_itself(text: str, digit: int) -> None:
    """Whatever characters it has; the whole is in normal form C."""
    import unicodedata

    joined = plain('"<${x}|${n}>"', x=string(unicodedata.normalize("NFC", text)), n=number(digit))
    assert joined == unicodedata.normalize("NFC", f"<{unicodedata.normalize('NFC', text)}|{digit}>")
