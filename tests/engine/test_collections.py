"""Undeclared objects: reported, left, or removed; and when nothing is removed."""

import pytest

from perimeter.engine.model import Options

BASE = """
resource "tiny_group" "a" {
  name = "a"
}
"""
EXCLUSIVE = """
collection "tiny_group" "all" {
  mode   = "exclusive"
  ignore = [{ name = "KEEP" }]
}
"""


@pytest.fixture
def drifted(tiny):
    tiny.write(BASE)
    tiny.applied()
    for name in ("b", "c", "keep"):
        tiny.tenant.put("tiny_group", name=name)
    return tiny


def test_what_nothing_declares_is_in_every_plan(drifted):
    """Report is the default everywhere."""
    plan = drifted.plan().plan
    assert sorted(item.label for item in plan.undeclared) == ['"b"', '"c"', '"keep"']
    assert not plan.active


def test_inventory_is_listed_though_nothing_of_the_type_is_declared(tiny):
    """An app or a grant that nobody expects is the point."""
    tiny.tenant.put("tiny_hook", url="https://evil.example")
    tiny.write(BASE)
    found = [item for item in tiny.plan().plan.undeclared if item.type == "tiny_hook"]
    assert [item.origin for item in found] == ["added by j.doe"]


def test_exclusive_removes_what_is_not_declared_and_not_ignored(drifted):
    """After a look at each by id."""
    drifted.write(BASE + EXCLUSIVE)
    changes = drifted.planned()
    assert {change.reason for change in changes.values()} == {"undeclared_in_exclusive_collection"}
    assert len(changes) == 2
    drifted.applied()
    assert sorted(o["name"] for o in drifted.tenant.of("tiny_group").values()) == ["a", "keep"]
    drifted.empty()


@pytest.mark.parametrize("mode", ["additive", "report"])
def test_other_modes_remove_nothing(drifted, mode):
    """They only name them."""
    drifted.write(BASE + f'collection "tiny_group" "all" {{\n  mode = "{mode}"\n}}\n')
    drifted.empty()


def test_exclusive_removes_nothing_from_an_incomplete_list(drifted):
    """What was cut off might be declared."""
    drifted.write(BASE + EXCLUSIVE)
    drifted.tenant.incomplete.add("tiny_group")
    outcome = drifted.plan()
    assert not outcome.plan.active
    assert any(item.held for item in outcome.plan.undeclared)


def test_exclusive_removes_nothing_while_a_key_is_not_known(drifted):
    """The unknown one might be any of them."""
    drifted.write(
        BASE
        + EXCLUSIVE
        + 'resource "tiny_job" "j" {\n  task = "t"\n}\n'
        + 'resource "tiny_group" "late" {\n  name = tiny_job.j.id\n}\n'
    )
    assert {name for name in drifted.planned() if "late" not in name} == {"tiny_job.j"}


def test_exclusive_removes_nothing_with_a_target(drifted):
    """-target is for something else."""
    drifted.write(BASE + EXCLUSIVE)
    assert drifted.planned(Options(targets=("tiny_group.a",))) == {}


def test_exclusive_within_a_scope(tiny):
    """Only that scope is cleared."""
    one, two = (tiny.tenant.put("tiny_group", name=name) for name in ("one", "two"))
    for group in (one, two):
        tiny.tenant.put("tiny_key", group=group, label="stray")
    tiny.write(f"""
collection "tiny_key" "one" {{
  mode   = "exclusive"
  within = {{ group = "{one}" }}
}}
""")
    tiny.applied()
    assert [item["group"] for item in tiny.tenant.of("tiny_key").values()] == [two]


def test_a_candidate_that_changed_meanwhile_is_not_removed(drifted):
    """It is read again just before."""
    drifted.write(BASE + EXCLUSIVE)

    def change():
        for stored in drifted.tenant.of("tiny_group").values():
            if stored["name"] == "b":
                stored["note"] = "important now"

    outcome = drifted.apply(between=change)
    failed = [result for result in outcome.applied.results if result.status == "failed"]
    assert len(failed) == 1
    assert "Somebody changed note" in failed[0].text
    assert "b" in {o["name"] for o in drifted.tenant.of("tiny_group").values()}
    assert "c" not in {o["name"] for o in drifted.tenant.of("tiny_group").values()}


def test_a_mass_removal_is_refused_with_the_exact_override(tiny):
    """More than the usual share of a collection is a mistake until somebody says otherwise."""
    for number in range(40):
        tiny.tenant.put("tiny_group", name=f"n{number}")
    tiny.write('collection "tiny_group" "all" {\n  mode = "exclusive"\n}\n')
    outcome = tiny.plan()
    assert "-allow-mass-change=tiny_group" in outcome.errors[0]
    allowed = Options(allow_mass_change=("tiny_group",))
    assert len(tiny.planned(allowed)) == 40


def test_max_destroy(drifted):
    """A pipeline's own limit."""
    drifted.write(BASE + EXCLUSIVE)
    assert "-max-destroy=2" in drifted.plan(Options(max_destroy=1)).errors[0]
    assert len(drifted.planned(Options(max_destroy=2))) == 2
