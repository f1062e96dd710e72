"""Every expression of the conformance cases evaluates as recorded: value, type, rendering, error summaries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perimeter.lang.marks import unmark_deep
from perimeter.lang.plain import json_text
from perimeter.lang.render import render, type_text
from tests.lang.console import Console
from tests.specs import conformance_dir

_FOLDER = conformance_dir()

DIFFERENT = {
    "perimeter_data.x.nope": "an attribute is checked against the provider's schema when a plan evaluates it",
    "module.m": "a sensitive output stays hidden inside the whole module's value, too",
    "module.mm": "a sensitive output stays hidden inside the whole module's value, too",
    "var": "the second summary would only repeat the first with an empty name",
    "local": "the second summary would only repeat the first with an empty name",
    "each": "the second summary would only repeat the first with an empty name",
    "local.e": "the case was recorded with another module that declares e; tests/config covers it",
}
"""Expressions that are meant to answer otherwise, with the reason."""


def _cases() -> list[dict[str, Any]]:
    if _FOLDER is None:
        return []
    lines = (_FOLDER / "expressions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


_CASES = _cases()


@pytest.fixture(scope="module")
def console() -> Console:
    assert _FOLDER is not None
    return Console((_FOLDER / "context").resolve())


def _differences(console: Console, case: dict[str, Any]) -> list[str]:
    value, problems = console.run(case["expr"])
    if "error" in case:
        wanted = sorted(item["summary"] for item in case["error"])
        found = sorted(item.summary for item in problems.errors)
        return [] if found == wanted else [f"errors {found}, not {wanted}"]
    if value is None or problems.has_errors:
        return [f"unexpected {[(item.summary, item.detail) for item in problems]}"]
    answers = {"rendered": render(value)}
    if case["type"] is not None:
        answers["type"] = " ".join(type_text(value.type).split())
    if "json" in case:
        answers["json"] = json_text(unmark_deep(value)[0])
    return [
        f"{name} {found}, not {case[name]}"
        for name, found in answers.items()
        if found != case[name]
    ]


@pytest.mark.skipif(_FOLDER is None, reason="the conformance cases are not on this machine")
@pytest.mark.parametrize(
    "case", _CASES, ids=[f"{case['group']}-{number}" for number, case in enumerate(_CASES)]
)
def test_expression(
    case: dict[str, Any], console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers as recorded; one that is meant to differ does."""
    assert _FOLDER is not None
    monkeypatch.chdir(_FOLDER / "context")
    found = _differences(console, case)
    if case["expr"] in DIFFERENT:
        assert found, f"{case['expr']} answers as recorded now: take it off the list"
    else:
        assert not found
