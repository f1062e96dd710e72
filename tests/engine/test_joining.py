"""Which object a declaration means, and what is never taken for one."""

from perimeter.lang.values import Reason
from tests.tiny.tenant import TinyTenant

GROUP = """
resource "tiny_group" "a" {
  name    = "Staff"
  members = ["x", "y"]
}
"""


def test_create_read_back_and_nothing_more(tiny):
    """The second plan is empty, though the tenant orders and cases things its own way."""
    tiny.write(GROUP)
    assert tiny.planned()["tiny_group.a"].action.verbs == ("create",)
    tiny.applied()
    only = next(iter(tiny.tenant.of("tiny_group").values()))
    only.update(name="STAFF", members=["y", "x"])
    tiny.empty()


def test_a_natural_key_match_is_an_error_that_offers_the_import(tiny):
    """Somebody else's object of the same name is never taken over silently."""
    identifier = tiny.tenant.put("tiny_group", name="staff")
    tiny.write(GROUP)
    outcome = tiny.plan()
    assert "The object exists already" in outcome.errors[0]
    assert f'id = "{identifier}"' in outcome.errors[0]
    tiny.write(GROUP + f'import {{\n  to = tiny_group.a\n  id = "{identifier}"\n}}\n')
    tiny.applied()
    tiny.empty()
    assert len(tiny.tenant.of("tiny_group")) == 1


def test_a_new_id_under_the_old_name_is_a_foreign_replacement(tiny):
    """The recorded id counts, not the name."""
    tiny.write(GROUP)
    tiny.applied()
    tiny.tenant.of("tiny_group").clear()
    tiny.tenant.put("tiny_group", name="staff")
    outcome = tiny.plan()
    assert "replaced outside of perimeter" in outcome.errors[0]


def test_another_tenant_behind_the_same_url_is_refused(tiny):
    """A mismatch of the tenant's id is an error, never drift."""
    tiny.write(GROUP)
    tiny.applied()
    tiny.provider.behind = TinyTenant(id="tiny-2")
    outcome = tiny.plan()
    assert "Another tenant answers" in outcome.errors[0]
    assert tiny.provider.behind.count("create") == 0


def test_absence_is_confirmed_by_id(tiny):
    """What a list leaves out is read by id before anything is made again."""
    tiny.write(GROUP)
    tiny.applied()
    identifier = next(iter(tiny.tenant.of("tiny_group")))
    tiny.tenant.hidden.add(identifier)
    tiny.empty()
    assert ("get", "tiny_group", identifier) in tiny.tenant.calls
    tiny.tenant.of("tiny_group").clear()
    assert tiny.planned()["tiny_group.a"].action.verbs == ("create",)


def test_a_wrong_import_id_is_an_error(tiny):
    """There is nothing to import."""
    tiny.write(GROUP + 'import {\n  to = tiny_group.a\n  id = "group-99"\n}\n')
    assert "Cannot import non-existent object" in tiny.plan().errors[0]


def test_reads_that_depend_on_each_other_are_made_wave_by_wave(tiny):
    """A key's list needs a group's id, which a data source gives once the tenant is known."""
    tiny.tenant.put("tiny_group", name="ops", note="n")
    tiny.write("""
data "tiny_group" "ops" {
  name = "ops"
}

resource "tiny_key" "k" {
  group = data.tiny_group.ops.id
  label = data.tiny_group.ops.note
}
""")
    outcome = tiny.plan()
    assert not outcome.errors
    assert tiny.tenant.count("tenant") == 1
    assert tiny.tenant.count("data") == 1
    assert tiny.tenant.count("list", "tiny_key") == 1
    tiny.applied()
    tiny.empty()


def test_a_data_source_is_read_at_apply_when_its_argument_is_not_known(tiny):
    """It waits for the resource, and what hangs on it waits for it."""
    tiny.write("""
resource "tiny_group" "a" {
  name = "staff"
  note = "seen"
}

data "tiny_group" "again" {
  name       = tiny_group.a.name
  depends_on = [tiny_group.a]
}

resource "tiny_job" "j" {
  task = data.tiny_group.again.note
}
""")
    outcome = tiny.applied()
    order = [result.name for result in outcome.applied.results]
    assert order == ["tiny_group.a", "data.tiny_group.again", "tiny_job.j"]
    assert next(iter(tiny.tenant.of("tiny_job").values()))["task"] == "seen"
    tiny.empty()


def test_only_declared_objects_are_hydrated(tiny):
    """A list of a thousand costs one call, and a declared one a second."""
    for number in range(1000):
        tiny.tenant.put("tiny_account", name=f"n{number}", plan="free")
    tiny.write('resource "tiny_account" "mine" {\n  name = "mine"\n  plan = "paid"\n}\n')
    tiny.applied()
    tiny.tenant.calls.clear()
    tiny.empty()
    assert tiny.tenant.count("list", "tiny_account") == 1
    assert tiny.tenant.count("get", "tiny_account") == 1


def test_an_unseen_attribute_is_neither_changed_nor_taken_for_empty(tiny):
    """Without its scope it is listed as not visible, and nothing else suffers."""
    tiny.write(
        'resource "tiny_account" "mine" {\n  name = "mine"\n  plan = "paid"\n  audit = "on"\n}\n'
    )
    tiny.applied()
    tiny.tenant.scopes = {"tiny_account.read", "tiny_account.write"}
    outcome = tiny.plan()
    assert not outcome.plan.active
    hidden = {item.subject: item.unseen for item in outcome.plan.not_visible}
    assert hidden["tiny_account.audit"].needs == "audit.read"
    assert hidden["tiny_account.audit"].reason is Reason.FORBIDDEN
