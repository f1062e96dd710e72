"""A plan back to what an earlier version of the state recorded."""

import pytest

from perimeter.diagnostics import Severity
from perimeter.engine.model import Action, Options
from perimeter.state.errors import StateError

GROUPS = """
provider "tiny" {}
resource "tiny_group" "a" {
  name    = "A"
  note    = "one"
  members = ["x"]
}
resource "tiny_group" "b" {
  name = "B"
}
resource "tiny_key" "k" {
  group = tiny_group.b.id
  label = "kay"
}
"""
LATER = """
provider "tiny" {}
resource "tiny_group" "a" {
  name    = "A"
  note    = "two"
  members = ["x", "y"]
}
resource "tiny_group" "c" {
  name = "C"
}
"""
BACK = Options(rollback=1)


def stored(tiny, kind="tiny_group"):
    return {item.get("name") or item.get("label"): item for item in tiny.tenant.of(kind).values()}


def warned(outcome):
    return [item for item in outcome.diagnostics if item.severity is Severity.WARNING]


@pytest.fixture
def moved_on(tiny):
    """Version 2 of the state: an attribute changed, a group with its key went, another came."""
    tiny.write(GROUPS)
    tiny.applied()
    tiny.write(LATER)
    tiny.applied()
    assert tiny.work.state.serial == 2
    return tiny


def test_everything_goes_back(moved_on):
    """Attributes, what was removed, and what was made since."""
    found = moved_on.planned(BACK)
    assert {name: change.action for name, change in found.items()} == {
        "tiny_group.a": Action.UPDATE,
        "tiny_group.b": Action.CREATE,
        "tiny_group.c": Action.DELETE,
        "tiny_key.k": Action.CREATE,
    }
    assert found["tiny_group.a"].changed == {"note", "members"}
    moved_on.applied(BACK)
    groups = stored(moved_on)
    assert set(groups) == {"A", "B"}
    assert (groups["A"]["note"], groups["A"]["members"]) == ("one", ["x"])
    assert moved_on.planned(BACK) == {}


def test_the_new_id_takes_the_place_of_the_old_one(moved_on):
    """A key of a group that is made again lies below the new group."""
    moved_on.applied(BACK)
    groups = moved_on.tenant.of("tiny_group")
    new = next(key for key, item in groups.items() if item["name"] == "B")
    assert stored(moved_on, "tiny_key")["kay"]["group"] == new
    assert moved_on.state["tiny_key.k"].current().attributes["group"] == new
    assert moved_on.state["tiny_key.k"].current().dependencies == ("tiny_group.b",)
    moved_on.write(GROUPS)
    moved_on.empty()


def test_it_says_that_the_configuration_disagrees(moved_on):
    """And the next plan of the configuration leads forward again."""
    outcome = moved_on.applied(BACK)
    warnings = {item.summary: item.detail for item in warned(outcome)}
    assert "version 1 of the state" in warnings["A rollback leaves the configuration as it is"]
    assert "tiny_key.k (secret)" in warnings["Some objects are made without their secrets"]
    assert set(moved_on.planned()) == {
        "tiny_group.a",
        "tiny_group.b",
        "tiny_group.c",
        "tiny_key.k",
    }


def test_the_serial_rises(moved_on):
    """A rollback writes a new version; it overwrites none."""
    moved_on.applied(BACK)
    assert moved_on.work.state.serial == 3
    backend = moved_on.work.backend()
    assert [item.serial for item in backend.versions()] == [3, 2, 1]
    moved_on.applied(Options(rollback=2))
    assert set(stored(moved_on)) == {"A", "C"}


def test_guards_hold(tiny):
    """It is a plan like any other."""
    tiny.write(GROUPS)
    tiny.applied()
    names = ", ".join(f'"g{number}"' for number in range(20))
    tiny.write(
        f'provider "tiny" {{}}\nresource "tiny_group" "many" {{\n  for_each = toset([{names}])\n'
        "  name = each.key\n}\n"
    )
    tiny.applied()
    found = tiny.plan(BACK)
    assert any("removes too much at once" in error for error in found.errors)
    found = tiny.plan(Options(rollback=1, allow_mass_change=("tiny_group",)))
    assert not found.errors


def test_protection_holds(tiny):
    """What was protected since is kept."""
    tiny.write(GROUPS)
    tiny.applied()
    tiny.write(LATER.replace('name = "C"', 'name = "C"\n  lifecycle { prevent_destroy = true }'))
    tiny.applied()
    assert "tiny_group.c" not in tiny.planned(BACK)
    tiny.applied(BACK)
    assert "C" in stored(tiny)
    assert tiny.state["tiny_group.c"].current().protected


def test_a_moved_object_stays_under_its_new_address(tiny):
    """Only its attributes go back: what state calls it is not what the tenant holds."""
    tiny.write(GROUPS)
    tiny.applied()
    tiny.write(
        LATER.replace('"tiny_group" "a"', '"tiny_group" "z"')
        + "moved {\n  from = tiny_group.a\n  to = tiny_group.z\n}\n"
    )
    tiny.applied()
    found = tiny.planned(BACK)
    assert found["tiny_group.z"].action is Action.UPDATE
    assert "tiny_group.a" not in found
    tiny.applied(BACK)
    assert stored(tiny)["A"]["note"] == "one"


