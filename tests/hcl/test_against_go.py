"""The parser accepts what HashiCorp's own parser accepts, and refuses what that refuses."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perimeter.hcl import parse_file
from tests.strategies import BODIES, EXPRESSIONS

pygohcl = pytest.importorskip("pygohcl", reason="pygohcl is built for Linux only")

_FRAGMENTS = st.sampled_from(
    [
        *'{}[]()"$%=,.:?!&|<>*/+-#\n \\0aé',
        "${",
        "%{",
        "}}",
        "...",
        "=>",
        "[*]",
        "<<E\n",
        "/*",
        "::",
        ".*",
    ]
)


def go_accepts(text: str) -> bool:
    """Whether HashiCorp's parser finds no syntax error; what fails to evaluate is no syntax error."""
    try:
        pygohcl.loads(text)
    except pygohcl.HCLParseError as error:
        return not str(error).startswith("invalid HCL")
    except (pygohcl.HCLInternalError, pygohcl.UnknownFunctionError, pygohcl.ValidationError):
        return True
    return True


def accepts(text: str) -> bool:
    """Whether our parser finds no syntax error."""
    return not parse_file(text, "test.hcl")[1]


@given(BODIES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_well_formed_files_are_accepted(text: str) -> None:
    """What the grammar generates is accepted by both."""
    assert accepts(text)
    assert go_accepts(text)


@given(EXPRESSIONS, st.integers(0, 200), _FRAGMENTS, st.booleans())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_file_gets_the_same_verdict(
    expression: str, place: int, fragment: str, replace: bool
) -> None:
    """One fragment more, or instead of a character, anywhere: both say yes or both say no."""
    text = f"a = {expression}\nb = 1\n"
    at = place % (len(text) + 1)
    damaged = text[:at] + fragment + text[at + replace :]
    assert accepts(damaged) == go_accepts(damaged), damaged


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "# only a comment",
        "a = 1",
        "a = 1 # comment",
        "a = 1 // comment\n",
        "a = /* inside */ 1\n",
        "a = 1\nb = 2\n",
        "a = 1 b = 2\n",
        "a = 1\na = 2\n",
        "b {}\n",
        "b { a = 1 }\n",
        "b { a = 1, c = 2 }\n",
        "b { c {} }\n",
        "b {\n a = 1 }\n",
        "b {\n  a = 1\n}",
        "b {\n  a = 1\n} c = 1\n",
        'b x "y" {\n}\n',
        'b "${a}" {\n}\n',
        'b "a\\nb" {\n}\n',
        "b 1 {\n}\n",
        "b\n{\n}\n",
        'a = "x\ny"\n',
        'a = "unterminated\n',
        'a = "\\q"\n',
        'a = "\\u00e9 \\U0001F600"\n',
        'a = "$${x} %%{y}"\n',
        'a = "${x"\n',
        'a = "${ x ~}  ${~ y }"\n',
        'a = "%{ if x }y%{ else }z%{ endif }"\n',
        'a = "%{ if x }y"\n',
        'a = "%{ for x in y }${x}%{ endfor }"\n',
        'a = "%{ endif }"\n',
        "a = <<E\nx\nE\n",
        "a = <<-E\n  x ${y}\n  E\n",
        "a = <<E\nx\n",
        "a = <<E x\nE\n",
        "a = (1\n+ 2)\n",
        "a = 1\n+ 2\n",
        "a = [1,\n2,\n]\n",
        "a = [1\n2]\n",
        "a = {\n b = 1\n c = 2\n}\n",
        "a = { b = 1 c = 2 }\n",
        "a = { b = 1, c = 2, }\n",
        'a = { (b) = 1, "c" : 2, d.e = 3 }\n',
        "a = f()\n",
        "a = f(1, 2, ...)\n",
        "a = f(x...)\n",
        "a = f(x..., y)\n",
        "a = f (1)\n",
        "a = x::y::f(1)\n",
        "a = x::y\n",
        'a = b[0].c["d"].e\n',
        "a = b.0.c\n",
        "a = b.0.1\n",
        "a = b[*].c\n",
        "a = b.*.c\n",
        "a = b.*.c[0]\n",
        "a = b[]\n",
        "a = b.\n",
        "a = -b\n",
        "a = - - b\n",
        "a = !b && c || d\n",
        "a = b ? c : d ? e : f\n",
        "a = b ? c\n",
        "a = [for x in y : x if z]\n",
        "a = [for x, y, z in w : x]\n",
        "a = {for k, v in w : k => v...}\n",
        "a = {for k, v in w : k}\n",
        "a = [for x in y : k => v]\n",
        "a = 1.5e-3\n",
        "a = 1.\n",
        "a = .5\n",
        "a = 0x1F\n",
        "a = 1_000\n",
        "a == 1\n",
        "a.b = 1\n",
        "= 1\n",
        "1 = a\n",
        "a\n",
        "a =\n",
        "a = 'x'\n",
        "a = `x`\n",
        "a = b & c\n",
        "a = b | c\n",
        "a = b ^ c\n",
        "a = b; c = d\n",
        "a = \u00e9\n",
        "\u00e9 = 1\n",
        "a-b = 1\n",
        "-a = 1\n",
        "a = b-c\n",
        "a = null.x\n",
        "a = true.x\n",
        "a = if\n",
        "for = 1\n",
        'a = "\u200b"\n',
        "a\t=\t1\n",
        "a = 1\r\nb = 2\r\n",
        "}\n",
        "b {\n",
        "b {{}}\n",
        "a = ((1)\n",
        "a = 1)\n",
        "/* unterminated",
        'a = "${"nested ${1}"}"\n',
        'a = "${<<E\nx\nE\n}"\n',
    ],
)  # fmt: skip
def test_hand_made_files_get_the_same_verdict(text: str) -> None:
    """A tour of the grammar's corners."""
    assert accepts(text) == go_accepts(text)
