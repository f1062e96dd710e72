"""An apply makes what was agreed to: less, when there is less of it, and never more."""

from perimeter.engine.consent import Consent
from perimeter.engine.model import Options
from perimeter.sdk import Forbidden
from perimeter.state.evidence import Verified, verify
from tests.engine.agreeing import consent_to, ended, held
from tests.tiny.tenant import Fault

GROUPS = """
resource "tiny_group" "a" {
  name = "a"
  note = "n"
}

resource "tiny_group" "b" {
  name = "b"
}

resource "tiny_key" "k" {
  group = tiny_group.a.id
  label = "of a"
}

output "a" {
  value = tiny_group.a.note
}
"""


def writes(tiny):
    return [call for call in tiny.tenant.calls if call[0] in ("create", "update", "delete")]


def test_only_what_was_agreed_to_is_made(tiny):
    """The rest is named, and so is what depends on it; nothing fails."""
    tiny.write(GROUPS)
    consent = consent_to(tiny.plan().plan, "tiny_group.b", "tiny_key.k")
    outcome = tiny.apply(consent=consent)
    assert not outcome.errors
    assert held(outcome) == {
        "tiny_group.a": "not approved",
        "tiny_key.k": "it depends on tiny_group.a",
    }
    assert ended(outcome) == {"tiny_group.a": "held", "tiny_key.k": "held", "tiny_group.b": "done"}
    assert set(tiny.state) == {"tiny_group.b"}
    assert tiny.work.state.outputs == {}
    assert writes(tiny) == [("create", "tiny_group", "")]


def test_everything_agreed_to_is_everything_done(tiny):
    """Unknown parts included; the approver is in the evidence."""
    tiny.write(GROUPS)
    consent = consent_to(tiny.plan().plan)
    outcome = tiny.apply(consent=consent)
    assert held(outcome) == {}
    assert set(ended(outcome).values()) == {"done"}
    backend = tiny.work.backend()
    lines = list(backend.evidence_lines())
    assert len(lines) == 3
    assert all(b'"approver":"alice"' in line for line in lines)
    assert isinstance(verify(lines, backend.load().state.seal), Verified)
    tiny.empty()


def test_unrelated_drift_is_reported_and_left(tiny):
    """It is no obstacle, and state does not take it for settled."""
    tiny.write(GROUPS)
    tiny.applied()
    changed = GROUPS.replace('name = "b"', 'name = "b"\n  note = "new"')
    tiny.write(changed)
    consent = consent_to(tiny.plan().plan)
    stored = next(o for o in tiny.tenant.of("tiny_group").values() if o["name"] == "a")
    stored["note"] = "theirs"
    tiny.tenant.put("tiny_hook", url="https://new.example")
    outcome = tiny.apply(consent=consent)
    assert ended(outcome) == {"tiny_group.b": "done", "tiny_group.a": "held"}
    assert held(outcome) == {"tiny_group.a": "not approved"}
    assert stored["note"] == "theirs"
    assert tiny.plan().plan.drift[0].name == "tiny_group.a"
    assert tiny.work.state.outputs["a"].value == "n"


def test_a_change_whose_effect_is_another_by_now_is_void(tiny):
    """It is named with what differs, on either side."""
    tiny.write(GROUPS)
    tiny.applied()
    tiny.write(GROUPS.replace('"n"', '"new"'))
    consent = consent_to(tiny.plan().plan)
    stored = next(o for o in tiny.tenant.of("tiny_group").values() if o["name"] == "a")
    stored["note"] = "theirs"
    outcome = tiny.apply(consent=consent)
    text = "not approved any more: note changed in the tenant meanwhile"
    assert held(outcome) == {"tiny_group.a": text}
    assert outcome.planned.agreed.held[0].void
    stored["note"] = "n"
    tiny.write(GROUPS.replace('"n"', '"other"'))
    outcome = tiny.apply(consent=consent)
    assert held(outcome)["tiny_group.a"].endswith("note would become something else")
    tiny.write(GROUPS.replace('"n"', '"new"\n  rules = ["more"]'))
    assert held(tiny.apply(consent=consent))["tiny_group.a"].endswith(
        "rules would become something else"
    )
    del tiny.tenant.objects["tiny_group"]
    tiny.write(GROUPS.replace('"n"', '"new"'))
    assert (
        "then it was to update, now to create" in held(tiny.apply(consent=consent))["tiny_group.a"]
    )
    assert [c for c in writes(tiny) if c[0] != "create"] == []


