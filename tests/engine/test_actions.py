"""``action`` blocks: invoked by triggers or by request, never twice for one reason, never forgotten when in doubt."""

import pytest

from perimeter.engine.model import Options
from perimeter.sdk import Direction, Invalid, ProviderError
from perimeter.state.evidence import verify
from tests.tiny.tenant import Fault

KNOCK = """
action "tiny_knock" "k" {
  config {
    door = "front"
  }
}
"""


def group(trigger, name="g", more=""):
    return f"""
resource "tiny_group" "{name}" {{
  name = "{name}"
  {more}
  lifecycle {{
    action_trigger {{
      {trigger}
    }}
  }}
}}
"""


AFTER = "events = [after_create]\nactions = [action.tiny_knock.k]"


def calls(tiny, *verbs):
    """What was done, in order."""
    wanted = verbs or ("create", "update", "delete", "invoke")
    return [(verb, what) for verb, _, what in tiny.tenant.calls if verb in wanted]


def invoked(tiny):
    return [what for _, what in calls(tiny, "invoke")]


def summaries(outcome):
    return [item.summary for item in outcome.diagnostics.errors]


def test_declaring_an_action_invokes_nothing(tiny):
    """Without trigger or request nothing is planned."""
    tiny.write(KNOCK)
    outcome = tiny.applied()
    assert outcome.plan.invocations == ()
    assert outcome.plan.is_empty
    assert invoked(tiny) == []


def test_it_follows_the_create_and_only_the_create(tiny):
    """The second apply, and an update, invoke nothing."""
    tiny.write(KNOCK + group(AFTER))
    outcome = tiny.applied()
    (planned,) = outcome.plan.invocations
    assert planned.change.name == "action.tiny_knock.k"
    assert (planned.trigger, planned.event) == ("tiny_group.g", "after_create")
    assert calls(tiny) == [("create", ""), ("invoke", "front:")]
    assert tiny.applied().plan.invocations == ()
    tiny.write(KNOCK + group(AFTER, more='note = "new"'))
    tiny.applied()
    assert invoked(tiny) == ["front:"]


def test_before_and_after_in_the_order_of_the_list(tiny):
    """Two before the change, two after it; several events of one trigger each count."""
    many = "\n".join(
        f'action "tiny_knock" "{name}" {{\n  config {{\n    door = "{name}"\n  }}\n}}'
        for name in ("a", "b", "c", "d")
    )
    trigger = """
      events  = [before_create, before_update]
      actions = [action.tiny_knock.b, action.tiny_knock.a]
    }
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.tiny_knock.d, action.tiny_knock.c]
    """
    tiny.write(many + group(trigger))
    tiny.applied()
    order = ["b:", "a:", "d:", "c:"]
    assert [what for _, what in calls(tiny)] == ["b:", "a:", "", "d:", "c:"]
    tiny.tenant.calls.clear()
    tiny.write(many + group(trigger, more='note = "x"'))
    tiny.applied()
    assert invoked(tiny) == order
    verbs = [verb for verb, _ in calls(tiny)]
    assert verbs == ["invoke", "invoke", "update", "invoke", "invoke"]


def test_its_configuration_may_come_from_the_resource_itself(tiny):
    """What is known only after the create is decided then."""
    tiny.write(
        """
action "tiny_knock" "k" {
  config {
    door = tiny_group.g.id
  }
}
"""
        + group(AFTER)
    )
    tiny.applied()
    (identifier,) = tiny.tenant.of("tiny_group")
    assert invoked(tiny) == [f"{identifier}:"]


def test_before_its_resource_that_is_a_circle(tiny):
    tiny.write(
        'action "tiny_knock" "k" {\n  config {\n    door = tiny_group.g.id\n  }\n}\n'
        + group("events = [before_create]\nactions = [action.tiny_knock.k]")
    )
    assert any(text.startswith("Cycle: ") for text in summaries(tiny.plan()))


def test_instances_are_named_by_their_keys(tiny):
    """A repeated action is invoked by instance, the key from the resource's own."""
    tiny.write(
        """
action "tiny_knock" "k" {
  for_each = toset(["a", "b", "c"])
  config {
    door = each.value
  }
}

resource "tiny_group" "g" {
  for_each = toset(["a", "b"])
  name     = each.key
  lifecycle {
    action_trigger {
      events    = [after_create]
      condition = each.key != "b"
      actions   = [action.tiny_knock.k[each.key], action.tiny_knock.k["c"]]
    }
  }
}
"""
    )
    tiny.applied()
    assert invoked(tiny) == ["a:", "c:"]


