"""What ``-target``, ``-exclude`` and ``-minimal-refresh`` leave out, and what they never do."""

import pytest

from perimeter.engine.model import Action, Options

CHAIN = """
provider "tiny" {}
resource "tiny_group" "a" {
  name = "a"
  note = "NOTE"
}
resource "tiny_group" "b" {
  name = "b"
  note = tiny_group.a.id
}
resource "tiny_group" "c" {
  for_each = toset(["x", "y"])
  name     = each.key
  note     = "NOTE"
}
resource "tiny_group" "d" {
  name = "d"
  note = tiny_group.c["y"].id
}
output "a" { value = tiny_group.a.note }
output "c" { value = tiny_group.c["x"].note }
output "fixed" { value = "NOTE" }
"""


@pytest.fixture
def chain(tiny):
    """Applied once; ``again`` writes it with another note."""
    tiny.write(CHAIN.replace("NOTE", "one"))
    return tiny


def names(tiny, **options):
    return set(tiny.planned(Options(**options)))


def test_an_exclusion_takes_along_what_needs_it(chain):
    """Blocks, and for a single instance whatever needs its block."""
    everything = names(chain)
    assert len(everything) == 5
    assert names(chain, excludes=("tiny_group.a",)) == everything - {
        "tiny_group.a",
        "tiny_group.b",
    }
    assert names(chain, excludes=('tiny_group.c["x"]',)) == everything - {
        'tiny_group.c["x"]',
        "tiny_group.d",
    }
    assert names(chain, excludes=("tiny_group.d", "tiny_group.b")) == everything - {
        "tiny_group.d",
        "tiny_group.b",
    }


def test_what_is_excluded_is_not_removed_when_it_is_no_longer_declared(chain):
    """Nor is what it depends on; the rest goes."""
    chain.applied()
    chain.write('provider "tiny" {}\n')
    kept = names(chain, excludes=("tiny_group.b",))
    assert kept == {'tiny_group.c["x"]', 'tiny_group.c["y"]', "tiny_group.d"}
    assert names(chain, destroy=True, excludes=("tiny_group.d",)) == {
        "tiny_group.a",
        "tiny_group.b",
    }


def test_destroying_a_target_destroys_what_depends_on_it(chain):
    """And nothing else."""
    chain.applied()
    assert names(chain, destroy=True, targets=("tiny_group.a",)) == {
        "tiny_group.a",
        "tiny_group.b",
    }
    assert names(chain, destroy=True, targets=("tiny_group.b",)) == {"tiny_group.b"}


def test_outputs_are_settled_only_where_everything_below_them_is_planned(chain):
    """The others stay as state remembers them."""
    chain.applied()
    chain.write(CHAIN.replace("NOTE", "two"))
    options = Options(excludes=('tiny_group.c["y"]',))
    outcome = chain.plan(options)
    assert {o.name for o in outcome.plan.outputs if o.action is not Action.NO_OP} == {"a", "fixed"}
    chain.applied(options)
    outputs = {name: item.value for name, item in chain.work.state.outputs.items()}
    assert outputs == {"a": "two", "fixed": "two", "c": "one"}
    chain.applied(Options(targets=('tiny_group.c["y"]',)))
    assert chain.work.state.outputs["c"].value == "one"
    chain.applied()
    assert chain.work.state.outputs["c"].value == "two"


def test_an_instance_of_a_module_is_excluded_alone(tiny):
    """The same blocks in its sibling stay, what uses the module outside does not."""
    tiny.write(
        """
provider "tiny" {}
module "m" {
  source   = "./m"
  for_each = toset(["one", "two"])
  name     = each.key
}
resource "tiny_group" "outside" {
  name = "outside"
  note = module.m["two"].id
}
"""
    )
    (tiny.work.directory / "m").mkdir()
    tiny.work.write(
        """
variable "name" {}
resource "tiny_group" "g" { name = var.name }
resource "tiny_group" "h" {
  name = "${var.name}-h"
  note = tiny_group.g.id
}
output "id" { value = tiny_group.h.id }
""",
        "m/main.hcl",
    )
    assert names(tiny, excludes=('module.m["one"]',)) == {
        'module.m["two"].tiny_group.g',
        'module.m["two"].tiny_group.h',
    }
    assert names(tiny, excludes=("module.m",)) == set()
    assert names(tiny, targets=('module.m["one"]',)) == {
        'module.m["one"].tiny_group.g',
        'module.m["one"].tiny_group.h',
    }


def test_a_restricted_plan_says_that_it_is_not_complete(chain):
    """In its JSON, too."""
    from perimeter.ui.plan_json import plan_json

    assert plan_json(chain.plan().plan)["complete"] is True
    assert plan_json(chain.plan(Options(excludes=("tiny_group.a",))).plan)["complete"] is False


MINIMAL = """
provider "tiny" {}
resource "tiny_group" "g" {
  name = "g"
  note = "one"
}
resource "tiny_account" "a" {
  name = "acme"
  plan = "free"
}
"""


def reads(tiny):
    """Types that were read since the last question."""
    found = {kind for verb, kind, _ in tiny.tenant.calls if verb in ("list", "get")}
    tiny.tenant.calls.clear()
    return found


def test_a_minimal_refresh_reads_only_what_a_change_needs(tiny):
    """Nothing when nothing is to change; then the changed type alone; and what it reads, it respects."""
    tiny.write(MINIMAL)
    tiny.applied()
    tiny.tenant.calls.clear()
    minimal = Options(minimal_refresh=True)
    tiny.plan()
    assert {"tiny_group", "tiny_account"} <= reads(tiny)
    assert tiny.planned(minimal) == {}
    assert reads(tiny) == set()
    tiny.write(MINIMAL.replace('"one"', '"two"'))
    assert set(tiny.planned(minimal)) == {"tiny_group.g"}
    assert reads(tiny) == {"tiny_group"}
    # What is read tells the truth: somebody has made the change already.
    next(iter(tiny.tenant.of("tiny_group").values()))["note"] = "two"
    assert tiny.planned(minimal) == {}


def test_a_minimal_refresh_still_sees_what_safety_hangs_on(tiny):
    """Types that decide who signs in, removals, and what an exclusive collection would take."""
    tiny.write(
        MINIMAL
        + 'resource "tiny_settings" "s" {\n  theme = "dark"\n}\n'
        + 'collection "tiny_group" "all" {\n  mode = "exclusive"\n}\n'
    )
    tiny.applied()
    tiny.tenant.put("tiny_group", name="intruder")
    tiny.tenant.calls.clear()
    minimal = Options(minimal_refresh=True)
    assert set(tiny.planned(minimal)) == {'tiny_group "intruder"'}
    seen = reads(tiny)
    assert {"tiny_group", "tiny_settings"} <= seen
    assert "tiny_account" not in seen
    tiny.write('provider "tiny" {}\nresource "tiny_group" "g" {\n  name = "g"\n  note = "one"\n}\n')
    assert set(tiny.planned(minimal)) == {"tiny_account.a", "tiny_settings.s"}
    assert {"tiny_account", "tiny_settings"} <= reads(tiny)
