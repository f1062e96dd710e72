"""What an apply does when things go wrong, and what it remembers."""

import threading

import pytest

from perimeter.engine.apply import StopSignal
from perimeter.engine.session import Session, load_configuration
from perimeter.sdk import Forbidden, Retryable
from perimeter.state.evidence import Verified, verify
from perimeter.state.lockinfo import new_lock_info
from tests.tiny.tenant import Fault

CHAIN = """
resource "tiny_group" "a" {
  name = "a"
}

resource "tiny_key" "k" {
  group = tiny_group.a.id
  label = "below a"
}

resource "tiny_group" "b" {
  name = "b"
}
"""


def lost(verb, kind):
    return Fault(verb, kind, Retryable("no answer", committed=None), after=True)


def test_independent_branches_go_on_and_the_rest_says_why(tiny):
    """One failure skips what hangs on it, and nothing else; the next run finishes."""
    tiny.write(CHAIN)
    tiny.tenant.faults.append(Fault("create", "tiny_group", Forbidden("no right"), times=1))
    tiny.work.parallelism = 1
    outcome = tiny.apply()
    ended = {result.name: (result.status, result.text) for result in outcome.applied.results}
    assert ended["tiny_group.a"] == ("failed", "no right")
    assert ended["tiny_group.b"][0] == "done"
    assert ended["tiny_key.k"] == ("skipped", "because tiny_group.a failed")
    assert set(tiny.state) == {"tiny_group.b"}
    tiny.applied()
    tiny.empty()
    assert tiny.tenant.count("create", "tiny_group") == 3


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("tiny_group", 'name = "x"'),
        ("tiny_hook", 'url = "https://x.example"'),
        ("tiny_job", 'task = "t"'),
    ],
    ids=["unique key", "difference", "token"],
)
def test_a_create_whose_answer_is_lost_is_found_again(tiny, kind, text):
    """By whatever means the type declares; nothing is made twice."""
    tiny.write(f'resource "{kind}" "x" {{\n  {text}\n}}\n')
    tiny.tenant.faults.append(lost("create", kind))
    tiny.apply()
    tiny.applied()
    assert len(tiny.tenant.of(kind)) == 1
    assert tiny.state[f"{kind}.x"].current().id in tiny.tenant.of(kind)
    tiny.empty()


def test_several_candidates_are_quarantined(tiny):
    """If somebody made the same thing meanwhile, nobody can tell: nothing is changed, and it is said."""
    tiny.write('resource "tiny_hook" "x" {\n  url = "https://x.example"\n}\n')
    tiny.tenant.faults += [
        lost("create", "tiny_hook"),
        Fault("list", "tiny_hook", Retryable("down")),
    ]
    tiny.tenant.faults[1].times = 0
    real = tiny.tenant.create

    def create(*args, **kwargs):
        tiny.tenant.faults[1].times = 1
        return real(*args, **kwargs)

    tiny.tenant.create = create
    tiny.apply()
    tiny.tenant.put("tiny_hook", url="https://x.example")
    outcome = tiny.plan()
    assert "Lost answer, several candidates" in outcome.errors[0]


def test_an_object_that_lists_show_late_is_not_made_twice(tiny):
    """While it may still appear the plan waits."""
    tiny.write('resource "tiny_slow" "x" {\n  label = "x"\n}\n')
    tiny.tenant.faults.append(lost("create", "tiny_slow"))
    real = tiny.tenant.put

    def put(*args, **kwargs):
        identifier = real(*args, **kwargs)
        tiny.tenant.hidden.add(identifier)
        return identifier

    tiny.tenant.put = put
    from perimeter.engine import execute

    pause, execute._POLL = execute._POLL, 60.0
    try:
        tiny.work.on_event = lambda event: None
        import time

        sleep, time.sleep = time.sleep, lambda seconds: None
        outcome = tiny.apply()
        time.sleep = sleep
    finally:
        execute._POLL = pause
    assert outcome.applied.count("failed") == 1
    plan = tiny.plan().plan
    assert not plan.active
    assert "may not show it yet; apply again" in plan.changes[0].deferred
    tiny.tenant.hidden.clear()
    tiny.applied()
    assert len(tiny.tenant.of("tiny_slow")) == 1


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_a_lost_update_or_delete_ends_well(tiny, verb):
    """Looking at the tenant settles it."""
    tiny.write('resource "tiny_group" "a" {\n  name = "a"\n  note = "1"\n}\n')
    tiny.applied()
    tiny.tenant.faults.append(lost(verb, "tiny_group"))
    changed = 'resource "tiny_group" "a" {\n  name = "a"\n  note = "2"\n}\n'
    tiny.write(changed if verb == "update" else "")
    tiny.apply()
    tiny.applied()
    tiny.empty()
    backend = tiny.work.backend().load()
    assert backend.records == ()
    if verb == "delete":
        assert tiny.state == {}


