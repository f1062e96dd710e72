"""JSON is accepted and refused as Python's own reader does, and nothing but diagnostics comes out."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.config.json_files import parse_json_configuration
from perimeter.hcl.json_tree import (
    JsonArray,
    JsonKeyword,
    JsonNumber,
    JsonObject,
    JsonString,
    JsonValue,
    scan,
)

_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(-1e9, 1e9), _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)
    ),
    max_leaves=12,
)
_NOISE = st.text(alphabet='{}[]",:\\ \n\t0123.eE+-truefalsn/u"a', max_size=30)


def _plain(value: JsonValue) -> object:
    match value:
        case JsonString():
            return value.text
        case JsonNumber():
            return Decimal(value.text)
        case JsonKeyword():
            return value.value
        case JsonArray():
            return [_plain(item) for item in value.items]
        case JsonObject():
            return {key.text: _plain(item) for key, item in value.members}
    raise AssertionError(value)


def _read(text: str) -> object:
    def refuse(name: str) -> object:
        raise ValueError(name)

    return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=refuse)


@given(_VALUES, st.booleans(), st.sampled_from([None, 2]))
@settings(max_examples=200, deadline=None)
def test_what_json_writes_is_read(value: object, escaped: bool, indent: int | None) -> None:
    """With and without escapes; each string's characters are found where they stand."""
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    found, problems = scan(text)
    assert not problems
    assert found is not None
    assert _plain(found) == _read(text)
    if isinstance(found, JsonString):
        for index, char in enumerate(found.text):
            at = found.offset(index)
            assert text[at] in (char, "\\")
        assert text[found.offset(len(found.text))] == '"'


@given(st.one_of(_NOISE, st.builds(lambda a, b: json.dumps(a)[:-1] + b, _VALUES, _NOISE)))
@settings(max_examples=500, deadline=None)
def test_accepts_and_refuses_as_python_does(text: str) -> None:
    """Of anything that looks like JSON."""
    found, problems = scan(text)
    try:
        expected = _read(text)
    except ValueError:
        assert problems
        return
    assert not problems, text
    assert found is not None
    assert _plain(found) == expected


_WORDS = st.sampled_from(
    [
        "resource",
        "a",
        "locals",
        "dynamic",
        "content",
        "for_each",
        "type",
        "lifecycle",
        "moved",
        "//",
    ]
)
_STRINGS = st.one_of(
    _WORDS, st.text(alphabet='${}%"\\ab.[]()~\n', max_size=12), st.just("${var.a}")
)
_CONFIGURATIONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), _STRINGS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_STRINGS, inner, max_size=4)
    ),
    max_leaves=15,
)


@given(st.dictionaries(_WORDS, _CONFIGURATIONS, max_size=4))
@settings(max_examples=400, deadline=None)
def test_any_configuration_gives_diagnostics_only(value: object) -> None:
    """With every problem inside the file."""
    text = json.dumps(value)
    _, problems = parse_json_configuration(text, "main.hcl.json")
    for problem in problems:
        assert problem.subject is not None
        assert 0 <= problem.subject.start.byte <= problem.subject.end.byte <= len(text)
