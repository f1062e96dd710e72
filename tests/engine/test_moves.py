"""``moved`` blocks: what state remembers follows the declaration to its new address."""

import pytest

from perimeter.engine.model import Action, Options
from perimeter.sdk import Retryable
from tests.tiny.tenant import Fault


def group(label, name=None, more=""):
    return f'resource "tiny_group" "{label}" {{\n  name = "{name or label}"\n  {more}\n}}\n'


def moved(source, target):
    return f"moved {{\n  from = {source}\n  to   = {target}\n}}\n"


def test_a_renamed_block_keeps_its_object(tiny):
    """Nothing is called; the plan shows the move; state has the new address after apply."""
    tiny.write(group("a"))
    tiny.applied()
    before = tiny.state["tiny_group.a"]
    tiny.write(group("b", "a") + moved("tiny_group.a", "tiny_group.b"))
    plan = tiny.plan().plan
    change = plan.changes[0]
    assert (str(change.address), str(change.previous_address)) == ("tiny_group.b", "tiny_group.a")
    assert change.action is Action.NO_OP
    assert not plan.is_empty
    tiny.tenant.calls.clear()
    tiny.applied()
    assert tiny.tenant.count("create") == tiny.tenant.count("delete") == 0
    assert tiny.state == {"tiny_group.b": before}
    assert tiny.plan().plan.is_empty


def test_moves_chain_and_may_change_the_object(tiny):
    """a → b → c, with an update on the way."""
    tiny.write(group("a"))
    tiny.applied()
    chain = moved("tiny_group.b", "tiny_group.c") + moved("tiny_group.a", "tiny_group.b")
    tiny.write(group("c", "a", 'note = "new"') + chain)
    change = tiny.planned()["tiny_group.c"]
    assert change.action is Action.UPDATE
    assert str(change.previous_address) == "tiny_group.a"
    tiny.applied()
    assert list(tiny.state) == ["tiny_group.c"]


def test_instances_move_into_and_out_of_keys(tiny):
    """A single instance becomes one of for_each, and back."""
    tiny.write(group("a"))
    tiny.applied()
    many = group("a", "${each.key}", 'for_each = toset(["a", "b"])')
    tiny.write(many + moved("tiny_group.a", 'tiny_group.a["a"]'))
    assert {name: change.action for name, change in tiny.planned().items()} == {
        'tiny_group.a["b"]': Action.CREATE
    }
    tiny.applied()
    tiny.write(group("a") + moved('tiny_group.a["a"]', "tiny_group.a"))
    assert {name: change.action for name, change in tiny.planned().items()} == {
        'tiny_group.a["b"]': Action.DELETE
    }
    tiny.applied()
    assert list(tiny.state) == ["tiny_group.a"]


def test_all_instances_of_a_block_move_with_their_keys(tiny):
    """A whole resource."""
    tiny.write(group("a", "${each.key}", 'for_each = toset(["x", "y"])'))
    tiny.applied()
    tiny.write(
        group("b", "${each.key}", 'for_each = toset(["x", "y"])')
        + moved("tiny_group.a", "tiny_group.b")
    )
    assert tiny.planned() == {}
    tiny.applied()
    assert sorted(tiny.state) == ['tiny_group.b["x"]', 'tiny_group.b["y"]']


def test_count_coming_and_going_moves_by_itself(tiny):
    """As in Terraform: no block is needed for the first instance."""
    tiny.write(group("a"))
    tiny.applied()
    tiny.write(group("a", more="count = 1"))
    plan = tiny.plan().plan
    assert plan.moves == (("tiny_group.a", "tiny_group.a[0]"),)
    tiny.applied()
    tiny.write(group("a"))
    assert tiny.planned() == {}
    tiny.applied()
    assert list(tiny.state) == ["tiny_group.a"]


def test_a_module_moves_with_all_that_is_in_it(tiny):
    """Into a module, to another name, to a key."""
    tiny.write(group("a"))
    tiny.applied()
    inner = tiny.work.directory / "m"
    inner.mkdir()
    (inner / "main.hcl").write_text(group("a"))
    call = 'module "{}" {{\n  source = "./m"\n  {}\n}}\n'
    tiny.write(call.format("m", "") + moved("tiny_group.a", "module.m.tiny_group.a"))
    assert tiny.planned() == {}
    tiny.applied()
    assert list(tiny.state) == ["module.m.tiny_group.a"]
    tiny.write(call.format("n", 'for_each = toset(["k"])') + moved("module.m", 'module.n["k"]'))
    assert tiny.planned() == {}
    tiny.applied()
    assert list(tiny.state) == ['module.n["k"].tiny_group.a']
    (inner / "main.hcl").write_text(group("b", "a") + moved("tiny_group.a", "tiny_group.b"))
    tiny.write(call.format("o", 'for_each = toset(["k"])') + moved("module.n", "module.o"))
    assert tiny.planned() == {}
    tiny.applied()
    assert list(tiny.state) == ['module.o["k"].tiny_group.b']


def test_an_occupied_address_blocks_the_move(tiny):
    """Both exist: Terraform warns and destroys what could not move."""
    tiny.write(group("a") + group("b"))
    tiny.applied()
    tiny.write(group("b") + moved("tiny_group.a", "tiny_group.b"))
    outcome = tiny.plan()
    assert [change.action for change in outcome.plan.active] == [Action.DELETE]
    warning = next(item for item in outcome.diagnostics if "Unresolved" in item.summary)
    assert "  - tiny_group.a could not move to tiny_group.b" in warning.detail


