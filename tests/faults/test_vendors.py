"""Vendors fail, tokens expire and others change the same objects: an apply converges, or stops with an exact account."""

import copy
import os
import re
import threading
import time

import pytest

from perimeter.sandbox.faults import Fault
from tests.faults.story import UNSURE
from tests.faults.tenants import RENEWED, Wish
from tests.providers.github.world import OWNER, public_key

EXHAUSTIVE = os.environ.get("PERIMETER_FAULTS") == "all"
KINDS = ("s3", "gcs", "azurerm", "pg", "http", "local")


def faults(story, *described):
    for item in described:
        story.tenants.sandbox.faults.add(Fault(**item))


def second(wish):
    """Something of everything: changed, replaced, removed and made."""
    hooks, keys, groups = (copy.deepcopy(item) for item in (wish.hooks, wish.keys, wish.groups))
    names = sorted(hooks)
    hooks[names[0]]["events"] = ["member", "push"]
    del hooks[names[1]]
    hooks |= {f"new{n}": {"url": "https://siem.example/new", "events": ["team"]} for n in range(3)}
    for number, name in enumerate(("first", "new")):
        keys[name] = {"repository": "api", "title": name, "key": public_key(4711 + number)}
    for item in groups.values():
        item["description"] = "changed"
    groups["new"] = {"name": "New", "description": ""}
    return Wish(hooks, keys, groups)


def account(story, done, wish):
    """What the table at the end says was done was done, and it has a line for each failure."""
    held = story.tenants.objects()
    lines = re.findall(
        r"^  (done|failed|skipped) +(\S+)\.\w+\[\"(\w+)\"\] +(.*)$", done.out, re.MULTILINE
    )
    assert lines, done.said
    for status, type_name, key, text in lines:
        kind = {
            "github_organization_webhook": "hooks",
            "github_deploy_key": "keys",
            "okta_group": "groups",
        }.get(type_name)
        if kind and status == "done" and re.match("created|updated", text):
            assert getattr(wish, kind)[key] in held[kind].values(), (type_name, key, text)
    if done.status:
        assert {status for status, *_ in lines} & {"failed", "skipped"}, done.said


def in_one_run(story, wish, done):
    assert done.status == 0, done.said


def in_some_runs(story, wish, done):
    assert done.status == 0 or any(words in done.said for words in UNSURE), done.said


def stops(*words):
    """It must fail, and say one of these."""

    def judge(story, wish, done):
        assert done.status == 1, done.said
        assert any(word in done.said for word in words), done.said

    return judge


def outage(seconds):
    """From a call in the middle on, nothing answers for a while."""

    def arrange(story, wish, directory):
        sandbox = story.tenants.sandbox

        def away():
            sandbox.stop()
            time.sleep(seconds)
            sandbox.start()

        thread = threading.Thread(target=away)
        story.tenants.after_writes(2, thread.start)
        return thread.join

    return arrange


def token_expires(story, wish, directory):
    """The vendor takes the token no more from the third write on; the next run has a new one."""
    data = story.tenants.github._content.data

    def expire():
        data["tokens"] = [item for item in data["tokens"] if item["token"] != OWNER]
        story.tenants.token = RENEWED

    story.tenants.after_writes(3, expire)


def in_the_middle(make):
    """Somebody acts once the first call is made, at the objects still to be changed."""

    def arrange(story, wish, directory):
        story.tenants.after_writes(1, make(story, wish))

    return arrange


def between(make):
    """Somebody acts after the plan was saved, before it is applied."""

    def arrange(story, wish, directory):
        planned = story.run(directory, "plan", "-out=plan", "-input=false")
        assert planned.status == 0, planned.said
        make(story, wish)()

    return arrange


def changed_hook(story, wish):
    """The webhook that is to be changed."""
    state = story.held()[0].state
    name = min(story.wish.hooks)
    number = state.resources[f'github_organization_webhook.h["{name}"]'].objects[0].id
    return next(item for item in story.tenants.organization["hooks"] if str(item["id"]) == number)


