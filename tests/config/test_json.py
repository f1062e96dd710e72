"""Configuration in JSON syntax means what it means in native syntax."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perimeter.config.blocks import DECODERS, LATER
from perimeter.config.decode import DecodedBody, decode_body
from perimeter.config.files import Memory
from perimeter.config.graph import build_graph
from perimeter.config.json_files import TOP
from perimeter.config.load import load
from perimeter.config.model import Config
from perimeter.diagnostics import Diagnostic, Diagnostics
from perimeter.hcl.nodes import Block
from perimeter.lang.evaluate import evaluate
from perimeter.lang.plain import to_plain
from perimeter.lang.scope import StaticScope
from perimeter.lang.types import STRING
from perimeter.lang.values import object_of, string
from perimeter.sdk.schema import Attribute, NestedBlock, Nesting, Schema

SCHEMA = Schema(
    attributes={
        "name": Attribute(type=STRING, optional=True, doc="x"),
        "lifecycle_": Attribute(type=STRING, optional=True, doc="x"),
    },
    blocks={
        "rule": NestedBlock(
            nesting=Nesting.LIST,
            computed=False,
            doc="x",
            label="name",
            attributes={
                "name": Attribute(type=STRING, optional=True, doc="x"),
                "access": Attribute(type=STRING, optional=True, doc="x"),
            },
            blocks={
                "match": NestedBlock(
                    nesting=Nesting.LIST,
                    computed=False,
                    doc="x",
                    attributes={"zone": Attribute(type=STRING, optional=True, doc="x")},
                )
            },
        )
    },
)


def _loaded(**files: str) -> tuple[Config, list[Diagnostic]]:
    """Files by name, ``_json`` at its end for the suffix."""
    contents = {
        f"{name.removesuffix('_json')}.hcl" + (".json" if name.endswith("_json") else ""): text
        for name, text in files.items()
    }
    config, found, _ = load(
        Path(), reader=Memory({name: text.encode() for name, text in contents.items()})
    )
    assert config is not None
    if not found.has_errors:
        found.extend(build_graph(config)[1])
    return config, list(found)


def _problems(text: str) -> list[tuple[str, str]]:
    """Summary and marked source text."""
    _, found = _loaded(main_json=text)
    marked = []
    for item in found:
        assert item.subject is not None, item
        raw = text.encode()[item.subject.start.byte : item.subject.end.byte]
        marked.append((item.summary, raw.decode()))
    return marked


def _decoded(body: str) -> tuple[DecodedBody, list[Diagnostic]]:
    config, found = _loaded(
        main_json=f'{{"variable": {{"zone": {{}}}}, "resource": {{"a": {{"b": {body}}}}}}}'
    )
    assert not found
    block = config.root.resources["managed", "a", "b"]
    assert isinstance(block.node, Block)
    scope = StaticScope({"var": object_of({"zone": string("eu")})})
    diagnostics = Diagnostics()
    return decode_body(block.body, SCHEMA, scope, diagnostics, skip=block.meta), list(diagnostics)


def _rules(body: str) -> object:
    decoded, found = _decoded(body)
    assert not found, found
    return to_plain(decoded.attributes["rule"])


def _rule(name: str, access: str | None = None, *zones: str) -> dict[str, object]:
    return {"name": name, "access": access, "match": [{"zone": zone} for zone in zones]}


def test_every_block_type_is_known() -> None:
    """Those that are decoded, and those that are not yet."""
    assert set(TOP) >= {*DECODERS, *LATER}


def test_a_module() -> None:
    """Blocks by label, repeated blocks in arrays, references, types and templates."""
    config, found = _loaded(
        main_json=json.dumps(
            {
                "//": "any ${ comment",
                "perimeter": {
                    "required_providers": {
                        "okta": {"source": "perimeter/okta", "configuration_aliases": ["okta.eu"]}
                    }
                },
                "provider": {"okta": [{"alias": "eu", "org_url": "https://x"}]},
                "variable": {
                    "names": {"type": "set(string)", "default": ["${x}"], "description": "${"},
                },
                "locals": [{"a": "${var.names}"}, {"b": {"//": "kept", "${local.c}": 1}, "c": "k"}],
                "resource": {
                    "okta_group": [
                        {"x": {"provider": "okta.eu", "depends_on": ['okta_group.y["k"]']}},
                        {"y": {"for_each": "${var.names}", "lifecycle": {"ignore_changes": "all"}}},
                    ]
                },
                "output": {"o": {"value": "${okta_group.x}", "//": 1}},
                "moved": [
                    {"from": "okta_group.old", "to": "okta_group.x"},
                    {"from": "okta_group.older", "to": "okta_group.old"},
                ],
            }
        )
    )
    assert not found
    root = config.root
    variable = root.variables["names"]
    assert variable.description == "${"
    assert variable.default is not None
    assert to_plain(evaluate(variable.default, StaticScope(), Diagnostics())) == ["${x}"]
    assert sorted(root.locals) == ["a", "b", "c"]
    one = root.resources["managed", "okta_group", "x"]
    assert one.provider_ref is not None
    assert one.provider_ref.key == "okta.eu"
    assert [str(item) for item in one.depends_on] == ['okta_group.y["k"]']
    assert root.resources["managed", "okta_group", "y"].lifecycle.ignore_changes == "all"
    assert len(root.moved) == 2
    assert root.required_providers["okta"].aliases == ("okta.eu",)


def test_values() -> None:
    """Numbers keep their digits, strings are templates, keys too."""
    text = (
        '{"locals": {"v": {"int": -12, "big": 123456789012345678901234567890, "exp": 1.5e3, '
        '"no": null, "yes": true, "text": "a\\u00e9\\ud83d\\ude00\\n$${b}", "${1 + 1}": [], '
        '"whole": "${[1, "two"]}", "escaped": "${\\"q\\"}-x"}}}'
    ).replace('"two"', '\\"two\\"')
    config, found = _loaded(main_json=text)
    assert not found
    value = to_plain(evaluate(config.root.locals["v"].expr, StaticScope(), Diagnostics()))
    assert value == {
        "int": -12,
        "big": 123456789012345678901234567890,
        "exp": 1500,
        "no": None,
        "yes": True,
        "text": "aé😀\n${b}",
        "2": [],
        "whole": [1, "two"],
        "escaped": "q-x",
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"rule": {"one": {"access": "A"}, "two": {}}}', [_rule("one", "A"), _rule("two")]),
        (
            '{"rule": [{"name": "one"}, {"two": {"access": "A"}}]}',
            [_rule("one"), _rule("two", "A")],
        ),
        ('{"rule": {"name": "one", "match": {"zone": "${var.zone}"}}}', [_rule("one", None, "eu")]),
        (
            '{"rule": {"one": {"match": [{"zone": "a"}, {"zone": "b"}]}}}',
            [_rule("one", None, "a", "b")],
        ),
        ('{"rule": {"one": {}}, "rule": {"two": {}}}', [_rule("one"), _rule("two")]),
        ('{"rule": []}', []),
        ('{"rule": null}', []),
        (
            (
                '{"dynamic": {"rule": {"for_each": ["x", "y"], "labels": ["${rule.value}"],'
                ' "content": {"access": "${rule.key}"}}}}'
            ),
            [_rule("x", "0"), _rule("y", "1")],
        ),
        (
            (
                '{"rule": {"name": "one", "dynamic": {"match": {"for_each": ["x"], "iterator": "it",'
                ' "content": {"zone": "${it.value}"}}}}}'
            ),
            [_rule("one", None, "x")],
        ),
    ],
    ids=["labels", "array", "inside", "repeated", "apart", "empty", "null", "dynamic", "nested"],
)
def test_blocks_of_a_provider(body: str, expected: object) -> None:
    """What is an argument and what a block the provider's schema decides."""
    assert _rules(body) == expected


