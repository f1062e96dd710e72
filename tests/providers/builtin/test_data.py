"""``perimeter_data`` behaves as ``terraform_data``; the expectations were taken from Terraform 1.11.4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perimeter.engine.model import Action, Change
from perimeter.sdk import UNKNOWN, ConnectRequest, CreateRequest, Fatal, Tenant, Transition
from perimeter.sdk.registry import load_provider
from perimeter.state.model import StateObject
from perimeter.testing.workspace import Outcome, Workspace
from perimeter_builtin.provider import Builtin

HERE = Tenant(id="perimeter", name="perimeter")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(directory=tmp_path, providers={"perimeter": Builtin()})


def _planned(outcome: Outcome, address: str = "perimeter_data.a") -> Change:
    assert not outcome.errors, outcome.errors
    assert outcome.plan is not None
    return next(item for item in outcome.plan.changes if str(item.address) == address)


def _held(workspace: Workspace, address: str = "perimeter_data.a") -> StateObject:
    held = workspace.state.resources[address].current()
    assert held is not None
    return held


def _apply(workspace: Workspace, text: str) -> None:
    workspace.write(text)
    outcome = workspace.apply()
    assert not outcome.errors, outcome.errors
    assert outcome.applied is not None
    assert all(item.status == "done" for item in outcome.applied.results)


def _declared(arguments: str) -> str:
    return f'resource "perimeter_data" "a" {{\n{arguments}\n}}\n'


def test_the_entry_point_leads_to_it() -> None:
    provider, problems = load_provider("perimeter")
    assert not problems
    assert isinstance(provider, Builtin)
    assert set(provider.resources) == {"perimeter_data"}


def test_a_new_one_knows_neither_id_nor_output(workspace: Workspace) -> None:
    workspace.write(_declared("input = { x = 1 }"))
    change = _planned(workspace.plan())
    assert change.action is Action.CREATE
    assert change.after == {
        "id": UNKNOWN,
        "input": {"x": 1},
        "output": UNKNOWN,
        "triggers_replace": None,
    }


def test_without_input_the_output_is_null_from_the_start(workspace: Workspace) -> None:
    workspace.write(_declared(""))
    after = _planned(workspace.plan()).after
    assert after is not None
    assert after["output"] is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('"text"', "text"),
        ("12", 12),
        ("false", False),
        ('[1, "b", true]', [1, "b", True]),
        ('toset(["b", "a"])', ["a", "b"]),
        ('{ a = [{ b = "c" }], n = 0 }', {"a": [{"b": "c"}], "n": 0}),
    ],
)
def test_any_type_of_value_comes_out_as_it_went_in(
    workspace: Workspace, expression: str, value: Any
) -> None:
    """Applied, the output equals the input, and a second plan is empty."""
    _apply(workspace, _declared(f"input = {expression}"))
    held = _held(workspace)
    assert held.attributes["input"] == held.attributes["output"] == value
    assert held.attributes["id"] == held.id
    outcome = workspace.plan()
    assert outcome.plan is not None
    assert outcome.plan.active == ()


def test_a_changed_input_updates_in_place_and_keeps_the_id(workspace: Workspace) -> None:
    _apply(workspace, _declared("input = 1"))
    before = _held(workspace).id
    workspace.write(_declared("input = 2"))
    change = _planned(workspace.plan())
    assert change.action is Action.UPDATE
    assert change.after is not None
    assert change.after["output"] is UNKNOWN
    _apply(workspace, _declared("input = 2"))
    assert _held(workspace).id == before
    assert _held(workspace).attributes["output"] == 2


def test_a_changed_trigger_replaces_it(workspace: Workspace) -> None:
    _apply(workspace, _declared('input = 1\ntriggers_replace = ["a"]'))
    before = _held(workspace).id
    workspace.write(_declared('input = 1\ntriggers_replace = ["b"]'))
    change = _planned(workspace.plan())
    assert change.action is Action.DELETE_THEN_CREATE
    assert change.after is not None
    assert change.after["id"] is UNKNOWN
    assert change.after["output"] is UNKNOWN
    _apply(workspace, _declared('input = 1\ntriggers_replace = ["b"]'))
    assert _held(workspace).id != before
    assert _held(workspace).attributes["triggers_replace"] == ["b"]


def test_the_output_feeds_others_once_it_is_known(workspace: Workspace) -> None:
    follower = 'resource "perimeter_data" "b" { input = perimeter_data.a.output.x }\n'
    _apply(workspace, _declared('input = { x = "1" }') + follower)
    assert _held(workspace, "perimeter_data.b").attributes["output"] == "1"
    _apply(workspace, _declared('input = { x = "2" }') + follower)
    assert _held(workspace, "perimeter_data.b").attributes["output"] == "2"


def test_without_its_block_it_is_destroyed(workspace: Workspace) -> None:
    _apply(workspace, _declared("input = 1"))
    workspace.write("")
    outcome = workspace.apply()
    assert not outcome.errors
    assert not workspace.state.resources


def test_ten_thousand_ids_are_ten_thousand() -> None:
    """Each create makes its own."""
    kind = Builtin().resources["perimeter_data"]
    after = {"id": UNKNOWN, "input": {"x": 1}, "output": UNKNOWN, "triggers_replace": None}
    ids = set()
    for _ in range(10_000):
        kind.plan(Transition(before=None, after=after, tenant=HERE))
        request = CreateRequest(tenant=HERE, attributes={"input": {"x": 1}}, token="t")
        ids.add(kind.create(None, request).id)
    assert len(ids) == 10_000


def test_a_writer_needs_a_permit() -> None:
    request = ConnectRequest(config={})
    with pytest.raises(Fatal):
        Builtin().writer(request, None)  # type: ignore[arg-type]


def test_an_argument_that_is_taken_away_becomes_null(tmp_path):
    """As in Terraform: nobody but the configuration can have set it."""
    from perimeter.testing.workspace import Workspace

    work = Workspace(directory=tmp_path)
    text = 'resource "perimeter_data" "a" {{\n  {0}\n}}\n'
    work.write(text.format('input = "x"\n  triggers_replace = "t"'))
    assert not work.apply().errors
    work.write(text.format('triggers_replace = "t"'))
    (change,) = work.plan().plan.active
    assert (change.action.name, change.changed) == ("UPDATE", {"input"})
    assert not work.apply().errors
    assert "input" not in work.state.resources["perimeter_data.a"].current().attributes
    work.write(text.format(""))
    (change,) = work.plan().plan.active
    assert change.action.is_replace
    assert not work.apply().errors
    assert work.plan().plan.is_empty


def test_what_is_ignored_is_not_nulled(tmp_path):
    """``ignore_changes`` keeps what was there."""
    from perimeter.testing.workspace import Workspace

    work = Workspace(directory=tmp_path)
    work.write(
        'resource "perimeter_data" "a" {\n  input = "x"\n'
        "  lifecycle {\n    ignore_changes = [input]\n  }\n}\n"
    )
    assert not work.apply().errors
    assert work.plan().plan.is_empty
