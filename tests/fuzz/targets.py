"""What is fuzzed: each target takes a text, and may give nothing but values and diagnostics."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from perimeter.config.assignments import read_values
from perimeter.config.files import Memory
from perimeter.config.graph import build_graph
from perimeter.config.load import load
from perimeter.config.queries import load_queries
from perimeter.diagnostics import Diagnostic, Diagnostics
from perimeter.hcl import parse_expression, parse_file, parse_template
from perimeter.hcl.format import format_text
from perimeter.hcl.source import SourceFile
from perimeter.lang.evaluate import evaluate
from perimeter.lang.functions.function import Function
from perimeter.lang.plain import from_plain, json_text, to_plain
from perimeter.lang.render import render, type_text
from perimeter.lang.scope import StaticScope
from perimeter.lang.types import STRING
from perimeter.lang.values import (
    SENSITIVE,
    Reason,
    Unknown,
    Unseen,
    Value,
    null,
    object_of,
    string,
    unknown,
)
from perimeter.trial.decode import decode_file

_HALF = re.compile("[\ud800-\udfff]")

NAMES = {
    "var": object_of(
        {
            "text": string("a\u0301 \U0001f600"),
            "secret": string("hunter2").with_marks([SENSITIVE]),
            "numbers": from_plain([1, 2.5, -3]),
            "object": from_plain({"a": {"b": [True, None]}}),
            "later": unknown(STRING, Unknown(not_null=True, prefix="id-")),
            "open": unknown(),
            "hidden": unknown(STRING, Unseen(reason=Reason.FORBIDDEN, needs="x:read")),
            "nothing": null(),
        }
    )
}


class Scope(StaticScope):
    """Variables of every kind, and no files: nothing outside the process is touched."""

    def __init__(self, variables: Mapping[str, Value] = NAMES, *, planning: bool = True) -> None:
        now = "2026-11-24T12:00:00Z"
        super().__init__(variables, planning=planning, now=now, console=True)

    def function(self, name: str) -> Function | None:
        """None beyond the language's."""
        return None

    def read_file(self, path: str) -> bytes:
        """Two files exist."""
        found = {"a.txt": b"text ${x}", "b.bin": b"\xff\x00"}.get(path)
        if found is None:
            raise FileNotFoundError(path)
        return found

    def list_files(self, path: str) -> Sequence[str]:
        """The same two."""
        return ("a.txt", "b.bin")


def expression(text: str) -> None:
    """Parse and evaluate an expression, and show its value."""
    expr, problems = parse_expression(text, "input")
    check(problems)
    if expr is None or problems:
        return
    found = Diagnostics()
    _shown(evaluate(expr, Scope(), found))
    check(found)


def template(text: str) -> None:
    """Parse and evaluate a template."""
    tree, problems = parse_template(text, "input")
    check(problems)
    if problems:
        return
    found = Diagnostics()
    _shown(evaluate(tree, Scope(), found))
    check(found)


def _shown(value: Value) -> None:
    assert render(value) or value.raw == ""
    type_text(value.type)
    to_plain(value)
    if value.is_wholly_known:
        try:
            json_text(value)
        except ValueError as error:
            assert "infinity" in str(error)  # noqa: PT017


def file(text: str) -> None:
    """Parse a file, and bring it into canonical style if it is right."""
    _, problems = parse_file(text, "input")
    check(problems)
    formatted, problems = format_text(text, "input")
    check(problems)
    if not problems and not _HALF.search(text):  # files hold no halves of characters
        assert format_text(formatted, "input") == (formatted, [])


def configuration(text: str) -> None:
    """Load a module and order it."""
    _load({"main.hcl": text})


def json_configuration(text: str) -> None:
    """The same in JSON syntax."""
    _load({"main.hcl.json": text})


def _load(files: dict[str, str]) -> None:
    memory = Memory({name: _bytes(text) for name, text in files.items()})
    config, problems, _ = load(Path(), reader=memory)
    check(problems)
    if config is not None:
        check(build_graph(config)[1])


def trial(text: str) -> None:
    """Read a test file."""
    _tried("a.test.hcl", text)


def json_trial(text: str) -> None:
    """The same in JSON syntax."""
    _tried("a.test.hcl.json", text)


def _tried(name: str, text: str) -> None:
    found = Diagnostics()
    decode_file(SourceFile(name, text), ".", found, lambda mock, *_: mock)
    check(found)


def query(text: str) -> None:
    """Read a query file."""
    _asked("a.query.hcl", text)


def json_query(text: str) -> None:
    """The same in JSON syntax."""
    _asked("a.query.hcl.json", text)


def _asked(name: str, text: str) -> None:
    memory = Memory({"main.hcl": b'variable "x" {}\n', name: _bytes(text)})
    config, _, _ = load(Path(), reader=memory)
    assert config is not None
    check(load_queries(Path(), config, reader=memory).diagnostics)


def variables(text: str) -> None:
    """Read a variable file."""
    _assigned("a.vars.hcl", text)


def json_variables(text: str) -> None:
    """Read a variable file in JSON."""
    _assigned("a.vars.json", text)


def _assigned(name: str, text: str) -> None:
    found = Diagnostics()
    read_values(Path(name), {}, found, Memory({name: _bytes(text)}))
    check(found)


def decoding(text: str) -> None:
    """Decode it as JSON, YAML, CSV, a duration, a pattern and whatever else functions parse."""
    for name in ("jsondecode", "yamldecode", "csvdecode", "base64decode", "urldecode", "tonumber"):
        _called(f"{name}(x)", text)
    for call in (
        'regexall(x, "aé")', "formatdate(x, timestamp())", 'timeadd("2020-01-01T00:00:00Z", x)',
        'format(x, 1, "a", null, [1])', "cidrsubnet(x, 4, 2)", 'fileset("", x)', 'replace("ab", x, x)',
    ):  # fmt: skip
        _called(call, text)


def _called(call: str, text: str) -> None:
    expr, _ = parse_expression(call, "input")
    assert expr is not None
    found = Diagnostics()
    value = string(text.encode("utf-8", "replace").decode())
    _shown(evaluate(expr, Scope({"x": value}, planning=False), found))
    check(found)


def _bytes(text: str) -> bytes:
    return text.encode(
        "utf-8", "surrogateescape" if max(text, default="") >= "\udc80" else "replace"
    )


def check(found: Iterable[Diagnostic]) -> None:
    """Every diagnostic says something, in one short line and more."""
    for item in found:
        assert item.summary
        assert "\n" not in item.summary
        assert item.detail


TARGETS: dict[str, Callable[[str], None]] = {
    "expression": expression,
    "template": template,
    "file": file,
    "configuration": configuration,
    "json_configuration": json_configuration,
    "trial": trial,
    "json_trial": json_trial,
    "query": query,
    "json_query": json_query,
    "variables": variables,
    "json_variables": json_variables,
    "decoding": decoding,
}
