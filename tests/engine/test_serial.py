"""The serial rises by exactly one for each apply that changes state, and not otherwise.

Every kind of apply is here: what it starts from, what it does, and whether state is another afterwards. The harness
compares content and serial itself, so that a case cannot claim a change that is none.
"""

import msgspec
import pytest

from perimeter.engine.model import Options
from perimeter.sdk import Invalid, Retryable
from perimeter.state.codec import same_content
from perimeter.state.errors import state_error
from perimeter.state.journal import compact
from perimeter.state.replay import replay
from tests.tiny.tenant import Fault

BASE = """
provider "tiny" {}
resource "tiny_group" "a" {
  name = "A"
  note = "one"
}
resource "tiny_group" "b" {
  name = "B"
}
"""
WITHOUT_B = BASE.partition('resource "tiny_group" "b"')[0]
OUTPUT = 'output "o" {{\n  value = "{}"\n}}\n'
NOTE_TWO = BASE.replace('"one"', '"two"')
MOVED = BASE.replace('"tiny_group" "a"', '"tiny_group" "z"') + (
    "moved {\n  from = tiny_group.a\n  to = tiny_group.z\n}\n"
)
FORGOTTEN = WITHOUT_B + "removed {\n  from = tiny_group.b\n  lifecycle { destroy = false }\n}\n"
PROTECTED = BASE.replace('name = "B"', 'name = "B"\n  lifecycle { prevent_destroy = true }')
EXPIRED = BASE.replace(
    'name = "B"', 'name = "B"\n  lifecycle { expires_at = "2020-01-01T00:00:00Z" }'
)
LIFTED = BASE + 'resource "tiny_group" "c" {\n  name = "C"\n}\n'


def edit(**attributes):
    """Somebody changes the group A in the tenant."""

    def drift(tiny):
        group = next(g for g in tiny.tenant.of("tiny_group").values() if g["name"] == "A")
        group.update(attributes)

    return drift


def lose(tiny):
    groups = tiny.tenant.of("tiny_group")
    groups.pop(next(key for key, item in groups.items() if item["name"] == "B"))


def fault(verb, times=1, *, after=False):
    """The vendor refuses calls, or (``after``) answers none that it carried out."""

    def plan(tiny):
        problem = Retryable("no answer", committed=None) if after else Invalid("No.", status=422)
        tiny.tenant.faults.append(Fault(verb, "tiny_group", problem, after=after, times=times))

    return plan


def taint(tiny):
    backend = tiny.work.backend()
    held = backend.load()
    known = held.state.resources["tiny_group.a"]
    marked = msgspec.structs.replace(known.objects[0], tainted=True)
    instance = msgspec.structs.replace(known, objects=(marked,))
    resources = {**held.state.resources, "tiny_group.a": instance}
    compact(backend, held, msgspec.structs.replace(held.state, resources=resources))


def nothing(_tiny):
    """Leave the world as it is."""