def test_what_changed_since_the_plan_is_refused_alone(tiny):
    """Only what the change touches counts, and other changes go on."""
    text = 'resource "tiny_group" "{n}" {{\n  name = "{n}"\n  note = "{v}"\n}}\n'
    tiny.write(text.format(n="a", v=1) + text.format(n="b", v=1))
    tiny.applied()
    tiny.write(text.format(n="a", v=2) + text.format(n="b", v=2))

    def somebody():
        for stored in tiny.tenant.of("tiny_group").values():
            if stored["name"] == "a":
                stored["note"] = "theirs"
            else:
                stored["members"] = ["elsewhere"]

    outcome = tiny.apply(between=somebody)
    ended = {result.name: result for result in outcome.applied.results}
    assert ended["tiny_group.a"].status == "failed"
    assert "Somebody changed note" in ended["tiny_group.a"].text
    assert ended["tiny_group.b"].status == "done"


def test_what_turns_out_wider_than_planned_is_not_sent(tiny):
    """An unknown that was planned as harmless and widens once it is known: more than anybody approved."""
    tiny.tenant.put("tiny_group", name="other", note="open")
    text = """
resource "tiny_job" "j" {
  task = "t"
}

data "tiny_group" "other" {
  name       = "other"
  depends_on = [tiny_job.j]
}

resource "tiny_group" "a" {
  name = "a"
  note = NOTE
}
"""
    tiny.write('resource "tiny_group" "a" {\n  name = "a"\n  note = "closed"\n}\n')
    tiny.applied()
    tiny.write(text.replace("NOTE", "data.tiny_group.other.note"))
    outcome = tiny.apply()
    ended = {result.name: result for result in outcome.applied.results}
    assert ended["tiny_group.a"].status == "failed"
    assert "Wider than planned" in outcome.errors[0]
    notes = {o["name"]: o["note"] for o in tiny.tenant.of("tiny_group").values()}
    assert notes == {"other": "open", "a": "closed"}


def test_the_secret_is_sent_and_kept_nowhere(tiny):
    """It goes to the vendor; a new version sends it again."""
    text = """
variable "secret" {{
  type      = string
  sensitive = true
}}

resource "tiny_group" "a" {{
  name = "a"
}}

resource "tiny_key" "k" {{
  group          = tiny_group.a.id
  label          = "l"
  secret         = var.secret
  secret_version = "{version}"
}}
"""
    secret = "planted-key-secret-1"
    tiny.work.environment = {"PERIMETER_VAR_secret": secret}
    tiny.write(text.format(version=1))
    tiny.applied()
    stored = next(iter(tiny.tenant.of("tiny_key").values()))
    assert stored["secret"] == secret
    tiny.empty()
    stored["secret"] = "lost"
    tiny.empty()
    tiny.write(text.format(version=2))
    assert tiny.planned()["tiny_key.k"].changed == {"secret_version"}
    tiny.applied()
    assert next(iter(tiny.tenant.of("tiny_key").values()))["secret"] == secret
    for path in tiny.work.directory.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_the_serial_rises_with_each_change_and_only_then(tiny):
    """By exactly one; an apply without changes writes nothing."""
    tiny.write(CHAIN)
    serials = [tiny.applied().applied.serial for _ in range(3)]
    assert serials == [1, 1, 1]
    tiny.write(CHAIN.replace('"below a"', '"other"'))
    assert tiny.applied().applied.serial == 2