def test_a_request_invokes_that_and_nothing_else(tiny):
    """``-invoke``: the resource that is to be created is not, and state stays as it is."""
    tiny.write(KNOCK + group(AFTER) + 'output "o" {\n  value = "new"\n}\n')
    outcome = tiny.applied(Options(invoke=("action.tiny_knock.k",)))
    assert calls(tiny) == [("invoke", "front:")]
    assert outcome.plan.changes == ()
    assert outcome.plan.outputs == ()
    assert tiny.state == {}
    assert tiny.work.state.outputs == {}
    tiny.applied()
    assert [verb for verb, _ in calls(tiny)] == ["invoke", "create", "invoke"]


def test_a_request_reads_what_the_action_needs_from_state(tiny):
    tiny.write(
        'action "tiny_knock" "k" {\n  config {\n    door = tiny_group.g.name\n  }\n}\n'
        'resource "tiny_group" "g" {\n  name = "hall"\n}\n'
    )
    tiny.applied()
    tiny.tenant.calls.clear()
    tiny.applied(Options(invoke=("action.tiny_knock.k",)))
    assert calls(tiny) == [("invoke", "hall:")]
    assert tiny.tenant.count("list") == tiny.tenant.count("get") == 0


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("action.tiny_knock.z", "-invoke=action.tiny_knock.k"),
        ('action.tiny_knock.k["a"]', "not an instance"),
    ],
)
def test_a_request_for_what_is_not_there(tiny, address, words):
    tiny.write(KNOCK)
    (error,) = tiny.plan(Options(invoke=(address,))).errors
    assert error.startswith("Invalid action target: ")
    assert words in error


def test_one_that_fails_before_the_change_stops_it(tiny):
    """A refusal is final, and how to try again is said."""
    tiny.tenant.faults.append(Fault("invoke", "tiny_knock", Invalid("Wrong door.")))
    tiny.write(KNOCK + group("events = [before_create]\nactions = [action.tiny_knock.k]"))
    outcome = tiny.apply()
    results = {item.name: (item.status, item.text) for item in outcome.applied.results}
    assert results["action.tiny_knock.k"][0] == "failed"
    assert "perimeter apply -invoke=action.tiny_knock.k" in results["action.tiny_knock.k"][1]
    assert results["tiny_group.g"] == ("skipped", "because action.tiny_knock.k failed")
    assert tiny.tenant.of("tiny_group") == {}


def test_a_lost_answer_is_reported_once_and_not_repeated(tiny):
    """Nobody knows whether it ran: the next plan says so, the next apply settles it."""
    lost = ProviderError("The connection broke.", committed=None)
    tiny.tenant.faults.append(Fault("invoke", "tiny_knock", lost, after=True))
    tiny.write(KNOCK + group(AFTER))
    outcome = tiny.apply()
    (failed,) = [item for item in outcome.applied.results if item.status == "failed"]
    assert "not known whether it ran" in failed.text
    for _ in range(2):
        warned = [
            item
            for item in tiny.plan().diagnostics
            if item.summary == "Action may have been invoked"
        ]
        assert len(warned) == 1
        assert "-invoke=action.tiny_knock.k" in warned[0].detail
    tiny.applied()
    assert [item.summary for item in tiny.plan().diagnostics] == []
    assert invoked(tiny) == ["front:"]


def test_a_kill_between_call_and_note_is_a_lost_answer(tiny):
    class Killed(BaseException):
        pass

    def failpoint(name):
        if name.startswith("call.before:invoke"):
            raise ProviderError("killed", committed=None)

    tiny.write(KNOCK)
    tiny.work.failpoint = failpoint
    tiny.apply(Options(invoke=("action.tiny_knock.k",)))
    tiny.work.failpoint = lambda _name: None
    assert [item.summary for item in tiny.plan().diagnostics] == ["Action may have been invoked"]


def test_each_invocation_is_in_the_evidence(tiny):
    tiny.write(KNOCK + group(AFTER))
    outcome = tiny.applied()
    backend = tiny.work.backend()
    lines = list(backend.evidence_lines())
    assert any(b'"operation":"invoke"' in line and b"req-1" in line for line in lines)
    verify(lines, tiny.work.state.seal)
    fingerprint = outcome.plan.invocations[0].change.fingerprint
    assert any(fingerprint.encode() in line for line in lines)


def test_the_plan_is_another_one_when_the_invocation_is(tiny):
    """Fingerprints hold the configuration and the occasion."""
    found = set()
    for door in ("front", "back"):
        tiny.write(KNOCK.replace("front", door))
        for options in (Options(invoke=("action.tiny_knock.k",)),):
            plan = tiny.plan(options).plan
            found.add((plan.fingerprint, plan.invocations[0].change.fingerprint))
    tiny.write(KNOCK + group(AFTER))
    found.add(("", tiny.plan().plan.invocations[0].change.fingerprint))
    assert len({one for _, one in found}) == 3