CASES = {
    "no change": (BASE, nothing, Options(), False),
    "an attribute": (NOTE_TWO, nothing, Options(), True),
    "a new object": (LIFTED, nothing, Options(), True),
    "a removed object": (WITHOUT_B, nothing, Options(), True),
    "only an output": (BASE + OUTPUT.format("x"), nothing, Options(), True),
    "refresh only, no drift": (BASE, nothing, Options(refresh_only=True), False),
    "refresh only, drift": (BASE, edit(note="else"), Options(refresh_only=True), True),
    "refresh only, an object is gone": (WITHOUT_B, lose, Options(refresh_only=True), True),
    "drift that is repaired": (BASE, edit(note="else"), Options(), True),
    "drift that nobody manages": (WITHOUT_B + BASE[len(WITHOUT_B) :], edit(session=5), None, True),
    "without refresh": (BASE, edit(note="else"), Options(refresh=False), False),
    "a refused call": (NOTE_TWO, fault("update"), Options(), False),
    "one of two refused": (NOTE_TWO + LIFTED[len(BASE) :], fault("update"), Options(), True),
    "forgotten": (FORGOTTEN, nothing, Options(), True),
    "moved": (MOVED, nothing, Options(), True),
    "only protection": (PROTECTED, nothing, Options(), True),
    "expired": (EXPIRED, nothing, Options(), True),
    "replaced": (BASE, nothing, Options(replace=("tiny_group.a",)), True),
    "targeted, nothing to do": (NOTE_TWO, nothing, Options(targets=("tiny_group.b",)), False),
    "targeted": (NOTE_TWO, nothing, Options(targets=("tiny_group.a",)), True),
    "all destroyed": (BASE, nothing, Options(destroy=True), True),
    "rolled back to itself": (BASE, nothing, Options(rollback=1), False),
}


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_apply(tiny, name):
    """Once; and once more it is at rest."""
    text, prepare, options, changes = CASES[name]
    tiny.write(BASE)
    tiny.applied()
    before = tiny.work.state
    assert before.serial == 1
    tiny.write(text)
    prepare(tiny)
    outcome = tiny.apply(options)
    after = tiny.work.state
    assert outcome.applied is not None, outcome.errors
    assert same_content(before, after) is not changes
    assert after.serial == (2 if changes else 1)
    assert outcome.applied.serial == after.serial
    tiny.tenant.faults.clear()
    tiny.apply(options)
    again = tiny.work.state
    assert again.serial == after.serial + (not same_content(after, again))
    tiny.apply(options)
    if not options or not options.replace:
        assert tiny.work.state.serial == again.serial


def test_a_tainted_object_is_replaced_in_one_step(tiny):
    """The mark is one change of state, the replacement the next."""
    tiny.write(BASE)
    tiny.applied()
    taint(tiny)
    assert tiny.work.state.serial == 2
    tiny.applied()
    assert tiny.work.state.serial == 3
    tiny.applied()
    assert tiny.work.state.serial == 3


def test_a_first_apply_of_nothing_writes_nothing(tiny):
    """There is no state then."""
    tiny.write('provider "tiny" {}\n')
    tiny.applied()
    assert tiny.work.state.serial == 0
    assert not tiny.work.backend().path.exists()


class Killed(BaseException):
    """The process ends here."""


KILLED_AT = ("state.before", "state.after", "clear.before", "clear.after")


@pytest.mark.parametrize("place", KILLED_AT)
def test_resumed_after_a_kill_it_rises_once(tiny, place):
    """Wherever the end was: the change counts once, and a resume that changes nothing counts nothing."""
    tiny.write(BASE)
    tiny.applied()
    tiny.write(NOTE_TWO)

    def kill(name):
        if name == place:
            raise Killed

    tiny.work.failpoint = kill
    with pytest.raises(Killed):
        tiny.apply()
    tiny.work.failpoint = lambda _: None
    tiny.applied()
    assert tiny.work.state.serial == 2
    tiny.applied()
    held = tiny.work.backend().load()
    assert (held.state.serial, held.records) == (2, ())


@pytest.mark.parametrize("at", range(1, 4))
def test_cut_off_half_way_it_rises_once(tiny, at, monkeypatch):
    """The journal breaks off after some records; the next apply does the rest and writes once."""
    tiny.write(BASE)
    tiny.applied()
    tiny.write(LIFTED.replace('"one"', '"two"'))
    backend = type(tiny.work.backend())
    append, count = backend.append, [0]

    def fail(self, record):
        count[0] += 1
        if count[0] >= at:
            raise state_error("Could not write the journal", "The disk is full.")
        append(self, record)

    monkeypatch.setattr(backend, "append", fail)
    tiny.apply()
    monkeypatch.setattr(backend, "append", append)
    found = tiny.work.backend().load()
    assert found.state.serial == 1
    tiny.applied()
    assert tiny.work.state.serial == 2
    held = tiny.work.backend().load()
    assert not replay(held.state, held.records).pending


def test_a_lost_answer_counts_once_it_is_settled(tiny):
    """First nobody knows; the next apply finds the object."""
    tiny.write(BASE)
    tiny.applied()
    tiny.write(LIFTED)
    fault("create", after=True)(tiny)
    tiny.apply()
    tiny.tenant.faults.clear()
    tiny.applied()
    assert tiny.work.state.serial == 2
    assert len(tiny.tenant.of("tiny_group")) == 3