def test_an_agreed_removal_does_not_wait_for_what_is_held_back(tiny):
    """A removal of what is undeclared goes after what is made of its type, but does not hang on what nobody agreed to."""
    exclusive = 'collection "tiny_hook" "all" {\n  mode = "exclusive"\n}\n'
    tiny.tenant.put("tiny_hook", url="https://evil.example")
    tiny.write(exclusive + 'resource "tiny_hook" "h" {\n  url = "https://h.example"\n}\n')
    plan = tiny.plan().plan
    removal = next(c.name for c in plan.active if c.address is None)
    outcome = tiny.apply(consent=consent_to(plan, removal))
    assert ended(outcome) == {"tiny_hook.h": "held", removal: "done"}
    assert tiny.tenant.of("tiny_hook") == {}


def test_a_parent_stays_while_the_removal_below_it_is_held_back(tiny):
    """To remove it would remove what is below it, which nobody agreed to."""
    tiny.write(GROUPS)
    tiny.applied()
    tiny.write('resource "tiny_group" "b" {\n  name = "b"\n}\n')
    outcome = tiny.apply(consent=consent_to(tiny.plan().plan, "tiny_group.a"))
    assert ended(outcome) == {"tiny_key.k": "held", "tiny_group.a": "held"}
    assert len(tiny.tenant.of("tiny_group")) == 2


def test_guards_judge_what_will_be_done(tiny):
    """A mass removal that nobody agreed to is no obstacle; agreed to, it is refused as ever."""
    exclusive = 'collection "tiny_hook" "all" {\n  mode = "exclusive"\n}\n'
    tiny.write(exclusive + 'resource "tiny_group" "g" {\n  name = "g"\n}\n')
    for number in range(12):
        tiny.tenant.put("tiny_hook", url=f"https://h{number}.example")
    plan = tiny.plan().plan
    outcome = tiny.apply(consent=consent_to(plan))
    assert any("This removes too much at once" in problem for problem in outcome.errors)
    outcome = tiny.apply(consent=consent_to(plan, "tiny_group.g"))
    assert not outcome.errors
    assert ended(outcome)["tiny_group.g"] == "done"
    assert len(tiny.tenant.of("tiny_hook")) == 12
    outcome = tiny.apply(
        Options(max_destroy=1), consent=consent_to(plan, *[c.name for c in plan.active[-2:]])
    )
    assert any("More removals than allowed" in problem for problem in outcome.errors)


def test_what_was_unknown_and_is_known_is_what_was_agreed_to(tiny):
    """An apply that failed half-way is finished under the same approval; another value in that place is not."""
    tiny.write(GROUPS)
    consent = consent_to(tiny.plan().plan)
    tiny.tenant.faults.append(Fault("create", "tiny_key", Forbidden("no right")))
    assert ended(tiny.apply(consent=consent))["tiny_key.k"] == "failed"
    other = tiny.tenant.put("tiny_group", name="other")
    for text in (f'"{other}"', "tiny_group.b.id", "upper(tiny_group.a.id)"):
        tiny.write(GROUPS.replace("tiny_group.a.id", text))
        outcome = tiny.apply(consent=consent)
        assert held(outcome)["tiny_key.k"].startswith("not approved any more"), text
    tiny.write(GROUPS)
    outcome = tiny.apply(consent=consent)
    assert held(outcome) == {}
    assert ended(outcome) == {"tiny_key.k": "done"}
    entry = list(tiny.work.backend().evidence_lines())[-1]
    approved = {i.name: i.fingerprint for i in consent.changes}
    assert approved["tiny_key.k"].encode() in entry


