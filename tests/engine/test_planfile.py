"""A saved plan: what it holds, and what can be applied of it."""

import dataclasses

import pytest

from perimeter.engine import planfile
from perimeter.engine.model import Options
from perimeter.engine.session import Session, load_configuration
from perimeter.engine.snapshot import from_content, to_content
from perimeter.sdk import Forbidden
from perimeter.state.errors import StateError
from perimeter.testing.workspace import Workspace
from tests.tiny.tenant import Fault

TEXT = """
variable "note" {
  type    = string
  default = "n"
}

variable "secret" {
  type      = string
  sensitive = true
}

resource "tiny_group" "a" {
  name    = "a"
  note    = var.note
  members = ["x", "y"]
}

resource "tiny_key" "k" {
  group  = tiny_group.a.id
  label  = "l"
  secret = var.secret
}

resource "tiny_settings" "s" {
  theme  = "dark"
  region = "us"
}

collection "tiny_hook" "all" {
  mode = "exclusive"
}

output "group" {
  value = tiny_group.a
}
"""
SECRET = "planted-plan-secret"


class Saved:
    """Plans, saves and reads again."""

    def __init__(self, tiny):
        self.tiny = tiny
        tiny.write(TEXT)
        tiny.work.environment = {"PERIMETER_VAR_secret": SECRET}
        tiny.tenant.put("tiny_hook", url="https://evil.example")

    def session(self):
        loaded = load_configuration(
            self.tiny.work.directory,
            environment=self.tiny.work.environment,
            providers={"tiny": self.tiny.provider},
        )
        return Session(loaded=loaded, backend=self.tiny.work.backend())

    def make(self):
        with self.session() as session:
            request = session.request(session.backend.load(), Options())
            planned, seen = session.plan(request)
            assert planned.plan is not None, list(planned.diagnostics)
            sources = session.loaded.sources
            data = planfile.encode_plan(planned.plan, seen, sources=sources, request=request)
            return planned.plan, data

    def read(self, data):
        def loader(names):
            return {"tiny": self.tiny.provider}

        return planfile.decode_plan(data, where="x.plan", providers=loader)

    def again(self, saved):
        """Plan again, purely, on what the file holds and on the state as it is."""
        with self.session() as session:
            session.snapshot = saved.snapshot
            held = session.backend.load()
            request = session.request(held, saved.plan.options, saved.plan.timestamp)
            planned, _ = session.plan(request)
            return planned.plan, request.state


@pytest.fixture
def saved(tiny):
    return Saved(tiny)


def test_a_plan_survives_the_file(saved):
    """Everything people are shown comes back; desired values and schemas do not travel."""
    plan, data = saved.make()
    found = saved.read(data).plan
    assert len(plan.changes) == 4

    def shown(change):
        return dataclasses.replace(change, desired={}, schema=None, prior=None)

    assert [shown(c) for c in found.changes] == [shown(c) for c in plan.changes]
    assert found.outputs == plan.outputs
    assert found.undeclared == plan.undeclared
    assert found.tenants == plan.tenants
    assert found.fingerprint == plan.fingerprint
    assert all(change.schema is not None for change in found.changes)


def test_the_file_holds_no_secret_and_no_configuration(saved):
    """A sensitive variable is named, so that it can be asked for again."""
    _, data = saved.make()
    assert SECRET.encode() not in data
    assert b"theme  =" in TEXT.encode()
    assert b"theme  =" not in data
    found = saved.read(data)
    assert found.withheld == ("secret",)
    assert set(found.variables) == {"note"}


def test_secrets_of_nested_blocks_do_not_travel_either(saved):
    """They are sent all the same."""
    more = 'network "office" {\n    cidr = "10.0.0.0/8"\n    key  = var.secret\n  }'
    saved.tiny.write(TEXT.replace('theme  = "dark"', f'theme  = "dark"\n  {more}'))
    _, data = saved.make()
    assert b"10.0.0.0/8" in data
    assert SECRET.encode() not in data
    saved.tiny.applied()
    stored = saved.tiny.tenant.of("tiny_settings")[saved.tiny.tenant.id]
    assert stored["network"][0]["key"] == SECRET
    for path in saved.tiny.work.directory.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
    saved.tiny.empty()


def test_the_same_plan_comes_out_of_the_file(saved):
    """Planning again on its snapshot gives the same fingerprints, and reads nothing."""
    plan, data = saved.make()
    saved.tiny.tenant.calls.clear()
    again, state = saved.again(saved.read(data))
    assert again.fingerprint == plan.fingerprint
    assert saved.tiny.tenant.calls == []
    assert planfile.mismatches(saved.read(data), again, state) == ()


