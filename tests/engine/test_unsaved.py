"""A backend that fails at each point of an apply: what is handed back, and how it is put in place later."""

import pytest

from perimeter.engine.model import Options
from perimeter.state.backend import Remembered
from perimeter.state.errors import state_error
from perimeter.state.evidence import EvidenceLog
from perimeter.state.local import LocalBackend
from perimeter.state.pushing import check_push, push
from perimeter.state.replay import replay

FIRST = """
provider "tiny" {}
resource "tiny_group" "old" {
  name = "old"
}
resource "tiny_group" "a" {
  name = "A"
  note = "one"
}
"""
SECOND = """
provider "tiny" {}
resource "tiny_group" "a" {
  name = "A"
  note = "two"
}
resource "tiny_group" "new" {
  name = "new"
  note = tiny_group.a.note
}
resource "tiny_hook" "h" {
  url = "https://h.example/${tiny_group.new.id}"
}
output "o" {
  value = tiny_group.new.id
}
"""


class Failing(LocalBackend):
    """Fails from the ``at``-th write on; ``late``: after the record is there all the same."""

    at = 0
    verb = ""
    late = False
    count = 0

    def _fail(self, verb):
        if verb == self.verb:
            type(self).count += 1
            if type(self).count >= self.at:
                raise state_error("Could not reach the backend", "It does not answer.")

    def append(self, record):
        if self.late and self.verb == "append" and type(self).count + 1 == self.at:
            super().append(record)
        self._fail("append")
        super().append(record)

    def write_state(self, state, expected_etag):
        self._fail("write")
        return super().write_state(state, expected_etag)

    def clear_records(self, up_to_sequence):
        self._fail("clear")
        super().clear_records(up_to_sequence)


def failing(tiny, verb, at, *, late=False):
    kind = type("FailingHere", (Failing,), {"verb": verb, "at": at, "late": late, "count": 0})
    path = tiny.work.backend().path
    tiny.work.__class__ = type(
        "FailingWorkspace", (type(tiny.work),), {"backend": lambda _: kind(path), "__slots__": ()}
    )
    return kind


def repaired(tiny):
    tiny.work.__class__ = tiny.work.__class__.__mro__[1]


def second_apply(tiny):
    tiny.write(FIRST)
    tiny.applied()
    tiny.tenant.calls.clear()
    tiny.write(SECOND)
    tiny.work.parallelism = 1


def in_order(tiny):
    """State and tenant hold the same, nothing twice, and no call is open."""
    held = tiny.work.backend().load()
    found = replay(held.state, held.records)
    assert not found.pending
    known = {
        (item.type, item.id)
        for instance in found.state.resources.values()
        for item in instance.objects
    }
    there = {(kind, key) for kind, items in tiny.tenant.objects.items() for key in items}
    assert known == there
    names = [item["name"] for item in tiny.tenant.of("tiny_group").values()]
    assert len(names) == len(set(names))
    assert len(tiny.tenant.of("tiny_hook")) <= 1


POINTS = [("append", at, late) for at in range(1, 8) for late in (False, True)] + [
    ("write", 1, False),
    ("clear", 1, False),
]


@pytest.mark.parametrize("way", ["pushed", "applied again"])
@pytest.mark.parametrize(("verb", "at", "late"), POINTS)
def test_nothing_is_lost_and_nothing_made_twice(tiny, verb, at, late, way):
    """Whether somebody pushes what was handed back, or just applies again."""
    second_apply(tiny)
    kind = failing(tiny, verb, at, late=late)
    outcome = tiny.apply()
    reached = kind.count >= at
    repaired(tiny)
    unsaved = outcome.applied.unsaved
    if verb == "clear" or not reached:
        assert unsaved is None
    if verb == "write":
        assert unsaved is not None
        assert unsaved.outputs["o"].value in tiny.tenant.of("tiny_group")
    if unsaved is not None and way == "pushed":
        backend = tiny.work.backend()
        held = backend.load()
        check_push(held.state, unsaved)
        after = push(backend, held, unsaved)
        assert after.state.serial == 2
    tiny.applied()
    tiny.empty()
    in_order(tiny)
    assert tiny.work.state.serial <= 3
    assert set(tiny.state) == {"tiny_group.a", "tiny_group.new", "tiny_hook.h"}


def test_a_failed_write_is_settled_by_a_push(tiny):
    """Serial, seal and content are what the apply would have written; the next apply has nothing to do."""
    second_apply(tiny)
    failing(tiny, "write", 1)
    outcome = tiny.apply()
    assert any("Could not reach the backend" in error for error in outcome.errors)
    repaired(tiny)
    unsaved = outcome.applied.unsaved
    assert unsaved.serial == 2
    backend = tiny.work.backend()
    held = backend.load()
    check_push(held.state, unsaved)
    after = push(backend, held, unsaved, evidence=EvidenceLog(backend).head)
    assert after.state.resources == unsaved.resources
    assert after.state.outputs == unsaved.outputs
    assert after.state.seal == unsaved.seal
    assert (after.state.serial, after.records) == (2, ())
    assert backend.load() == Remembered(after.state, (), after.etag)
    tiny.applied()
    assert tiny.work.state.serial == 2


def test_what_another_run_did_since_is_not_overwritten(tiny):
    """It has taken up the journal already: the state that was kept is older."""
    second_apply(tiny)
    failing(tiny, "write", 1)
    unsaved = tiny.apply().applied.unsaved
    repaired(tiny)
    tiny.applied()
    tiny.applied(Options(replace=("tiny_group.a",)))
    with pytest.raises(Exception, match="Older state"):
        check_push(tiny.work.backend().load().state, unsaved)


def test_an_apply_that_changed_nothing_leaves_nothing_behind(tiny):
    """A refused first record: no call was made, so there is no state to keep."""
    second_apply(tiny)
    failing(tiny, "append", 1)
    outcome = tiny.apply()
    assert [call for call in tiny.tenant.calls if call[0] in ("create", "update", "delete")] == []
    assert outcome.applied.unsaved is None
