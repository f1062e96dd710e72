"""A resource body by its schema, ``dynamic`` blocks included."""

from __future__ import annotations

import pytest

from perimeter.config.decode import DecodedBody, decode_body
from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_file
from perimeter.lang.plain import to_plain
from perimeter.lang.scope import StaticScope
from perimeter.lang.types import BOOL, NUMBER, STRING, List
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Value, string, unknown
from perimeter.sdk.schema import Attribute, Mode, NestedBlock, Nesting, Schema

SCHEMA = Schema(
    attributes={
        "name": Attribute(type=STRING, doc="Name.", required=True),
        "size": Attribute(type=NUMBER, doc="Size.", optional=True),
        "kinds": Attribute(type=List(STRING), doc="Kinds.", optional=True, values=("a", "b")),
        "id": Attribute(type=STRING, doc="Id.", computed=True),
        "token": Attribute(type=STRING, doc="Token.", optional=True, mode=Mode.WRITE_ONLY),
    },
    blocks={
        "rule": NestedBlock(
            nesting=Nesting.LIST,
            doc="A rule.",
            label="title",
            attributes={
                "title": Attribute(type=STRING, doc="Title.", required=True),
                "on": Attribute(type=BOOL, doc="On.", optional=True),
            },
            computed=False,
        ),
        "limit": NestedBlock(
            nesting=Nesting.SINGLE,
            doc="A limit.",
            attributes={"max": Attribute(type=NUMBER, doc="Most.", required=True)},
        ),
    },
)


def decode(text: str, **variables: Value) -> tuple[DecodedBody, Diagnostics]:
    body, problems = parse_file(text, "main.hcl")
    assert not problems
    found = Diagnostics()
    scope = StaticScope(variables or {"unused": string("")})
    return decode_body(body, SCHEMA, scope, found, where='resource "a_b" "c"'), found


def plain(text: str, **variables: Value) -> dict[str, object]:
    decoded, found = decode(text, **variables)
    assert not found, list(found)
    return {name: to_plain(decoded.attributes[name]) for name in sorted(decoded.configured)}


def test_values_are_converted_and_the_rest_is_null() -> None:
    """Omitted and null are one."""
    decoded, found = decode('name = 1\nsize = "2"\nkinds = null\n')
    assert not found
    assert decoded.configured == {"name", "size"}
    assert {name: to_plain(value) for name, value in decoded.attributes.items()} == {
        "name": "1", "size": 2, "kinds": None, "id": None, "token": None, "rule": [], "limit": None,
    }  # fmt: skip


def test_nested_blocks_and_labels() -> None:
    """A label fills its attribute."""
    text = 'name = "n"\nrule "x" { on = true }\nrule "y" {}\nlimit { max = 1 }\n'
    assert plain(text) == {
        "name": "n",
        "limit": {"max": 1},
        "rule": [{"title": "x", "on": True}, {"title": "y", "on": None}],
    }


def test_dynamic_blocks() -> None:
    """One block per element, labels and iterators computed."""
    text = """
    name = "n"
    dynamic "rule" {
      for_each = { a = true, b = false }
      iterator = each_rule
      labels   = ["t-${each_rule.key}"]
      content { on = each_rule.value }
    }
    """
    assert plain(text)["rule"] == [{"title": "t-a", "on": True}, {"title": "t-b", "on": False}]


def test_a_dynamic_block_over_something_unknown_is_unknown() -> None:
    """As a whole, since their number is."""
    text = 'name = "n"\ndynamic "rule" {\n for_each = x\n labels = ["a"]\n content {}\n}\n'
    decoded, found = decode(text, x=unknown())
    assert not found
    assert not decoded.attributes["rule"].is_wholly_known


def test_functions_in_dynamic_blocks_see_the_outer_scope() -> None:
    """Files, and the time of the plan."""
    body, _ = parse_file(
        'name = "n"\ndynamic "rule" {\n for_each = ["x"]\n labels = [plantimestamp()]\n content {}\n}\n',
        "main.hcl",
    )
    found = Diagnostics()
    decoded = decode_body(
        body, SCHEMA, StaticScope({"x": string("")}, now="2026-01-01T00:00:00Z"), found
    )
    assert not found
    assert to_plain(decoded.attributes["rule"])[0]["title"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "summary", "detail"),
    [
        ("", "Missing required argument", '"name"'),
        ("name = null", "Missing required argument", "null"),
        ('name = "n"\nsze = 1', "Unsupported argument", 'Did you mean "size"?'),
        ('name = "n"\nsize = "x"', "Incorrect attribute value type", "number"),
        ('name = "n"\nid = "x"', "Value for unconfigurable attribute", "id"),
        ('name = "n"\nkinds = ["c"]', "Invalid attribute value", '"a"'),
        ('name = "n"\nrle "x" {}', "Unsupported block type", 'Did you mean "rule"?'),
        ('name = "n"\nrule {}', "Missing title for rule", "label"),
        ('name = "n"\nlimit { max = 1 }\nlimit { max = 2 }', "Duplicate limit block", "limit"),
        ('name = "n"\nlimit {}', "Missing required argument", '"max"'),
        ('name = "n"\ndynamic "rule" { for_each = [] }', "Missing required content block", "content"),
        ('name = "n"\ndynamic "rule" {\n for_each = 1\n content {}\n}', "Invalid dynamic for_each value", "number"),
        ('name = "n"\ndynamic "rule" {\n for_each = null\n content {}\n}', "Invalid dynamic for_each value", "null"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_schema(text: str, summary: str, detail: str) -> None:
    """Said with the block it is in."""
    _, found = decode(text)
    assert [item.summary for item in found.errors] == [summary]
    assert detail in found.errors[0].detail
    assert found.errors[0].block == 'resource "a_b" "c"'


def test_a_sensitive_value_is_not_shown_when_it_does_not_fit() -> None:
    """Not even where it is one of the few allowed ones."""
    secret = string("hunter2").with_marks((SENSITIVE,))
    for text in ('name = "n"\nsize = x', 'name = "n"\nkinds = [x]'):
        _, found = decode(text, x=secret)
        assert found.has_errors
        assert "hunter2" not in str(list(found))


def test_only_write_only_arguments_take_ephemeral_values() -> None:
    """The engine says so for the others."""
    decoded, found = decode('name = "n"\ntoken = x\n', x=string("t").with_marks((EPHEMERAL,)))
    assert not found
    assert EPHEMERAL in decoded.attributes["token"].marks
