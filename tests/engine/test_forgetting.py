"""``removed`` blocks and ``lifecycle { destroy = false }``: an object stays in the tenant and leaves state."""

import pytest

from perimeter.engine.model import Action, Options


def group(label, more=""):
    return f'resource "tiny_group" "{label}" {{\n  name = "{label}"\n  {more}\n}}\n'


def removed(source, destroy="false"):
    return f"removed {{\n  from = {source}\n  lifecycle {{\n    destroy = {destroy}\n  }}\n}}\n"


KEEP = "lifecycle {\n    destroy = false\n  }"
EXCLUSIVE = 'collection "tiny_group" "all" {{\n  mode   = "exclusive"\n  ignore = [{}]\n}}\n'


def test_a_removed_block_forgets(tiny):
    """The object stays; a warning names it; state no longer has it."""
    tiny.write(group("a"))
    tiny.applied()
    tiny.write(removed("tiny_group.a"))
    outcome = tiny.plan()
    assert [change.action for change in outcome.plan.active] == [Action.FORGET]
    assert "Some objects will no longer be managed by perimeter" in {
        item.summary for item in outcome.diagnostics
    }
    tiny.applied()
    assert tiny.tenant.count("delete") == 0
    assert tiny.state == {}
    assert [item.label for item in tiny.plan().plan.undeclared] == []


def test_a_removed_block_may_destroy(tiny):
    """destroy = true, the same as no block at all."""
    tiny.write(group("a", KEEP))
    tiny.applied()
    tiny.write(removed("tiny_group.a", "true"))
    assert tiny.planned()["tiny_group.a"].action is Action.DELETE


def test_destroy_false_outlives_the_block(tiny):
    """State remembers it; taking the block away forgets; so do -destroy and a key that goes."""
    tiny.write(group("a", KEEP))
    tiny.applied()
    assert tiny.planned(Options(destroy=True))["tiny_group.a"].action is Action.FORGET
    tiny.write("")
    assert tiny.planned()["tiny_group.a"].action is Action.FORGET
    tiny.write(group("a"))
    tiny.applied()
    tiny.write("")
    assert tiny.planned()["tiny_group.a"].action is Action.DELETE


def rule(name, effect):
    return f'resource "tiny_rule" "r" {{\n  name = "{name}"\n  effect = "{effect}"\n  {KEEP}\n}}\n'


def test_destroy_false_replaces_by_forgetting(tiny):
    """The old object stays as it is; the new one is made beside it and managed from then on."""
    tiny.write(rule("r", "allow"))
    tiny.applied()
    (old,) = tiny.tenant.of("tiny_rule")
    tiny.write(rule("s", "deny"))
    change = tiny.planned(Options(max_destroy=0))["tiny_rule.r"]
    assert change.action is Action.FORGET_THEN_CREATE
    assert change.action.verbs == ("create", "forget")
    outcome = tiny.applied()
    assert [item.operation for item in outcome.applied.results] == ["forget", "create"]
    assert tiny.tenant.count("delete") == 0
    assert tiny.tenant.of("tiny_rule")[old]["effect"] == "allow"
    (mine,) = tiny.state["tiny_rule.r"].objects
    assert mine.id != old
    tiny.empty()


def test_what_is_forgotten_must_not_stand_in_the_way(tiny):
    """The vendor would refuse a second object of the same name."""
    tiny.write(rule("r", "allow"))
    tiny.applied()
    tiny.write(rule("r", "deny"))
    assert [item.summary for item in tiny.plan().diagnostics.errors] == [
        "Forgotten object in the way"
    ]


def test_a_replacement_forgets_nothing_inside_an_exclusive_collection(tiny):
    """The next plan would remove the old object as undeclared."""
    tiny.write(rule("r", "allow"))
    tiny.applied()
    tiny.write(rule("s", "deny") + EXCLUSIVE.format("").replace("tiny_group", "tiny_rule"))
    errors = tiny.plan().diagnostics.errors
    assert "Forgotten object in an exclusive collection" in [item.summary for item in errors]


def test_nothing_is_forgotten_inside_an_exclusive_collection(tiny):
    """The next plan would remove it; unless the collection ignores it."""
    tiny.write(group("a"))
    tiny.applied()
    tiny.write(removed("tiny_group.a") + EXCLUSIVE.format(""))
    errors = tiny.plan().diagnostics.errors
    assert [item.summary for item in errors] == ["Forgotten object in an exclusive collection"]
    tiny.write(removed("tiny_group.a") + EXCLUSIVE.format('{ name = "a" }'))
    tiny.applied()
    tiny.empty()
    assert len(tiny.tenant.of("tiny_group")) == 1


def test_a_whole_module_is_forgotten(tiny):
    """All instances of all its resources."""
    inner = tiny.work.directory / "m"
    inner.mkdir()
    (inner / "main.hcl").write_text(group("a"))
    tiny.write('module "m" {\n  source = "./m"\n}\n')
    tiny.applied()
    tiny.write(removed("module.m"))
    assert [change.action for change in tiny.planned().values()] == [Action.FORGET]


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (group("a") + removed("tiny_group.a"), "Removed resource still exists"),
        (removed("tiny_group.a[0]"), "Resource instance keys not allowed"),
        (removed("module.x[0]"), "Module instance keys not allowed"),
        (removed("data.tiny_group.a"), "Data source address not allowed"),
        ("removed {\n}\n", "Missing required argument"),
        (
            "removed {\n  from = tiny_group.a\n  lifecycle {}\n}\n",
            "Missing required argument",
        ),
        (
            group("a", 'lifecycle {\n  destroy = false\n  expires_at = "2030-01-01"\n}'),
            'Invalid combination of "expires_at" and "destroy"',
        ),
    ],
)
def test_what_cannot_be_removed_is_refused(tiny, text, summary):
    """In Terraform's words where it has them."""
    tiny.write(text)
    assert [item.summary for item in tiny.plan().diagnostics.errors] == [summary]
