"""``state history`` and ``state rollback``, as people see them."""

import json
import re
from pathlib import Path

import pytest

from perimeter.state.local import LocalBackend

GOLDEN = Path(__file__).parent.parent / "golden"
TEXT = 'resource "perimeter_data" "{}" {{\n  input = "{}"\n}}\n'


@pytest.fixture
def moved_on(cli, monkeypatch):
    """Three versions: two applies and a command."""
    monkeypatch.setenv("PERIMETER_APPROVER", "mo")
    cli.write(TEXT.format("a", "one") + TEXT.format("b", "x"))
    cli.ok("apply", "-auto-approve")
    cli.write(TEXT.format("a", "two") + TEXT.format("c", "x") + TEXT.format("d", "x"))
    cli.ok("apply", "-auto-approve")
    cli.ok("state", "rm", "perimeter_data.d")
    return cli


def steady(text):
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "2026-01-01T00:00:00+00:00", text)
    return re.sub(r"\b[0-9a-f]{8}\b", "0a1b2c3d", text)


def test_history_says_who_made_each_version(moved_on):
    """The newest first; the star is the state itself."""
    golden = (GOLDEN / "state_history.txt").read_text(encoding="utf-8")
    assert steady(moved_on.ok("state", "history")) == golden


def test_history_as_json(moved_on):
    """For programs."""
    found = json.loads(moved_on.ok("state", "history", "-json"))
    assert found["format_version"] == "1.0"
    versions = found["versions"]
    assert [(item["serial"], item["operation"], item["resources"]) for item in versions] == [
        (3, "state-rm", 2),
        (2, "apply", 3),
        (1, "apply", 2),
    ]
    assert [item["current"] for item in versions] == [True, False, False]
    assert {item["by"] for item in versions} == {"mo (-auto-approve)", "mo"}


def test_history_of_nothing(cli):
    """An empty directory has none."""
    assert cli.ok("state", "history") == "No version of the state is kept here.\n"
    assert json.loads(cli.ok("state", "history", "-json"))["versions"] == []


def test_an_apply_without_calls_names_nobody(cli):
    """Only an output changed: no call was made, so the evidence log has no entry."""
    cli.write('output "o" {\n  value = 1\n}\n')
    cli.ok("apply", "-auto-approve")
    entry = json.loads(cli.ok("state", "history", "-json"))["versions"][0]
    assert (entry["by"], entry["operation"]) == (None, None)


def test_rollback_shows_the_plan_and_asks(moved_on):
    """No is no."""
    result = moved_on("state", "rollback", "1", typed="no\n")
    assert result.code == 1
    golden = (GOLDEN / "state_rollback.txt").read_text(encoding="utf-8")
    shown = result.out + result.err
    assert re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", shown) == golden
    assert LocalBackend().load().state.serial == 3


def test_rollback_applies_what_was_approved(moved_on):
    """And the configuration, put back, agrees."""
    out = moved_on.ok("state", "rollback", "1", typed="yes\n")
    assert "Rollback complete!" in out
    assert LocalBackend().load().state.serial == 4
    assert moved_on.ok("state", "list").split() == ["perimeter_data.a", "perimeter_data.b"]
    moved_on.write(TEXT.format("a", "one") + TEXT.format("b", "x"))
    assert "No changes." in moved_on.ok("plan")
    assert "match version 1 of the state" in moved_on.ok("state", "rollback", "1")


def test_rollback_may_be_saved_and_applied_later(moved_on):
    """A plan file like any other: stale once the state has moved on in what it touches."""
    moved_on.ok("state", "rollback", "-out=back.plan", "1")
    assert LocalBackend().load().state.serial == 3
    assert "perimeter_data.b" in moved_on.ok("show", "back.plan")
    moved_on.ok("apply", "back.plan")
    assert moved_on.ok("state", "list").split() == ["perimeter_data.a", "perimeter_data.b"]
    moved_on.ok("state", "rollback", "-out=forth.plan", "2")
    moved_on.ok("apply", "-auto-approve", "-replace=perimeter_data.a")
    assert "Saved plan is stale" in moved_on("apply", "forth.plan").err


@pytest.mark.parametrize(
    ("words", "summary"),
    [
        (("9",), "No such version of the state"),
        (("latest",), "Invalid serial"),
        (("-destroy", "1"), "Incompatible plan mode options"),
        (("-replace=perimeter_data.a", "1"), "Incompatible plan mode options"),
    ],
)
def test_what_cannot_be_rolled_back_to(moved_on, words, summary):
    """Nothing happens."""
    result = moved_on("state", "rollback", *words)
    assert (result.code, summary in result.err) == (1, True)
    assert LocalBackend().load().state.serial == 3
