"""Every recorded expression answers through ``console -json`` as Terraform does: value, type, rendering, error summaries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.against_terraform import HERE, answers, differences
from tests.conformance.different import DIFFERENT, RECORDED_OTHERWISE

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for name in ("expressions.jsonl", "further.jsonl")
    for line in (HERE / name).read_text(encoding="utf-8").splitlines()
    if json.loads(line)["expr"] not in RECORDED_OTHERWISE
]


@pytest.fixture(scope="module")
def given() -> dict[str, dict[str, Any]]:
    """One run of the console over all expressions: an error does not end it."""
    expressions = [case["expr"] for case in CASES]
    return dict(zip(expressions, answers(expressions), strict=True))


@pytest.mark.parametrize("group", sorted({case.get("group", "further") for case in CASES}))
def test_answers_are_terraforms(group: str, given: dict[str, dict[str, Any]]) -> None:
    """No difference but those that are meant, and those are still there."""
    wrong = {}
    for case in CASES:
        if case.get("group", "further") != group:
            continue
        found = differences(case, given[case["expr"]])
        if bool(found) != (case["expr"] in DIFFERENT):
            wrong[case["expr"]] = found or ["answers alike now: take it off the list"]
    assert not wrong


def test_the_cases_are_many_and_the_differences_few() -> None:
    """So that neither file is emptied unnoticed."""
    assert len(CASES) > 2_000
    assert len(DIFFERENT) < 20
