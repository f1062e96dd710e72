"""What the writer writes reads back as the same data, and looks as the formatter would have it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_expression, parse_file
from perimeter.hcl.writer import quote, value_text
from perimeter.lang.evaluate import evaluate
from perimeter.lang.plain import to_plain
from perimeter.lang.scope import StaticScope
from perimeter.lang.text import nfc

_KEYS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8).map(nfc)
_PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**20), 10**20), _KEYS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=8,
)


def _read(text: str) -> object:
    expr, problems = parse_expression(text)
    assert expr is not None
    assert not problems, text
    found = Diagnostics()
    value = evaluate(expr, StaticScope(), found)
    assert not found
    return to_plain(value)


@given(_PLAIN)
@settings(max_examples=150, deadline=None)
def test_plain_data_reads_back(plain: object) -> None:
    """Strings with quotes, interpolation marks and control characters included."""
    assert _read(value_text(plain)) == plain


@given(_KEYS)
@settings(max_examples=100, deadline=None)
def test_a_quoted_string_reads_back(text: str) -> None:
    """Inside a file, too."""
    body, problems = parse_file(f"a = {quote(text)}\n", "main.hcl")
    assert not problems
    assert _read(body.attributes["a"].expr.text) == text


def test_equals_signs_of_neighbours_are_aligned() -> None:
    """One-line items in a run are aligned, a longer one starts a new run."""
    text = value_text({"a": 1, "bb": [1, "x", None], "c d": {"e": True}, "t": "${x}\n"})
    assert text == (
        '{\n  a  = 1\n  bb = [1, "x", null]\n  "c d" = {\n    e = true\n  }\n  t = "$${x}\\n"\n}'
    )
