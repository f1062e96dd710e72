"""One run of the parser reports every error, at its exact place, and keeps what is sound."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.hcl import parse_expression, parse_file, parse_template
from perimeter.hcl.nodes import Call, Template
from perimeter.hcl.walk import walk
from tests.strategies import BODIES, EXPRESSIONS

BROKEN = """resource "a" "b" {
  x = = 1
  y = [1, 2
}

good = 1
variable "v" {
  default = "\\q"
}
dup = 1
dup = 2
z = f(1 2)
é = "e\u0301" + )
"""


def test_all_errors_of_a_file_are_reported_where_they_are() -> None:
    """Lines and columns count grapheme clusters; each error names its block."""
    _, problems = parse_file(BROKEN, "main.hcl")
    found = [
        (item.summary, item.subject.start.line, item.subject.start.column, item.block)
        for item in problems
        if item.subject is not None
    ]
    assert found == [
        ("Invalid expression", 2, 7, 'resource "a" "b"'),
        ("Missing item separator", 4, 1, 'resource "a" "b"'),
        ("Invalid escape sequence", 8, 14, 'variable "v"'),
        ("Attribute redefined", 11, 1, None),
        ("Missing argument separator", 12, 9, None),
        ("Invalid expression", 13, 11, None),
    ]


def test_what_is_sound_survives() -> None:
    """Arguments and blocks without errors are in the body."""
    body, _ = parse_file(BROKEN, "main.hcl")
    assert {"good", "dup"} <= body.attributes.keys()
    assert [block.type for block in body.blocks] == ["resource", "variable"]


def test_bytes_are_counted_in_utf8() -> None:
    """A position's byte offset counts encoded bytes, its column clusters."""
    body, problems = parse_file('a = "日本" \nb = x\n', "main.hcl")
    assert not problems
    start = body.attributes["b"].range.start
    assert (start.line, start.column, start.byte) == (2, 1, len('a = "日本" \n'.encode()))


def test_a_byte_order_mark_is_skipped() -> None:
    """Editors on Windows write one."""
    body, problems = parse_file("\ufeffa = 1\n", "main.hcl")
    assert not problems
    assert "a" in body.attributes


def test_many_errors_are_cut() -> None:
    """Beyond a hundred errors of one file the rest is counted."""
    _, problems = parse_file("".join(f"a{n} = )\n" for n in range(300)), "main.hcl")
    assert problems[-1].summary == "Too many syntax errors"
    assert len(problems) <= 101


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    """A bomb of brackets is refused."""
    _, problems = parse_expression("[" * 100_000)
    assert problems
    expr, problems = parse_expression("(" * 60 + "1" + ")" * 60)
    assert expr is not None
    assert not problems


def test_a_bare_template_knows_no_escapes() -> None:
    """A template file is its text."""
    template, problems = parse_template('a\\n"${b}"\n', "t.tmpl")
    assert not problems
    assert template.parts[0].text == 'a\\n"'


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_parses_or_is_refused(text: str) -> None:
    """Nothing makes the parser raise, and errors lie inside the file."""
    _, problems = parse_file(text, "any.hcl")
    size = len(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"))
    for item in problems:
        assert item.subject is not None
        assert 0 <= item.subject.start.byte <= item.subject.end.byte <= size
        assert item.summary


@given(EXPRESSIONS)
@settings(max_examples=150, deadline=None)
def test_every_node_covers_its_text(text: str) -> None:
    """Children lie inside their parent, and the root covers the whole text."""
    expr, problems = parse_expression(text)
    assert expr is not None
    assert not problems
    assert expr.text == text
    for node in walk(expr):
        assert expr.start <= node.start <= node.end <= expr.end
        if isinstance(node, Call):
            assert node.text.startswith(node.name)


@given(BODIES)
@settings(max_examples=60, deadline=None)
def test_cutting_a_file_never_loses_what_stands_before(text: str) -> None:
    """While a file is being typed, its finished arguments are known."""
    whole, _ = parse_file(text, "main.hcl")
    cut, _ = parse_file(text + "\nunfinished = ", "main.hcl")
    assert set(whole.attributes) <= set(cut.attributes) | {"unfinished"}
    assert len(cut.blocks) == len(whole.blocks)


def test_heredoc_indentation_is_the_least_of_its_lines() -> None:
    """Interpolated text does not count, blank lines neither."""
    body, problems = parse_file("a = <<-E\n    x\n\n      ${y}\n    E\n", "main.hcl")
    assert not problems
    template = body.attributes["a"].expr
    assert isinstance(template, Template)
    assert getattr(template.parts[0], "value", "").startswith("x\n")


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("a = x[\n*]\n", "Invalid expression"),
        ("a = x[ # c\n*]\n", "Invalid expression"),
        ("a = x[*\n]\n", "Missing close bracket on splat index"),
        ("a = { b = x[\n*] }\n", "Invalid expression"),
        ("b {\n  a = x[\n*]\n}\n", "Invalid expression"),
        ("a = x[/* c\n */ *]\n", ""),
        ("a = (x[\n*])\n", ""),
        ("a = [x[\n*\n]]\n", ""),
        ("a = f(x[\n*])\n", ""),
        ('a = "${x[\n*]}"\n', ""),
        ("a = {for k in x[\n*] : k => k}\n", ""),
        ("a = x[\n0\n]\n", ""),
    ],
)
def test_a_line_break_beside_the_star_of_a_splat(text: str, summary: str) -> None:
    """Counts as it does around the expression: refused, unless a bracket around it is open."""
    from perimeter.hcl import parse_file

    _, problems = parse_file(text, "t.hcl")
    assert [item.summary for item in problems] == ([summary] if summary else [])