def changes_it(story, wish):
    hook = changed_hook(story, wish)
    return lambda: hook.update(events=["fork"])


def removes_it(story, wish):
    hook = changed_hook(story, wish)
    story.removed = ("hooks", min(story.wish.hooks))
    return lambda: story.tenants.organization["hooks"].remove(hook)


def makes_it_first(story, wish):
    """Somebody registers the very deploy key; removed again before the next run."""
    repository = story.tenants.organization["repositories"][0]
    key = {
        "id": 990001,
        "key": wish.keys["new"]["key"],
        "title": "theirs",
        "read_only": True,
        "created_at": "2026-01-01T00:00:00Z",
        "last_used": None,
        "added_by": "j.doe",
        "verified": True,
    }
    story.cleared = lambda: repository["keys"].remove(key)
    return lambda: repository["keys"].append(key)


READS, WRITES = {"method": "GET"}, {"method": "P*"}
CASES = {
    "a burst of 429": ([{"kind": "status", "status": 429, "times": 8, "after": 4}], in_one_run),
    "500s to reads": ([{"kind": "status", "times": 3, **READS}], in_one_run),
    "500s to writes": ([{"kind": "status", "times": 3, "after": 1, **WRITES}], in_some_runs),
    "reads torn": ([{"kind": "torn", "times": 3, **READS}], in_one_run),
    "writes whose answer is torn": ([{"kind": "torn", "times": 3, **WRITES}], in_some_runs),
    "writes whose answer is lost": ([{"kind": "lost", "times": 3, **WRITES}], in_some_runs),
    "writes that hang": ([{"kind": "timeout", "seconds": 0.3, "times": 2, **WRITES}], in_some_runs),
    "removals whose answer is lost": (
        [{"kind": "lost", "times": 2, "method": "DELETE"}],
        in_some_runs,
    ),
    "no network for half a second": (outage(0.5), in_some_runs),
    "no network for a minute, scaled": (outage(6.0), stops("refused", "could not", "cannot")),
    "a token that expires half-way": (token_expires, stops("401", "credential", "token")),
    "another actor changes an object after the plan": (between(changes_it), stops("chang")),
    "another actor removes an object after the plan": (between(removes_it), stops("gone", "remov")),
    "another actor makes an object after the plan": (between(makes_it_first), stops("in use")),
    "another actor changes an object in the middle": (in_the_middle(changes_it), stops("chang")),
    "another actor removes an object in the middle": (
        in_the_middle(removes_it),
        stops("gone", "remov"),
    ),
    "another actor makes an object in the middle": (
        in_the_middle(makes_it_first),
        stops("in use"),
    ),
}
RUNS = [
    (name, kind)
    for number, name in enumerate(CASES)
    for kind in (KINDS[number % 2 :: 2] if EXHAUSTIVE else [KINDS[number % len(KINDS)]])
]


@pytest.mark.parametrize(("name", "kind"), RUNS if EXHAUSTIVE else RUNS[1::3])
def test_a_fault_of_a_vendor(tell, tally, name, kind):
    """After it, another machine's run ends with each object there once, and nothing left to plan."""
    arrange, judge = CASES[name]
    story = tell(kind, name, encrypted=KINDS.index(kind) % 2 == 1)
    wish = story.next_wish()
    serial = story.begin()
    story.settle(story.converge(wish), wish, serial)

    wish = second(wish)
    directory = story.ready(wish)
    serial = story.begin()
    end = None
    if isinstance(arrange, list):
        faults(story, *arrange)
    else:
        end = arrange(story, wish, directory)
    if (directory / "plan").exists():
        done = story.run(directory, "apply", "plan")
    else:
        done = story.watched_apply(directory, "-parallelism=1")
    if end is not None:
        end()
    judge(story, wish, done)
    if "Apply" in done.out:
        account(story, done, wish)
    tally(f"vendor: {name}")
    story.tenants.sandbox.faults.clear()
    if hasattr(story, "cleared"):
        story.cleared()
    removed = (story.removed,) if hasattr(story, "removed") else ()
    story.settle(story.converge(wish), wish, serial, repaired=removed)