def test_a_replaced_object_is_replaced_back(tiny):
    """Where the attribute cannot be changed in place."""
    text = 'provider "tiny" {{}}\nresource "tiny_rule" "r" {{\n  name = "r"\n  effect = "{}"\n}}\n'
    tiny.write(text.format("deny"))
    tiny.applied()
    tiny.write(text.format("allow"))
    tiny.applied()
    assert tiny.planned(BACK)["tiny_rule.r"].action is Action.DELETE_THEN_CREATE
    tiny.applied(BACK)
    assert stored(tiny, "tiny_rule")["r"]["effect"] == "deny"


def test_a_forgotten_object_is_taken_over_again(tiny):
    """It still exists, so it is not made a second time."""
    tiny.write(GROUPS)
    tiny.applied()
    tiny.write(
        LATER
        + "removed {\n  from = tiny_group.b\n  lifecycle { destroy = false }\n}\n"
        + "removed {\n  from = tiny_key.k\n  lifecycle { destroy = false }\n}\n"
    )
    tiny.applied()
    found = tiny.planned(BACK)
    assert found["tiny_group.b"].importing
    tiny.applied(BACK)
    assert len(tiny.tenant.of("tiny_group")) == 2
    assert len(tiny.tenant.of("tiny_key")) == 1


def test_what_was_not_set_goes_to_its_default_or_is_named(tiny):
    """No null is ever sent."""
    tiny.write('provider "tiny" {}\nresource "tiny_group" "a" {\n  name = "A"\n}\n')
    tiny.applied()
    tiny.tenant.of("tiny_group")
    tiny.write(
        'provider "tiny" {}\nresource "tiny_group" "a" {\n  name = "A"\n  note = "new"\n  session = 5\n}\n'
    )
    tiny.applied()
    outcome = tiny.applied(BACK)
    group = stored(tiny)["A"]
    assert (group["session"], group["note"]) == (60, "new")
    warnings = {item.summary: item.detail for item in warned(outcome)}
    assert "tiny_group.a.note" in warnings["Some values cannot be unset"]


def test_it_may_be_limited(moved_on):
    """-target and -exclude name instances."""
    found = moved_on.planned(Options(rollback=1, targets=("tiny_group.a",)))
    assert set(found) == {"tiny_group.a"}
    found = moved_on.planned(Options(rollback=1, excludes=("tiny_group.a",)))
    assert set(found) == {"tiny_group.b", "tiny_group.c", "tiny_key.k"}


def test_outputs_stay(tiny):
    """Until the configuration is applied again."""
    output = 'output "o" {\n  value = tiny_group.a.note\n}\n'
    tiny.write(GROUPS + output)
    tiny.applied()
    tiny.write(LATER + output)
    tiny.applied()
    tiny.applied(BACK)
    assert tiny.work.state.outputs["o"].value == "two"


def test_an_expired_object_is_not_brought_back(tiny):
    """Its declaration means absence."""
    text = (
        'provider "tiny" {{}}\nresource "tiny_group" "a" {{\n  name = "A"\n'
        '  lifecycle {{ expires_at = "{}" }}\n}}\n'
    )
    tiny.write(text.format("2100-01-01T00:00:00Z"))
    tiny.applied()
    tiny.write(text.format("2020-01-01T00:00:00Z"))
    tiny.applied()
    assert stored(tiny) == {}
    outcome = tiny.applied(BACK)
    assert stored(tiny) == {}
    summaries = [item.summary for item in warned(outcome)]
    assert "Expired objects are not brought back" in summaries
    assert tiny.state["tiny_group.a"].expired_at


def test_a_module_that_is_gone_comes_back(tiny):
    """Addresses need no configuration."""
    module = tiny.work.directory / "m"
    module.mkdir()
    (module / "main.hcl").write_text('resource "tiny_group" "g" {\n  name = "M"\n}\n')
    tiny.write('provider "tiny" {}\nmodule "m" {\n  for_each = toset(["x"])\n  source = "./m"\n}\n')
    tiny.applied()
    tiny.write('provider "tiny" {}\n')
    tiny.applied()
    tiny.applied(BACK)
    assert list(tiny.state) == ['module.m["x"].tiny_group.g']
    assert set(stored(tiny)) == {"M"}


def test_only_versions_of_this_state_count(moved_on):
    """One that is not kept is refused."""
    with pytest.raises(StateError, match="No such version"):
        moved_on.plan(Options(rollback=7))


def test_what_the_tenant_does_not_show_is_left_alone(moved_on):
    """Without the scope nothing is planned for it, and nothing is removed."""
    moved_on.tenant.scopes = {"tiny_key.read"}
    found = moved_on.plan(BACK)
    assert not found.errors
    assert [change.name for change in found.plan.active if change.type == "tiny_group"] == []
