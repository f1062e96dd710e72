"""What is unknown, unseen, sensitive or ephemeral stays so through operators, templates and functions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_expression
from perimeter.lang.evaluate import evaluate
from perimeter.lang.functions.table import FUNCTIONS
from perimeter.lang.scope import StaticScope
from perimeter.lang.types import BOOL, NUMBER, STRING, List, Map, Set
from perimeter.lang.values import (
    EPHEMERAL,
    SENSITIVE,
    Reason,
    Unknown,
    Unseen,
    Value,
    number,
    string,
    tuple_of,
    unknown,
)
from tests.lang.evaluating import UNSEEN, attempt, plain, value_of
from tests.strategies import EXPRESSIONS

SECRET = string("hunter2-secret").with_marks((SENSITIVE,))
LATER = unknown(STRING)


@pytest.mark.parametrize(
    "text",
    [
        "try(x, 1)",
        "try(x.a.b, 1)",
        "try([x][0], 1)",
        "can(x)",
        "can(x.a)",
        "coalesce(x, 1)",
        'coalesce("", x, "z")',
        "coalescelist(x, [1])",
        "x == 1",
        "!x",
        "x ? 1 : 2",
        '"a-${x}"',
        "[for v in x : v]",
        "x[*].id",
        "upper(x)",
        "length(x)",
        "contains([x], 1)",
        "merge({ a = 1 }, x)",
        "jsonencode({ a = x })",
        'format("%s", x)',
        "x + 1",
        "{ (x) = 1 }",
        "max(1, x)",
        'lookup(x, "a", 1)',
        "tolist(x)",
        "flatten([[1], x])",
        "element(x, 0)",
        "toset(x)",
        "sum([1, x])",
    ],
)  # fmt: skip
def test_unseen_is_not_absorbed(text: str) -> None:
    """What a tenant did not show makes no result: neither a fallback nor a verdict."""
    value, found = attempt(text, x=UNSEEN)
    assert not found.has_errors, list(found)
    assert isinstance(value.raw, Unseen)
    assert value.raw.reason is Reason.FORBIDDEN
    assert value.raw.needs == "okta.users.read"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("true ? 1 : x", 1),
        ("length([x])", 1),
        ("keys({ a = x })", ["a"]),
        ("contains([x, 1], 1)", True),
        ("[1, x][0]", 1),
        ("{ a = 1, b = x }.a", 1),
        ('try(null.a, "fallback")', "fallback"),
        ("can(1)", True),
        ("slice([1, x], 0, 1)", [1]),
    ],
)
def test_what_does_not_depend_on_the_unknown_is_known(text: str, wanted: object) -> None:
    """Neither unknown nor unseen parts spoil the rest."""
    assert plain(text, x=UNSEEN) == wanted
    assert plain(text, x=unknown()) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('startswith("id-${x}", "id-")', True),
        ('startswith("id-${x}", "no")', False),
        ('"id-${x}" == "other"', False),
        ("upper(x) == null", False),
        ("length(x) >= 0", True),
        ("length(x) < 0", False),
        ('("id-${x}") != null', True),
        ('startswith(format("a-%s", x), "a-")', True),
    ],
)
def test_refinements_decide(text: str, wanted: bool) -> None:
    """A prefix, a bound or not being null is enough to answer."""
    assert plain(text, x=LATER) is wanted


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("upper(x)", STRING),
        ("length(x)", NUMBER),
        ('x == "a"', BOOL),
        ('split(",", x)', List(STRING)),
        ("tonumber(x)", NUMBER),
        ("sha256(x)", STRING),
        ("tolist([x])", List(STRING)),
        ('regexall("a", x)', List(STRING)),
        ("timestamp()", STRING),
        ("uuid()", STRING),
        ('bcrypt("x")', STRING),
    ],
)  # fmt: skip
def test_unknown_results_have_a_type(text: str, kind: object) -> None:
    """Later checks need it."""
    value = value_of(text, x=LATER)
    assert value.type == kind


@pytest.mark.parametrize(
    "text",
    [
        "x", '"a${x}"', "[x]", "{ a = x }", "upper(x)", 'x == "hunter2-secret"', "length(x)",
        "[for v in [1] : x]", "concat([x], [])", "merge({ a = x })", "jsonencode([x])", "toset([x])",
        'format("%s", x)', 'join(",", [x])', "sha256(x)", "x != null ? 1 : 2", "try(x, 1)",
        "coalesce(x, 1)", "reverse([x])", "values({ a = x })", 'zipmap(["a"], [x])',
        "templatestring(x, { v = 1 })", 'lookup({ a = x }, "a")', "one([x])", "flatten([x])",
        "contains([x], x)", 'replace("a", "a", x)', "base64encode(x)", "yamlencode([x])", "can(x.y)",
    ],
)  # fmt: skip
def test_marks_travel(text: str) -> None:
    """Whatever is computed from a sensitive value is sensitive; ``can`` reveals no more than whether it works."""
    for mark in (SENSITIVE, EPHEMERAL):
        value = value_of(text, x=string("hunter2-secret").with_marks((mark,)))
        assert (mark in value.deep_marks()) != (text == "can(x.y)")


@pytest.mark.parametrize(
    "text",
    [
        "parseint(x, 10)", "base64decode(x)", "tonumber(x)", "tobool(x)", "jsondecode(x)",
        "cidrhost(x, 1)", 'timeadd("2020-01-01T00:00:00Z", x)', "file(x)", 'regex("^a$", x)',
        'formatdate(x, "2020-01-01T00:00:00Z")', "x + 1", "-x", "!x", "x.y", "x[0]", "[1][x]",
        'format("%d", x)', "x ? 1 : 2", "max(x)", 'csvdecode("a\\n${x},1")', "yamldecode(\"'${x}\")",
        'uuidv5(x, "a")', "rsadecrypt(x, x)", "cidrsubnet(x, 1, 1)", "element([], x)",
        'textencodebase64("a", x)', "{ a = 1 }[x]", "{ for v in [1, 2] : x => v }", "lookup(tomap({}), x)",
        'textdecodebase64(x, "UTF-8")', "timecmp(x, x)", 'fileset(".", "[${x}")', "templatefile(x, {})",
        "range(x)", "abs(x)", "provider::x::y(x)", 'fileexists("~${x}")', "sort([null, x])",
    ],
)  # fmt: skip
def test_no_error_shows_a_sensitive_value(text: str) -> None:
    """Neither raw nor in parts."""
    _, found = attempt(text, x=SECRET)
    for item in found:
        shown = f"{item.summary} {item.detail} {item.values}"
        assert "hunter2" not in shown
    if text not in ('fileset(".", "[${x}")', "element([], x)"):
        assert found.has_errors


def test_sensitivity_is_set_and_taken_away() -> None:
    """``nonsensitive`` is the only way out."""
    assert SENSITIVE in value_of('sensitive("a")').marks
    assert value_of("nonsensitive(x)", x=SECRET).marks == frozenset()
    assert plain("issensitive(x)", x=SECRET) is True
    assert plain("issensitive([x])", x=SECRET) is False
    assert plain("ephemeralasnull([x, 1])", x=string("e").with_marks((EPHEMERAL,))) == [None, 1]


@given(EXPRESSIONS, st.data())
@settings(max_examples=250, deadline=None)
def test_evaluation_never_raises(text: str, data: st.DataObject) -> None:
    """Any well-formed expression over any variables gives a value and perhaps diagnostics."""
    expr, problems = parse_expression(text)
    assert expr is not None
    assert not problems
    choices = st.sampled_from([LATER, UNSEEN, SECRET, number(1), tuple_of([number(1)]), unknown()])
    names = {
        part for part in text.replace("[", " ").replace(".", " ").split() if part.isidentifier()
    }
    scope = StaticScope({name: data.draw(choices) for name in sorted(names)})
    found = Diagnostics()
    value = evaluate(expr, scope, found)
    assert isinstance(value, Value)
    for item in found:
        assert "hunter2" not in item.summary + item.detail


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_survives_every_kind_of_argument(name: str) -> None:
    """Unknown, unseen, null, marked or of another type: a value or a diagnostic, never an exception."""
    function = FUNCTIONS[name]
    samples = [
        unknown(), LATER, UNSEEN, Value(STRING, None), SECRET, number(3), number(-1), string(""),
        tuple_of([]), tuple_of([string("a"), unknown()]), value_of('{ a = 1, b = ["x"] }'),
        value_of('toset(["a", "b"])'), value_of('tomap({ a = "b" })'), unknown(List(STRING)),
        unknown(Map(NUMBER)), unknown(Set(BOOL)), value_of("1 / 0"), value_of("null"),
    ]  # fmt: skip
    count = len(function.parameters) or 2
    for sample in samples:
        for other in (sample, string("a"), number(2), tuple_of([number(1)])):
            variables = {"x": sample, **{f"y{index}": other for index in range(1, count)}}
            value, found = attempt(f"{name}({', '.join(variables)})", **variables)
            assert isinstance(value, Value)
            assert not any("hunter2" in item.detail for item in found)
            if isinstance(sample.raw, Unseen) and isinstance(value.raw, Unknown):
                assert found.has_errors or isinstance(value.raw, Unseen)