def test_a_lost_create_is_taken_over_without_a_further_approval(tiny):
    """It was agreed to when it was made; to change it further was not."""
    text = 'resource "tiny_group" "a" {\n  name = "a"\n}\n'
    tiny.write(text)
    consent = consent_to(tiny.plan().plan)
    from perimeter.sdk import Retryable

    lost = Retryable("no answer", committed=None)
    tiny.tenant.faults += [
        Fault("create", "tiny_group", lost, after=True),
        Fault("list", "tiny_group", Retryable("down"), times=0),
    ]
    real = tiny.tenant.create

    def create(*args, **kwargs):
        tiny.tenant.faults[1].times = 1
        return real(*args, **kwargs)

    tiny.tenant.create = create
    assert ended(tiny.apply(consent=consent)) == {"tiny_group.a": "failed"}
    outcome = tiny.apply(consent=consent)
    assert ended(outcome) == {"tiny_group.a": "done"}
    assert len(tiny.tenant.of("tiny_group")) == 1
    assert tiny.tenant.count("create") == 1


def test_narrowing_only(tiny):
    """What widens, or may, is held back with its reason; a removal that widens is no exception."""
    text = """
resource "tiny_group" "a" {
  name    = "a"
  members = MEMBERS
}

resource "tiny_group" "b" {
  name    = "b"
  members = ["x"]
}

resource "tiny_key" "k" {
  group = tiny_group.b.id
  label = "LABEL"
}
"""
    deny = 'resource "tiny_rule" "deny" {\n  name = "deny"\n  effect = "deny"\n}\n'
    tiny.write(text.replace("MEMBERS", '["x", "y"]').replace("LABEL", "l") + deny)
    tiny.applied()
    changed = text.replace("MEMBERS", '["x"]').replace("LABEL", "m")
    at = changed.index('"b"')
    tiny.write(changed[:at] + changed[at:].replace('["x"]', '["x", "z"]'))
    outcome = tiny.apply(consent=Consent(narrowing_only=True))
    assert held(outcome) == {
        "tiny_group.b": "it widens access",
        "tiny_key.k": "it depends on tiny_group.b",
        "tiny_rule.deny": "it widens access",
    }
    assert ended(outcome)["tiny_group.a"] == "done"
    assert len(tiny.tenant.of("tiny_rule")) == 1
    both = consent_to(tiny.plan().plan, "tiny_group.b", narrowing_only=True)
    assert held(tiny.apply(consent=both))["tiny_group.b"] == "it widens access"


def test_the_same_effect_that_widens_by_now_is_void(tiny, monkeypatch):
    """What is around an object decides, too, and that may have changed."""
    from perimeter.sdk import Direction
    from tests.tiny.types import Group

    tiny.write(GROUPS)
    tiny.applied()
    tiny.write(GROUPS.replace('"n"', '"new"'))
    consent = consent_to(tiny.plan().plan)
    monkeypatch.setattr(Group, "direction", lambda self, transition: Direction.UNKNOWN)
    outcome = tiny.apply(consent=consent)
    assert held(outcome) == {"tiny_group.a": "not approved any more: it may widen access"}


def test_an_action_needs_consent_of_its_own(tiny):
    """The change that triggers it runs, and it does not."""
    text = """
action "tiny_knock" "k" {
  config {
    door = "front"
    word = "open"
  }
}

resource "tiny_group" "a" {
  name = "a"

  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.tiny_knock.k]
    }
  }
}
"""
    tiny.write(text)
    plan = tiny.plan().plan
    assert plan.direction.value == "widens"
    outcome = tiny.apply(consent=consent_to(plan, "tiny_group.a"))
    assert held(outcome) == {"action.tiny_knock.k": "not approved"}
    assert tiny.tenant.count("invoke") == 0
    del tiny.tenant.objects["tiny_group"]
    assert ended(tiny.apply(consent=consent_to(plan))) == {
        "tiny_group.a": "done",
        "action.tiny_knock.k": "done",
    }
    assert tiny.tenant.count("invoke") == 1


def test_what_turns_out_otherwise_is_not_sent(tiny, monkeypatch):
    """A value that was impossible when it was planned."""
    from perimeter.engine import resolve

    tiny.write(
        'resource "tiny_job" "j" {\n  task = "t"\n}\n\nresource "tiny_group" "g" {\n  name = "g-${tiny_job.j.id}"\n}\n'
    )
    real = resolve._configured

    def forged(*args):
        return {**real(*args), "name": "evil"}

    monkeypatch.setattr(resolve, "_configured", forged)
    outcome = tiny.apply()
    assert "Otherwise than planned" in outcome.errors[0]
    assert tiny.tenant.of("tiny_group") == {}
