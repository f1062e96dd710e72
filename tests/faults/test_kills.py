"""Killed at any moment with its state on a server: the next run, on another machine, knows what happened."""

import os

import pytest

from perimeter.sandbox.faults import Fault

EXHAUSTIVE = os.environ.get("PERIMETER_FAULTS") == "all"
REMOTE = ("s3", "gcs", "azurerm", "pg", "http")
STORIES = 5 if EXHAUSTIVE else 1
KILLS = 10 if EXHAUSTIVE else 2
"""In each story."""
VENDORS = {
    "no fault of a vendor": [],
    "bursts of 429": [{"kind": "status", "status": 429, "times": 4, "after": 5}],
    "500s": [{"kind": "status", "status": 500, "times": 2, "method": "GET", "after": 3}],
    "500s to writes": [{"kind": "status", "status": 500, "times": 2, "method": "P*", "after": 2}],
    "answers lost after the commit": [{"kind": "lost", "times": 2, "method": "P*", "after": 1}],
    "torn answers": [{"kind": "torn", "times": 2, "method": "P*", "after": 1}],
    "slow answers": [{"kind": "latency", "seconds": 0.15, "times": 12}],
}


@pytest.mark.parametrize("number", range(STORIES))
@pytest.mark.parametrize("kind", REMOTE)
def test_killed_at_a_random_moment(tell, tally, kind, number):
    """No object is made twice or lost, and the state is whole at every moment; vendors fail in between."""
    story = tell(kind, f"{kind}{number}", encrypted=bool(number % 2))
    kills = 0
    while kills < KILLS:
        wish = story.next_wish()
        serial = story.begin()
        weather = story.chance.choice(["no fault of a vendor", *VENDORS])
        for fault in VENDORS[weather]:
            story.tenants.sandbox.faults.add(Fault(**fault))
        killed = story.killed_apply(story.ready(wish))
        if killed:
            kills += 1
            story.leftovers()
            tally(f"random kills on {kind}")
            tally(f"random kills with {weather}")
        # What is left of the faults hits the next run.
        directory = story.converge(wish, tries=3)
        story.settle(directory, wish, serial, runs=5)
