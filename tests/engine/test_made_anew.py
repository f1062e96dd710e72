"""An instance that state holds is made anew: what is gone is forgotten, and a lost answer is not asked for twice."""

import pytest

from perimeter.engine import execute
from perimeter.engine.model import Options
from perimeter.sdk import Retryable
from tests.tiny.tenant import Fault

HOOK = """
provider "tiny" {}
resource "tiny_hook" "h" {
  url = "https://one.example"
}
"""
GROUP = """
provider "tiny" {}
resource "tiny_group" "h" {
  name = "H"
}
"""
FIRST = """
provider "tiny" {}
resource "tiny_hook" "h" {
  url = "https://one.example"
  lifecycle { create_before_destroy = true }
}
"""


def lose_create(tiny, kind, *, committed=True):
    lost = Retryable("The answer was lost.", committed=None)
    tiny.tenant.faults.append(Fault("create", kind, lost, after=committed))


def ids(tiny, address):
    return [item.id for item in tiny.state[address].objects]


BOTH = pytest.mark.parametrize(
    ("text", "kind"), [(HOOK, "tiny_hook"), (GROUP, "tiny_group")], ids=["unnamed", "named"]
)


@BOTH
def test_an_object_that_somebody_removed_is_made_again_and_the_old_one_forgotten(tiny, text, kind):
    """State holds the new one only, and the apply after it has nothing to write."""
    tiny.write(text)
    tiny.applied()
    tiny.tenant.of(kind).clear()
    tiny.applied()
    assert ids(tiny, f"{kind}.h") == list(tiny.tenant.of(kind))
    serial = tiny.work.state.serial
    tiny.applied()
    assert tiny.work.state.serial == serial == 2


@BOTH
def test_its_create_with_a_lost_answer_is_found_and_not_repeated(tiny, text, kind):
    """Though state still holds the id of the one that somebody removed."""
    tiny.write(text)
    tiny.applied()
    tiny.tenant.of(kind).clear()
    lose_create(tiny, kind)
    killed(tiny)
    assert len(tiny.tenant.of(kind)) == 1
    tiny.applied()
    tiny.applied()
    assert tiny.tenant.count("create", kind) == 2
    assert ids(tiny, f"{kind}.h") == list(tiny.tenant.of(kind))
    tiny.empty()


@pytest.mark.parametrize("committed", [True, False])
def test_a_replacement_made_first_whose_answer_is_lost_is_not_made_twice(tiny, committed):
    """The old one is still there when the next run looks."""
    tiny.write(FIRST)
    tiny.applied()
    old = ids(tiny, "tiny_hook.h")
    lose_create(tiny, "tiny_hook", committed=committed)
    killed(tiny, Options(replace=("tiny_hook.h",)))
    assert len(tiny.tenant.of("tiny_hook")) == 1 + committed
    tiny.applied()
    tiny.applied()
    known = ids(tiny, "tiny_hook.h")
    assert sorted(known) == sorted(tiny.tenant.of("tiny_hook"))
    assert len(known) == 1
    assert (known == old) is not committed
    tiny.empty()


class Killed(Exception):
    """Stands for the end of the process."""


def killed(tiny, options=None):
    """An apply that ends when its create's answer is lost: nothing is looked at or noted any more."""

    def die(*_):
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute.Executor, "_lost_create", die)
        tiny.apply(options)


def test_it_is_looked_for_without_refresh_too(tiny):
    """What nobody answered is never taken for settled by a run that does not look."""
    tiny.write(FIRST)
    tiny.applied()
    lose_create(tiny, "tiny_hook")
    killed(tiny, Options(replace=("tiny_hook.h",)))
    tiny.applied(Options(refresh=False))
    assert sorted(ids(tiny, "tiny_hook.h")) == sorted(tiny.tenant.of("tiny_hook"))
