"""What a fingerprint depends on: a change's effect, and nothing of how it is written down."""

import dataclasses

import pytest

from perimeter.engine import planfile
from perimeter.engine.approvals import altered, to_approve
from perimeter.engine.model import Options
from perimeter.engine.session import Session, load_configuration

BASE = """
locals {
  note  = "n"
  group = tiny_group.a.id
}

resource "tiny_group" "a" {
  name    = "a"
  note    = local.note
  members = ["x", "y"]
}

resource "tiny_key" "k" {
  group = local.group
  label = "in ${tiny_group.a.id}"
}

resource "tiny_settings" "s" {
  theme = "dark"

  network "office" {
    cidr = tiny_key.k.created_at
  }
}

collection "tiny_hook" "all" {
  mode = "exclusive"
}
"""


def prints(tiny, text=None, **files):
    """The set of fingerprints that a configuration plans, and the plan; ``a__b`` is the file ``b.hcl`` in ``a``."""
    for path in tiny.work.directory.glob("*.hcl"):
        path.unlink()
    for name, content in {"main": text, **files}.items():
        if content is not None:
            path = tiny.work.directory / f"{name.replace('__', '/')}.hcl"
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
    outcome = tiny.plan()
    assert not outcome.errors, outcome.errors
    return {change.fingerprint for change in outcome.plan.active}, outcome.plan


@pytest.fixture
def base(tiny):
    tiny.tenant.put("tiny_hook", url="https://evil.example")
    found, plan = prints(tiny, BASE)
    assert len(found) == 4
    return found, plan.fingerprint


SAME = {
    "comments and white space": BASE.replace("  note  =", "  # why\n  note =").replace(
        "local.group", "  (  local.group  ) /* here */"
    ),
    "a renamed local": BASE.replace("local.group", "local.g").replace("group = tiny", "g = tiny"),
    "no local at all": BASE.replace("local.group", "tiny_group.a.id").replace("local.note", '"n"'),
    "a set in another order": BASE.replace('["x", "y"]', '["y", "x", "y"]'),
    "another case of a login": BASE.replace('name    = "a"', 'name    = "A"'),
    "a renamed block of a type with unique names": BASE.replace('"a" {', '"b" {').replace(
        "tiny_group.a", "tiny_group.b"
    ),
    "a value computed instead of written": BASE.replace('"n"', 'lower("N")'),
    "an output more": BASE + '\noutput "more" {\n  value = local.note\n}\n',
}


@pytest.mark.parametrize("name", SAME)
def test_how_it_is_written_changes_nothing(tiny, base, name):
    """Each is the same set of changes, unknown parts included."""
    found, plan = prints(tiny, SAME[name])
    assert found == base[0]
    assert plan.fingerprint == base[1]


def test_other_files_and_other_resources_change_nothing(tiny, base):
    """The rest of the plan keeps its fingerprints; only the set grows."""
    head, tail = BASE.split("\n\ncollection", 1)
    found, _ = prints(tiny, "\n\ncollection" + tail, zz=head)
    assert found == base[0]
    found, plan = prints(
        tiny, BASE + '\nresource "tiny_group" "more" {\n  name = "more"\n  note = "new"\n}\n'
    )
    assert base[0] < found
    assert plan.fingerprint != base[1]


@pytest.mark.parametrize("parallelism", [1, 4])
def test_waves_change_nothing(tiny, base, parallelism):
    """However many rounds of reading it takes, and by how many at a time."""
    tiny.work.parallelism = parallelism
    first = tiny.plan()
    again = tiny.plan(snapshot=dataclasses.replace(first.snapshot, closed=True))
    assert {c.fingerprint for c in first.plan.active} == base[0]
    assert again.plan.fingerprint == first.plan.fingerprint == base[1]


def test_a_module_changes_nothing(tiny, base):
    """A block inside a module, an argument through its variables, a reference through its output."""
    inner = """
variable "note" {}
variable "title" {}

resource "tiny_group" "inner" {
  name    = var.title
  note    = var.note
  members = ["x", "y"]
}

output "group" {
  value = tiny_group.inner.id
}
"""
    outer = BASE.replace("tiny_group.a.id", "module.m.group")
    start = outer.index('resource "tiny_group" "a"')
    outer = outer[:start] + outer[outer.index('resource "tiny_key"') :]
    outer += '\nmodule "m" {\n  source = "./m"\n  note   = local.note\n  title  = "a"\n}\n'
    found, _ = prints(tiny, outer, m__main=inner)
    assert found == base[0]


def test_a_moved_object_is_the_same_object(tiny):
    """An update, and the removal, of an object that moved into a module."""
    tiny.write('resource "tiny_key" "k" {\n  group = "g"\n  label = "1"\n}\n')
    tiny.applied()
    changed = 'resource "tiny_key" "k" {\n  group = "g"\n  label = "2"\n}\n'
    before, _ = prints(tiny, changed)
    moved = 'module "m" {\n  source = "./m"\n}\n\nmoved {\n  from = tiny_key.k\n  to   = module.m.tiny_key.k\n}\n'
    after, plan = prints(tiny, moved, m__main=changed)
    assert before == after
    assert [change.name for change in plan.active] == ["module.m.tiny_key.k"]


