"""A provider whose schema has moved on upgrades what state remembers; one that is older refuses."""

from typing import ClassVar

import pytest

from perimeter.sdk import STRING, Attribute, Schema
from tests.tiny.provider import TinyProvider
from tests.tiny.types import ID, Group, text

TEXT = """
provider "tiny" {}
resource "tiny_group" "a" {
  name = "A"
  note = "one"
}
"""
RENAMED = TEXT.replace("note ", "remark ")


class Renaming(Group):
    """Version 2 calls the note a remark, version 3 wants it in capitals."""

    schema = Schema(
        version=3,
        attributes={
            "id": ID,
            "name": text("Its name.", required=True),
            "remark": Attribute(type=STRING, doc="Anything.", optional=True),
        },
    )
    steps: ClassVar[list[int]] = []

    def shown(self, identifier, stored):
        found = super().shown(identifier, {"name": stored["name"]})
        found.attributes["remark"] = stored.get("remark", stored.get("note"))
        return found

    def direction(self, transition):
        return super(Group, self).direction(transition)

    def upgrade(self, version, attributes):
        self.steps.append(version)
        if version == 1:
            kept = {name: item for name, item in attributes.items() if name in ("id", "name")}
            return {**kept, "remark": attributes.get("note")}
        return {**attributes, "remark": str(attributes["remark"]).upper()}


class Broken(Renaming):
    """Its upgrade fails."""

    def upgrade(self, version, attributes):
        raise KeyError("note")


class Newer(TinyProvider):
    """The tiny provider after its next releases."""

    kind = Renaming

    @property
    def resources(self):
        return {**super().resources, "tiny_group": self.kind()}


@pytest.fixture
def upgraded(tiny):
    """State written by version 1, and version 3 installed."""
    tiny.write(TEXT)
    tiny.applied()
    for item in tiny.tenant.of("tiny_group").values():
        item["remark"] = item.pop("note").upper()
    tiny.work.providers = {"tiny": Newer(tiny.tenant)}
    tiny.write(RENAMED.replace('"one"', '"ONE"'))
    Renaming.steps.clear()
    return tiny


def test_each_step_runs_once_and_in_order(upgraded):
    """What is remembered is compared in today's form: there is no drift and nothing to do."""
    outcome = upgraded.plan()
    assert not outcome.errors
    assert outcome.plan.is_empty
    assert outcome.plan.drift == ()
    assert Renaming.steps == [1, 2] * (len(Renaming.steps) // 2)


def test_an_apply_writes_the_new_form(upgraded):
    """State is rewritten once, its serial rising by one; then no step is needed any more."""
    upgraded.applied()
    item = upgraded.state["tiny_group.a"].current()
    assert (item.schema_version, item.attributes["remark"]) == (3, "ONE")
    assert "note" not in item.attributes
    assert upgraded.work.state.serial == 2
    Renaming.steps.clear()
    upgraded.applied()
    assert Renaming.steps == []
    assert upgraded.work.state.serial == 2


def test_a_plan_does_not_touch_the_state(upgraded):
    """Only an apply does."""
    upgraded.plan()
    assert upgraded.state["tiny_group.a"].current().schema_version == 1


def test_state_of_a_newer_provider_is_refused(upgraded):
    """In Terraform's words."""
    upgraded.applied()
    upgraded.work.providers = {"tiny": TinyProvider(upgraded.tenant)}
    upgraded.write(TEXT)
    [error] = upgraded.plan().errors
    assert error.startswith("Resource instance managed by newer provider version: ")
    assert "schema has version 3, this one 1" in error


def test_a_failing_step_is_the_providers_bug(upgraded):
    """Nothing is planned on half-upgraded memory."""
    Newer.kind = Broken
    try:
        errors = upgraded.plan().errors
    finally:
        Newer.kind = Renaming
    assert errors[0].startswith("Remembered object cannot be upgraded: tiny_group.a")