def test_arguments_that_the_provider_does_not_know() -> None:
    """The hint knows arguments and blocks."""
    _, found = _decoded('{"nmae": "x", "rule": {"one": {"acess": "A"}}, "rules": []}')
    assert [item.detail.partition("Did")[2] for item in found] == [
        ' you mean "name"?',
        ' you mean "rule"?',
        ' you mean "access"?',
    ]
    assert {item.summary for item in found} == {"Extraneous JSON object property"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("Missing value", "")]),
        ("[1]", [("Incorrect JSON value type", "1")]),
        ("1", [("Root value must be object", "1")]),
        ("{} x", [("Extraneous data after value", "x")]),
        ('{"a": 1', [("Unclosed object", "{")]),
        ('{"a" 1}', [("Missing property value colon", "1")]),
        ('{"a": 1 "b": 2}', [("Missing separating comma", '"')]),
        ('{"locals": {"a": 1,}}', [("Trailing comma in object", ",")]),
        ('{"locals": {"a": [1,]}}', [("Trailing comma in array", ",")]),
        ('{"locals": {"a": [1', [("Unclosed array", "[")]),
        ("{abc: 1}", [("Invalid object property name", "abc")]),
        ('{"locals": {"a": nul}}', [("Invalid JSON keyword", "nul")]),
        ('{"locals": {"a": x"}}', [("Invalid JSON keyword", "x")]),
        ('{"locals": {"a": \'x\'}}', [("Invalid start of value", "'")]),
        ('{"locals": {"a": "x\ny"}}', [("Invalid JSON string", "\n")]),
        ('{"locals": {"a": "x\\qy"}}', [("Invalid JSON string", "\\")]),
        ('{"locals": {"a": 01}}', [("Invalid JSON number", "01")]),
        ('{"resorce": {}}', [("Extraneous JSON object property", '"resorce"')]),
        ('{"resource": 1}', [("Incorrect JSON value type", "1")]),
        ('{"resource": {"a": {"b": 1}}}', [("Incorrect JSON value type", "1")]),
        ('{"resource": {"a": {}}}', [("Missing block label", "{")]),
        ('{"resource": {}}', [("Missing block label", "{")]),
        ('{"locals": {"a": 1, "a": 2}}', [("Duplicate attribute definition", '"a"')]),
        ('{"locals": {"a": {"x": 1, "x": 2}}}', [("Duplicate object attribute", '"x"')]),
        ('{"variable": {"a": {"tyype": 1}}}', [("Extraneous JSON object property", '"tyype"')]),
        ('{"variable": {"a": {"type": "lst(any)"}}}', [("Invalid type specification", "lst(any)")]),
        (
            '{"variable": {"a": {"type": "${string}"}}}',
            [("Invalid type specification", '"${string}"')],
        ),
        (
            '{"locals": {"a": "é\\t${ foo.bar }"}}',
            [("Reference to undeclared resource", "foo.bar")],
        ),
        (
            '{"locals": {"a": "é\\"${var.q"}}',
            [("Unclosed template interpolation sequence", "${")],
        ),
        ('{"policy": {"x": {}}}', [("Block type not supported yet", '"x"')]),
        ('{"module": {"m": {"source": "./é"}}}', [("Unreadable module directory", '"./é"')]),
        (
            '{"output": {"o": {"value": 1}}, "output": {"o": {"value": 2}}}',
            [("Duplicate output definition", '"o"')],
        ),
    ],
)
def test_errors(text: str, expected: list[tuple[str, str]]) -> None:
    """Each with the range of what is wrong."""
    assert _problems(text) == expected