def test_direction_is_judged_and_checked_again(tiny):
    """An unknown that turns out to widen is refused at apply."""
    tiny.write(KNOCK.replace('"front"', '"front"\n    word = "open"'))
    plan = tiny.plan(Options(invoke=("action.tiny_knock.k",))).plan
    assert plan.invocations[0].change.direction is Direction.WIDENS


def test_secrets_reach_the_vendor_and_nothing_else(tiny):
    """A write-only argument takes an ephemeral value; no file holds it."""
    tiny.write(
        """
ephemeral "tiny_session" "s" {
  scope = "doors"
}
action "tiny_knock" "k" {
  config {
    door   = "front"
    secret = ephemeral.tiny_session.s.token
  }
}
"""
    )
    tiny.applied(Options(invoke=("action.tiny_knock.k",)))
    assert invoked(tiny) == ["front:token-for-doors"]
    for path in tiny.work.directory.rglob("*"):
        assert not path.is_file() or b"token-for-doors" not in path.read_bytes()


TRIGGERED = [
    ("events = []\nactions = [action.tiny_knock.k]", "No events specified"),
    ("events = [after_create]\nactions = []", "No actions specified"),
    ("events = [created]\nactions = [action.tiny_knock.k]", 'Invalid "event" value created'),
    ("events = [after_destroy]\nactions = [action.tiny_knock.k]", "Invalid destroy event used"),
    (
        "events = [after_create, after_create]\nactions = [action.tiny_knock.k]",
        'Duplicate "after_create" event',
    ),
    (
        "events = [after_create]\nactions = [tiny_group.g]",
        "Invalid action argument inside action_triggers",
    ),
    (
        "events = [after_create]\nactions = [module.m.k]",
        "Invalid reference to action outside this module",
    ),
    ("events = [after_create]\nactions = [action.tiny_knock.z]", "Reference to undeclared action"),
    (
        'events = [after_create]\nactions = [action.tiny_knock.k["a"]]',
        "Reference to non-existent action instance",
    ),
    ("events = [after_create]", "Missing required argument"),
    (
        'events = [before_create]\nactions = [action.tiny_knock.k]\ncondition = self.name == "g"',
        "Self reference not allowed",
    ),
    (
        'events = [before_create]\nactions = [action.tiny_knock.k]\ncondition = tiny_group.g.id == "g"',
        "Resource reference not allowed",
    ),
    (
        'events = [after_create]\nactions = [action.tiny_knock.k]\ncondition = self.id == "g"',
        "Condition must be known",
    ),
    (
        'events = [after_create]\nactions = [action.tiny_knock.k]\ncondition = "maybe"',
        "Invalid condition expression",
    ),
]


@pytest.mark.parametrize(("trigger", "summary"), TRIGGERED)
def test_wrong_triggers_are_refused(tiny, trigger, summary):
    tiny.write(KNOCK + group(trigger))
    assert summary in summaries(tiny.plan())


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (KNOCK, 'Duplicate action "tiny_knock" configuration'),
        ('action "tiny_knok" "a" {\n}\n', "Invalid action type"),
        ('action "tiny_knock" "a" {\n  config {\n  }\n}\n', "Missing required argument"),
        ('action "tiny_knock" "a" {\n  config {\n    door = ""\n  }\n}\n', "Invalid configuration"),
        ('action "tiny_knock" "a" {\n  door = "x"\n}\n', "Unsupported argument"),
        (
            'action "tiny_knock" "a" {\n  config {\n    door = "x"\n  }\n  config {\n  }\n}\n',
            "Duplicate config block",
        ),
        ('output "o" {\n  value = action.tiny_knock.k\n}\n', "Invalid reference"),
        (
            'action "tiny_knock" "a" {\n  count = 1\n  for_each = {}\n}\n',
            'Invalid combination of "count" and "for_each"',
        ),
        ('action "other_thing" "a" {\n}\n', "Provider configuration not present"),
    ],
)
def test_wrong_blocks_are_refused(tiny, text, summary):
    tiny.write(KNOCK + text)
    assert summary in summaries(tiny.plan())


def test_a_target_brings_along_what_its_actions_need(tiny):
    """The other group is planned, too, because the action's configuration comes from it."""
    tiny.write(
        'action "tiny_knock" "k" {\n  config {\n    door = tiny_group.other.id\n  }\n}\n'
        + group(AFTER)
        + 'resource "tiny_group" "other" {\n  name = "other"\n}\n'
        + 'resource "tiny_group" "third" {\n  name = "third"\n}\n'
    )
    outcome = tiny.apply(Options(targets=("tiny_group.g",)))
    assert {item.name for item in outcome.applied.results} == {
        "tiny_group.g",
        "tiny_group.other",
        "action.tiny_knock.k",
    }
    assert len(invoked(tiny)) == 1
