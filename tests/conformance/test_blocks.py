"""Mistakes at the level of blocks: ``validate`` reports each under the summary that ``terraform validate`` (1.11.4) does."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from perimeter.cli.main import run

CASES = {
    case["name"]: case
    for case in map(
        json.loads, (Path(__file__).parent / "blocks.jsonl").read_text("utf-8").splitlines()
    )
}
PLANNED = "Terraform says so only when it plans"
TWICE = "Terraform says the same thing twice"
DIFFERENT = {
    "self ref": PLANNED,
    "life trig2": PLANNED,
    "moved self": PLANNED,
    "moved still": PLANNED,
    "import no res": PLANNED,
    "removed still": PLANNED,
    "local cycle": "Terraform names steps of its own graph",
    "var valid": TWICE,
    "life pre self": TWICE,
    "syntax3": TWICE,
    "var short": TWICE,
    "each short": TWICE,
    "syntax4": "what stands on another line than its header is not missing",
    "module dup": "modules are read before they are installed",
    "provider bad": "there is no registry of providers to ask",
    "set id": "Terraform's type has a message of its own",
    "settings ver": "it is another program's version",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, list[str]]:
    """What ``validate`` says of each."""
    here, environment = Path.cwd(), dict(os.environ)
    found = {}
    try:
        for name, case in CASES.items():
            folder = tmp_path_factory.mktemp("case")
            (folder / "main.hcl").write_text(case["text"], encoding="utf-8")
            os.chdir(folder)
            found[name] = _summaries()
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(environment)
    return found


def _summaries() -> list[str]:
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        run(["validate", "-json"])
    return sorted(item["summary"] for item in json.loads(out.getvalue())["diagnostics"])


def test_summaries_are_terraforms(told: dict[str, list[str]]) -> None:
    """No difference but those that are meant, and those are still there."""
    wrong = {
        name: (told[name], case["summaries"])
        for name, case in CASES.items()
        if (told[name] != case["summaries"]) != (name in DIFFERENT)
    }
    assert not wrong


def test_the_cases_are_many() -> None:
    """So that the file is not emptied unnoticed."""
    assert len(CASES) > 100
    assert set(DIFFERENT) <= set(CASES)