def test_evidence_is_chained_and_sealed(tiny):
    """Every call is in the log, with what it was approved as; a cut tail shows."""
    tiny.write(CHAIN)
    outcome = tiny.applied()
    backend = tiny.work.backend()
    seal = backend.load().state.seal
    assert isinstance(verify(backend.evidence_lines(), seal), Verified)
    assert outcome.applied.evidence_entry == 3
    lines = backend.evidence.read_bytes().splitlines(keepends=True)
    assert b'"fingerprint":"' in lines[0]
    assert b"main.hcl:2" in lines[0]
    backend.evidence.write_bytes(b"".join(lines[:-1]))
    assert not isinstance(verify(backend.evidence_lines(), seal), Verified)


def test_a_stop_starts_nothing_new_and_remembers_what_ran(tiny):
    """The first Ctrl-C: what runs ends well, the rest is skipped."""
    tiny.write(CHAIN)
    stop = StopSignal()
    loaded = load_configuration(
        tiny.work.directory, environment={}, providers={"tiny": tiny.provider}
    )
    backend = tiny.work.backend()
    with (
        Session(loaded=loaded, backend=backend, parallelism=1) as session,
        backend.lock(new_lock_info("apply", "test")),
    ):
        held = backend.load()
        from perimeter.engine.model import Options

        request = session.request(held, Options())
        planned, seen = session.plan(request)
        real = tiny.tenant.create

        def create(*args, **kwargs):
            stop.stop()
            return real(*args, **kwargs)

        tiny.tenant.create = create
        applied, problems = session.apply(planned, request, seen, held, stop=stop)
    assert not problems.has_errors
    assert applied.cancelled
    assert [result.status for result in applied.results] == ["done", "skipped", "skipped"]
    assert len(tiny.state) == 1
    tiny.tenant.create = real
    tiny.applied()
    tiny.empty()


def test_a_full_disk_stops_before_the_call(tiny, monkeypatch):
    """Without a journal nothing is called; state is as it was."""
    import errno
    import os

    tiny.write(CHAIN)
    real = os.pwrite

    def full(fd, data, offset):
        raise OSError(errno.ENOSPC, "No space left on device")

    outcome = tiny.apply(between=lambda: monkeypatch.setattr(os, "pwrite", full))
    monkeypatch.setattr(os, "pwrite", real)
    assert any("The disk is full" in problem for problem in outcome.errors)
    assert tiny.tenant.count("create") == 0
    tiny.applied()


def test_a_providers_bug_is_reported_as_one(tiny, monkeypatch):
    """No traceback, no lost object: the next plan looks."""
    from tests.tiny.types import Group

    def broken(self, writer, request):
        raise ZeroDivisionError("oops")

    tiny.write('resource "tiny_group" "a" {\n  name = "a"\n}\n')
    monkeypatch.setattr(Group, "create", broken)
    outcome = tiny.apply()
    assert "bug of the provider: ZeroDivisionError" in outcome.applied.results[0].text
    monkeypatch.undo()
    tiny.applied()
    tiny.empty()


def test_a_providers_bug_while_planning_is_reported_too(tiny, monkeypatch):
    """The plan names the instance and goes on with the others."""
    from tests.tiny.types import Group

    def broken(self, transition):
        raise ZeroDivisionError("oops")

    tiny.write(CHAIN)
    monkeypatch.setattr(Group, "direction", broken)
    problems = tiny.plan().errors
    assert len(problems) == 2
    assert all("ZeroDivisionError" in problem for problem in problems)


def test_calls_are_made_in_parallel(tiny, monkeypatch):
    """As many as allowed, no more."""
    from tests.tiny.types import Hook

    together = threading.Barrier(4, timeout=10)
    real = Hook.create

    def create(self, writer, request):
        together.wait()
        return real(self, writer, request)

    monkeypatch.setattr(Hook, "create", create)
    tiny.work.parallelism = 4
    tiny.write(
        "".join(
            f'resource "tiny_hook" "h{n}" {{\n  url = "https://h{n}.example"\n}}\n'
            for n in range(8)
        )
    )
    tiny.applied()
    assert len(tiny.state) == 8
