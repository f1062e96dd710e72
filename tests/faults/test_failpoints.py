"""Killed between any two steps on the local backend, while it makes, changes, replaces and removes: one after the other."""

import os
import re
from itertools import count

import pytest

from tests.faults.tenants import Wish
from tests.providers.github.world import public_key

EXHAUSTIVE = os.environ.get("PERIMETER_FAULTS") == "all"
STEP = 1 if EXHAUSTIVE else 16
ALIKE = {"url": "https://siem.example/alike", "events": ["push"]}


def wish(side):
    """One of two: to get from either to the other, one of everything has to be done."""
    return Wish(
        hooks={
            "kept": {"url": "https://siem.example/kept", "events": sorted(["push", side])},
            f"{side}1": ALIKE,
            f"{side}2": ALIKE,
        },
        keys={
            "kept": {"repository": "api", "title": side, "key": public_key(4711)},
            side: {"repository": "api", "title": "x", "key": public_key(4712 + len(side))},
        },
        groups={
            "kept": {"name": "Kept", "description": side},
            side: {"name": side, "description": ""},
        },
    )


@pytest.mark.parametrize("encrypted", [False, True] if EXHAUSTIVE else [False])
def test_every_failpoint_in_turn(tell, tally, encrypted):
    """The same apply dies at one failpoint after the other, until it lives; each time another machine goes on."""
    story = tell("local", "failpoints", encrypted=encrypted)
    names = set()
    for number in count(1, STEP):
        there, back = wish("team"), wish("member")
        serial = story.begin()
        story.settle(story.converge(back), back, serial)
        serial = story.begin()
        directory = story.ready(there)
        child = story.start(
            directory, "apply", "-auto-approve", "-parallelism=1", fatal=number
        ).wait()
        if child.status == 0:
            story.settle(directory, there, serial, runs=1)
            break
        assert child.status == -9, child.said[-2000:]
        names.add(re.search(r"failpoint ([\w.]+)", child.err)[1])
        tally("runs killed at a failpoint on the local backend, all kinds of changes")
        story.leftovers()
        story.settle(story.converge(there), there, serial)
    if EXHAUSTIVE:
        assert names >= {
            "journal.before",
            "journal.after",
            "append.written",
            "append.linked",
            "call.before",
            "call.after",
            "state.before",
            "state.after",
            "write.written",
            "write.backed_up",
            "write.replaced",
            "clear.before",
            "clear.removed",
            "clear.after",
        }, names
