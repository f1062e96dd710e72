"""Killed anywhere while it makes webhooks, which nothing names, perimeter neither doubles nor loses one."""

import os

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.state.journal import replay
from perimeter.state.local import DEFAULT_PATH, LocalBackend
from tests.providers.github.world import OWNER, seed, world_of

HOOKS = 3
TEXT = """
provider "github" {{
  organization = "acme"
  base_url     = "{url}"
}}

resource "github_organization_webhook" "siem" {{
  for_each = {{ a = "one", b = "two", c = "one" }}
  url      = "https://siem.example/${{each.value}}"
  events   = ["push"]
}}
"""
# Two of the three are alike: only their number tells what happened.
EXHAUSTIVE = os.environ.get("PERIMETER_CRASH") == "all"
# As many as an undisturbed run passes; test_the_failpoints_are_all_there holds the number.
FAILPOINTS = 37
SAMPLE = range(1, FAILPOINTS + 1) if EXHAUSTIVE else range(1, FAILPOINTS + 1, 5)
KILLS = 100 if EXHAUSTIVE else 4


@pytest.fixture
def world(tmp_path):
    content = seed()
    content["organizations"][0]["hooks"] = []
    with world_of(content, tmp_path) as it:
        yield it


@pytest.fixture
def crash(world, crashes):
    environment = {"GITHUB_TOKEN": OWNER}
    return crashes(environment, TEXT.format(url=world.sandbox.url("github")))


def settled(world, crash):
    """The tenant holds what is declared, state knows it, and the call log shows no create too many."""
    hooks = world.organization["hooks"]
    made = world.calls.count(vendor="github", method="POST", path="/orgs/acme/hooks")
    committed = [c for c in world.calls.entries if c.method == "POST" and c.committed]
    assert len(hooks) == HOOKS, [hook["id"] for hook in hooks]
    assert len(committed) == HOOKS, (len(committed), made)
    held = LocalBackend(crash.state / DEFAULT_PATH).load()
    state = replay(held.state, held.records).state
    known = {item.id for one in state.resources.values() for item in one.objects}
    assert known == {str(hook["id"]) for hook in hooks}


def test_the_failpoints_are_all_there(world, crash):
    """An undisturbed run passes each kind of failpoint, and about as many as the tests go through."""
    done = crash.run("list")
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("failpoints"))
    for name in (
        "journal.before",
        "journal.after",
        "append.linked",
        "state.before",
        "write.replaced",
    ):
        assert name in line
    assert "call.before:create:" in line
    assert "call.after:create:" in line
    assert int(line.split()[1]) <= FAILPOINTS
    settled(world, crash)


@pytest.mark.parametrize("number", SAMPLE)
def test_killed_at_a_failpoint(world, crash, number):
    """Whatever had happened by then, the next run elsewhere converges."""
    crash.run(number)
    crash.converge()
    settled(world, crash)


@pytest.mark.parametrize("number", range(KILLS))
def test_killed_at_a_random_moment(world, crash, number):
    """The same at any instant, not only at the steps we thought of."""
    crash.kill_at_random(number, 1.2)
    crash.converge()
    settled(world, crash)


@pytest.mark.parametrize("after", range(HOOKS))
def test_an_answer_lost_after_the_server_committed(world, crash, after):
    """The connection is cut after a create was committed: the object is found, not made again."""
    world.sandbox.faults.add(
        Fault(kind="lost", method="POST", path="/orgs/acme/hooks", after=after)
    )
    crash.run("never")
    crash.converge()
    settled(world, crash)


@pytest.mark.parametrize("number", [9, 14, 19])
def test_killed_and_the_answer_lost(world, crash, number):
    """Both at once; the answer may be the next run's that is lost."""
    world.sandbox.faults.add(Fault(kind="lost", method="POST", path="/orgs/acme/hooks"))
    crash.run(number)
    crash.converge(runs=2)
    settled(world, crash)