def test_deep_nesting_is_refused() -> None:
    """No recursion error for whoever nests without end."""
    for text in ("[" * 100_000, '{"locals": {"a": ' + "[" * 200 + "]" * 200 + "}}"):
        assert [summary for summary, _ in _problems(text)] == ["JSON nested too deeply"]


def test_override_files() -> None:
    """JSON over native syntax and the other way round, blocks of a provider among them."""
    native = 'resource "a" "b" {\n  name = "n"\n  rule "old" {}\n}\nlocals {\n  x = 1\n}\n'
    over = '{"resource": {"a": {"b": {"rule": {"new": {}}}}}, "locals": {"x": 2}}'
    config, found = _loaded(main=native, o_override_json=over)
    assert not found
    assert config.root.locals["x"].expr.text == "2"
    body = config.root.resources["managed", "a", "b"].body
    decoded = decode_body(body, SCHEMA, StaticScope(), Diagnostics())
    assert to_plain(decoded.attributes["rule"]) == [_rule("new")]
    assert to_plain(decoded.attributes["name"]) == "n"
    native_over = 'resource "a" "b" {\n  rule "newer" {}\n}\n'
    config, found = _loaded(main_json=over, o_override=native_over)
    assert not found
    body = config.root.resources["managed", "a", "b"].body
    decoded = decode_body(body, SCHEMA, StaticScope(), Diagnostics())
    assert to_plain(decoded.attributes["rule"]) == [_rule("newer")]


def test_both_syntaxes_in_one_module() -> None:
    """Names are unique over both."""
    _, found = _loaded(main="locals {\n  x = 1\n}\n", other_json='{"locals": {"x": 2}}')
    assert [item.summary for item in found] == ["Duplicate local value definition"]


def test_dynamic_blocks_deep_inside_refer_to_their_iterators():
    """Below labels and other blocks a property is an argument until the schema is known; its iterators are no resources."""
    config = {
        "resource": {
            "a_b": {
                "c": {
                    "rule": {
                        "mfa": {
                            "dynamic": {
                                "part": {
                                    "for_each": "${var.parts}",
                                    "content": {"name": "${part.value}"},
                                },
                                "other": {
                                    "for_each": "${var.parts}",
                                    "iterator": "it",
                                    "content": {"name": "${it.value}"},
                                },
                            }
                        }
                    }
                }
            }
        },
        "variable": {"parts": {}},
    }
    loaded, diagnostics, _ = load(
        Path("m"), reader=Memory({"m/main.hcl.json": json.dumps(config).encode()})
    )
    assert not diagnostics.has_errors
    graph, problems = build_graph(loaded)
    assert list(problems) == []
    (node,) = [item for item in graph.order if item.kind == "resource"]
    assert {item.address for item in graph.edges[node]} == {"var.parts"}