def test_a_state_that_moved_on_elsewhere_is_no_obstacle(saved):
    """Only what the plan touches counts."""
    tiny = saved.tiny
    tiny.applied()
    elsewhere = TEXT + 'resource "tiny_group" "z" {\n  name = "z"\n}\n'
    tiny.write(TEXT.replace('default = "n"', 'default = "m"'))
    _, data = saved.make()
    tiny.write(elsewhere)
    tiny.applied()
    tiny.write(TEXT.replace('default = "n"', 'default = "m"'))
    again, state = saved.again(saved.read(data))
    found = planfile.mismatches(saved.read(data), again, state)
    assert all("tiny_group.z" in problem for problem in found)


def test_a_plan_whose_object_was_changed_is_stale(saved):
    """By another apply, or by another configuration."""
    tiny = saved.tiny
    tiny.applied()
    tiny.write(TEXT.replace('default = "n"', 'default = "m"'))
    _, data = saved.make()
    tiny.write(TEXT.replace('default = "n"', 'default = "other"'))
    tiny.applied()
    tiny.write(TEXT.replace('default = "n"', 'default = "m"'))
    again, state = saved.again(saved.read(data))
    found = planfile.mismatches(saved.read(data), again, state)
    assert found == ("tiny_group.a was changed by another apply since",)


def test_what_is_not_in_the_plan_is_not_done(saved):
    """A configuration that wants more than was planned."""
    _, data = saved.make()
    saved.tiny.write(TEXT.replace('"dark"', '"black"'))
    again, state = saved.again(saved.read(data))
    found = planfile.mismatches(saved.read(data), again, state)
    assert found == ("tiny_settings.s would be changed in another way than planned",)


@pytest.mark.parametrize("cut", [0, 10, -20])
def test_a_damaged_file_is_named(saved, cut):
    """Truncated, empty or edited: never half understood."""
    _, data = saved.make()
    with pytest.raises(StateError):
        saved.read(data[:cut])
    with pytest.raises(StateError):
        saved.read(data.replace(b"dark", b"bark"))


def test_a_snapshot_survives_its_file_and_plans_the_same(saved, tmp_path):
    """A pull request plans on what a privileged job saw."""
    saved.tiny.tenant.faults.append(
        Fault("list", "tiny_hook", Forbidden("no", needs="hooks"), times=-1)
    )
    outcome = saved.tiny.plan()
    content = to_content(outcome.snapshot)
    found = from_content(content)
    assert to_content(found) == content
    other = Workspace(
        directory=tmp_path / "other",
        providers=saved.tiny.work.providers,
        environment=saved.tiny.work.environment,
    )
    other.write(TEXT)
    saved.tiny.tenant.calls.clear()
    again = other.plan(snapshot=found)
    assert saved.tiny.tenant.calls == []
    assert again.plan.fingerprint == outcome.plan.fingerprint
    assert [item.subject for item in again.plan.not_visible] == ["tiny_hook"]


def test_a_type_that_the_snapshot_lacks_is_unseen(tiny, tmp_path):
    """It never becomes a create."""
    tiny.write('resource "tiny_group" "a" {\n  name = "a"\n}\n')
    seen = tiny.plan().snapshot
    closed = from_content(to_content(seen))
    tiny.write('resource "tiny_rule" "r" {\n  name = "r"\n  effect = "allow"\n}\n')
    outcome = tiny.plan(snapshot=closed)
    assert not outcome.plan.active
    assert outcome.plan.not_visible[0].subject == "tiny_rule"


def test_files_are_the_checkouts_own(tiny, monkeypatch):
    """A snapshot that a privileged job wrote holds what the tenants showed, not what that job's files said."""
    monkeypatch.chdir(tiny.work.directory)
    tiny.write('resource "tiny_group" "a" {\n  name = "a"\n  note = file("note.txt")\n}\n')
    (tiny.work.directory / "note.txt").write_text("main's")
    seen = tiny.plan().snapshot
    (tiny.work.directory / "note.txt").write_text("the pull request's")
    other = tiny.plan(snapshot=from_content(to_content(seen.of_tenants())))
    assert not other.errors
    assert other.plan.changes[0].after["note"] == "the pull request's"


def test_what_the_file_saw_does_not_undo_what_state_has_learnt_since(saved):
    """An object that the plan leaves alone was refreshed by another run meanwhile."""
    tiny = saved.tiny
    tiny.applied()
    tiny.write(TEXT.replace('theme  = "dark"', 'theme  = "light"'))
    _, data = saved.make()
    group = next(iter(tiny.tenant.of("tiny_group").values()))
    group["note"] = "changed by hand"
    tiny.applied(Options(refresh_only=True))
    found = saved.read(data)
    again, state = saved.again(found)
    assert again.refreshed["tiny_group.a"].attributes["note"] == "n"
    kept = planfile.still_current(found, again.refreshed, state)
    assert "tiny_group.a" not in kept