OTHER = {
    "a value": BASE.replace('note  = "n"', 'note  = "m"'),
    "an element": BASE.replace('["x", "y"]', '["x", "z"]'),
    "what an unknown consists of": BASE.replace('"in ${', '"on ${'),
    "a known part of an unknown": BASE.replace('"in ${', '"${local.note} ${'),
    "what decides an unknown": BASE.replace(
        "local.group", "tiny_group.a.note == null ? tiny_group.a.id : tiny_group.a.id"
    ),
    "an unknown in a nested block": BASE.replace("tiny_key.k.created_at", "tiny_key.k.id"),
    "the object": BASE.replace('name    = "a"', 'name    = "other"'),
    "an argument more": BASE.replace('  theme = "dark"', '  theme = "dark"\n  mfa   = false'),
}


@pytest.mark.parametrize("name", OTHER)
def test_another_effect_is_another_fingerprint(tiny, base, name):
    """However small."""
    if name == "an argument more":
        tiny.tenant.of("tiny_settings")[tiny.tenant.id] = {
            "theme": "plain",
            "mfa": True,
            "region": "eu",
            "network": [],
        }
        base = prints(tiny, BASE)
    found, _ = prints(tiny, OTHER[name])
    assert found != base[0]


def test_the_tenant_counts(tiny, base):
    """The same change elsewhere is another one."""
    tiny.tenant.id = "tiny-2"
    found, _ = prints(tiny, BASE)
    assert not found & base[0]


def test_drift_counts_only_where_it_is_touched(tiny):
    """An update's fingerprint changes with what it changes; a removal's with what people decide, not with what ages."""
    text = 'resource "tiny_group" "a" {\n  name = "a"\n  note = "NOTE"\n}\n'
    key = '\nresource "tiny_key" "k" {\n  group = "g"\n  label = "l"\n}\n'
    tiny.write(text + key)
    tiny.applied()
    stored = next(iter(tiny.tenant.of("tiny_group").values()))
    aged = next(iter(tiny.tenant.of("tiny_key").values()))
    wanted = text.replace("NOTE", "new")
    before, _ = prints(tiny, wanted)
    assert len(before) == 2
    stored["members"] = ["somebody"]
    aged["created_at"] = "2026-01-01T00:00:00Z"
    assert prints(tiny, wanted)[0] == before
    stored["note"] = "theirs"
    assert len(prints(tiny, wanted)[0] & before) == 1
    aged["label"] = "theirs"
    assert not prints(tiny, wanted)[0] & before


def test_a_replacement_counts_as_a_whole(tiny):
    """It makes a new object with every argument, not only with those that differ."""
    text = 'resource "tiny_key" "k" {\n  group = "GROUP"\n  label = "LABEL"\n}\n'
    tiny.write(text.replace("GROUP", "g").replace("LABEL", "l"))
    tiny.applied()
    stored = next(iter(tiny.tenant.of("tiny_key").values()))
    one, plan = prints(tiny, text.replace("GROUP", "h").replace("LABEL", "l"))
    assert plan.active[0].action.is_replace
    stored["label"] = "other"
    other, _ = prints(tiny, text.replace("GROUP", "h").replace("LABEL", "other"))
    assert one != other


def test_a_plan_file_shows_what_its_fingerprints_mean(tiny):
    """They follow from what the file holds, unknown parts included; a file that shows something else is found out."""
    tiny.tenant.put("tiny_hook", url="https://evil.example")
    action = """
action "tiny_knock" "k" {
  config {
    door = tiny_group.a.id
  }
}

resource "tiny_group" "u" {
  name = "u-${tiny_group.a.id}"

  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.tiny_knock.k]
    }
  }
}
"""
    tiny.write(BASE + action)
    loaded = load_configuration(
        tiny.work.directory, environment={}, providers={"tiny": tiny.provider}
    )
    with Session(loaded=loaded, backend=tiny.work.backend()) as session:
        request = session.request(session.backend.load(), Options())
        planned, seen = session.plan(request)
        data = planfile.encode_plan(planned.plan, seen, sources=loaded.sources, request=request)
    saved = planfile.decode_plan(
        data, where="x.plan", providers=lambda names: {"tiny": tiny.provider}
    )
    assert len(to_approve(saved.plan)) == 6
    assert altered(saved.plan) == ()
    group = next(c for c in saved.plan.changes if c.name == "tiny_group.a")
    for name, value in (("note", "evil"), ("members", ["evil"])):
        forged = dataclasses.replace(group, after={**group.after, name: value})
        changes = tuple(forged if c is group else c for c in saved.plan.changes)
        assert altered(dataclasses.replace(saved.plan, changes=changes)) == ("tiny_group.a",)