def test_what_depended_on_it_is_still_removed_before_it(tiny):
    """Recorded dependencies follow the move."""
    tiny.write(
        group("a") + 'resource "tiny_key" "k" {\n  group = tiny_group.a.id\n  label = "k"\n}\n'
    )
    tiny.applied()
    tiny.write(
        group("z", "a")
        + 'resource "tiny_key" "k" {\n  group = tiny_group.z.id\n  label = "k"\n}\n'
        + moved("tiny_group.a", "tiny_group.z")
    )
    tiny.applied(Options(refresh_only=True))
    assert tiny.state["tiny_key.k"].current().dependencies == ("tiny_group.z",)


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (
            group("a") + group("b") + moved("tiny_group.a", "tiny_group.b"),
            "Moved object still exists",
        ),
        (moved("tiny_group.q", "tiny_group.q"), "Redundant move statement"),
        (
            moved("tiny_group.q", "tiny_group.r") + moved("tiny_group.r", "tiny_group.q"),
            "Cyclic dependency in move statements",
        ),
        (
            moved("tiny_group.q", "tiny_group.r") + moved("tiny_group.q", "tiny_group.s"),
            "Ambiguous move statements",
        ),
        (
            moved("tiny_group.q", "tiny_group.r") + moved("tiny_group.s", "tiny_group.r"),
            "Ambiguous move statements",
        ),
        (
            moved("tiny_group.q", "tiny_rule.q") + group("a"),
            "Unsupported `moved` across resource types",
        ),
        (moved("tiny_group.q", "module.b"), 'Invalid "moved" addresses'),
        (moved("tiny_group.q[each.key]", "tiny_group.r"), "Invalid expression"),
        (moved("tiny_group.q", "a.b.c.d"), "Invalid address"),
        ("moved {\n  from = tiny_group.a\n}\n", "Missing required argument"),
    ],
)
def test_moves_that_make_no_sense_are_refused(tiny, text, summary):
    """In Terraform's words."""
    tiny.write(text)
    assert [item.summary for item in tiny.plan().diagnostics.errors] == [summary]


def test_targets_must_cover_what_moved(tiny):
    """-target with a move outside of it."""
    tiny.write(group("a") + group("x"))
    tiny.applied()
    tiny.write(group("b", "a") + group("x") + moved("tiny_group.a", "tiny_group.b"))
    error = tiny.plan(Options(targets=("tiny_group.x",))).diagnostics.errors[0]
    assert error.summary == "Moved resource instances excluded by targeting"
    assert '\n  -target="tiny_group.a"\n  -target="tiny_group.b"\n' in error.detail
    covered = Options(targets=("tiny_group.a", "tiny_group.b"))
    assert not tiny.plan(covered).errors


def test_a_run_killed_after_the_move_is_taken_up_again(tiny):
    """The move is in the journal before anything else."""

    class Killed(BaseException):
        pass

    def die(name):
        if name == "state.before":
            raise Killed

    tiny.write(group("a"))
    tiny.applied()
    tiny.write(group("b", "a") + moved("tiny_group.a", "tiny_group.b"))
    tiny.work.failpoint = die
    with pytest.raises(Killed):
        tiny.apply()
    tiny.work.failpoint = lambda _name: None
    assert list(tiny.state) == ["tiny_group.b"]
    assert tiny.plan().plan.is_empty


def test_a_create_whose_answer_was_lost_is_found_again_under_its_new_name(tiny):
    """The open intent moves, too."""
    hook = 'resource "tiny_hook" "{}" {{\n  url = "https://a.example"\n}}\n'
    tiny.write(hook.format("a"))
    lost = Retryable("The answer was lost.", committed=None)
    tiny.tenant.faults.append(Fault("create", "tiny_hook", lost, after=True))
    tiny.tenant.hidden.add("hook-1")
    tiny.apply()
    tiny.tenant.hidden.clear()
    assert tiny.state == {}
    tiny.write(hook.format("b") + moved("tiny_hook.a", "tiny_hook.b"))
    tiny.applied()
    assert list(tiny.state) == ["tiny_hook.b"]
    assert len(tiny.tenant.of("tiny_hook")) == 1
    tiny.empty()
    held = tiny.work.backend().load()
    assert held.records == ()


ACCOUNT = 'resource "tiny_account" "r" {\n  name = "gate"\n}\n'
RULE = 'resource "tiny_rule" "r" {\n  name = "gate"\n  effect = "allow"\n}\n'


def merged(tiny):
    """The vendor turned its accounts into rules: the same objects under the same ids."""
    for identifier, item in tiny.tenant.of("tiny_account").items():
        tiny.tenant.of("tiny_rule")[identifier] = {"name": item["name"], "effect": "allow"}
    tiny.tenant.objects["tiny_account"] = {}


def test_an_object_may_move_to_another_type_that_takes_it_over(tiny):
    """Nothing is called; state holds it as the new type, also when the apply was killed after the move."""
    tiny.write(ACCOUNT)
    tiny.applied()
    merged(tiny)
    tiny.write(RULE + moved("tiny_account.r", "tiny_rule.r"))
    plan = tiny.plan().plan
    (change,) = [item for item in plan.changes if item.address is not None]
    assert change.moved
    assert change.action is Action.NO_OP

    def killed(name):
        if name == "state.before":
            raise RuntimeError("killed")

    tiny.work.failpoint = killed
    with pytest.raises(RuntimeError):
        tiny.apply()
    tiny.work.failpoint = lambda _name: None
    tiny.applied()
    (item,) = tiny.state["tiny_rule.r"].objects
    assert (item.type, item.attributes["name"]) == ("tiny_rule", "gate")
    assert [verb for verb, _, _ in tiny.tenant.calls if verb in ("update", "delete")] == []
    tiny.write(RULE)
    tiny.empty()
