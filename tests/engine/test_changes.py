"""Comparing, judging and changing one object."""

import pytest

from perimeter.engine.model import Action, Options
from perimeter.sdk import Administrator, Direction

GROUP = """
resource "tiny_group" "a" {{
  name = "a"
  {more}
}}
"""


def group(more=""):
    return GROUP.format(more=more)


def test_omitted_and_null_are_unmanaged_and_never_reset(tiny):
    """Taking an argument away leaves what is there."""
    tiny.write(group('note = "hello"'))
    tiny.applied()
    for text in (group(), group("note = null")):
        tiny.write(text)
        tiny.empty()
    assert next(iter(tiny.tenant.of("tiny_group").values()))["note"] == "hello"


def test_empty_means_empty(tiny):
    """``[]`` is a value."""
    tiny.write(group('members = ["x"]'))
    tiny.applied()
    tiny.write(group("members = []"))
    tiny.applied()
    assert next(iter(tiny.tenant.of("tiny_group").values()))["members"] == []


def test_order_counts_where_it_means_something(tiny):
    """A list of rules is not a set of members."""
    tiny.write(group('rules = ["x", "y"]\n  members = ["x", "y"]'))
    tiny.applied()
    tiny.write(group('rules = ["y", "x"]\n  members = ["y", "x"]'))
    assert tiny.planned()["tiny_group.a"].changed == {"rules"}


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        ('members = ["x"]', 'members = ["x", "y"]', Direction.WIDENS),
        ('members = ["x"]', "members = []", Direction.NARROWS),
        ("session = 60", "session = 30", Direction.NARROWS),
        ("session = 60", "session = 90", Direction.WIDENS),
        ('note = "x"', 'note = "y"', Direction.NEUTRAL),
    ],
)
def test_a_change_may_widen_or_narrow(tiny, before, after, direction):
    """The direction is judged on the transition."""
    tiny.write(group(before))
    tiny.applied()
    tiny.write(group(after))
    assert tiny.planned()["tiny_group.a"].direction is direction


def test_removing_a_deny_widens_and_announces_its_quirk(tiny):
    """A delete is not always safe."""
    tiny.write('resource "tiny_rule" "r" {\n  name = "r"\n  effect = "deny"\n}\n')
    tiny.applied()
    tiny.write("")
    change = tiny.planned()["tiny_rule.r"]
    assert change.direction is Direction.WIDENS
    assert change.quirks == ("Removing a rule ends all sessions.",)


def test_drift_is_shown_and_repaired(tiny):
    """What changed in the tenant is drift; the plan puts it back."""
    tiny.write(group('note = "mine"'))
    tiny.applied()
    next(iter(tiny.tenant.of("tiny_group").values()))["note"] = "theirs"
    plan = tiny.plan().plan
    assert [change.changed for change in plan.drift] == [{"note"}]
    assert plan.active[0].drifted == {"note"}
    tiny.applied()
    tiny.empty()


def test_refresh_only_takes_note_and_changes_nothing(tiny):
    """State follows the tenant; no call is made that writes."""
    tiny.write(group('note = "mine"'))
    tiny.applied()
    next(iter(tiny.tenant.of("tiny_group").values()))["note"] = "theirs"
    tiny.tenant.calls.clear()
    tiny.applied(Options(refresh_only=True))
    assert tiny.tenant.count("update") == 0
    assert tiny.state["tiny_group.a"].current().attributes["note"] == "theirs"


def test_without_refresh_state_is_believed(tiny):
    """-refresh=false reads nothing of what state knows."""
    tiny.write(group('note = "mine"'))
    tiny.applied()
    next(iter(tiny.tenant.of("tiny_group").values()))["note"] = "theirs"
    tiny.tenant.calls.clear()
    assert tiny.planned(Options(refresh=False)) == {}
    assert tiny.tenant.count("list") == 0


@pytest.mark.parametrize(
    ("early", "action", "verbs"),
    [
        ("false", Action.DELETE_THEN_CREATE, ["delete", "create"]),
        ("true", Action.CREATE_THEN_DELETE, ["create", "delete"]),
    ],
)
def test_replacement_in_either_order(tiny, early, action, verbs):
    """create_before_destroy sets the old object aside until the new one is there."""
    text = (
        'resource "tiny_rule" "r" {{\n  name = "{name}"\n  effect = "{effect}"\n'
        "  lifecycle {{\n    create_before_destroy = {early}\n  }}\n}}\n"
    )
    tiny.write(text.format(name="r", effect="allow", early=early))
    tiny.applied()
    tiny.tenant.calls.clear()
    tiny.write(text.format(name="r2", effect="deny", early=early))
    change = tiny.planned()["tiny_rule.r"]
    assert change.action is action
    assert change.replace_paths == (("effect",),)
    tiny.applied()
    assert [verb for verb, *_ in tiny.tenant.calls if verb in ("create", "delete")] == verbs
    assert len(tiny.state["tiny_rule.r"].objects) == 1
    tiny.empty()


def test_a_deposed_object_is_removed_by_a_later_run(tiny):
    """If the delete after the create failed, the old object is not forgotten."""
    from perimeter.sdk import Retryable
    from tests.tiny.tenant import Fault

    text = (
        'resource "tiny_rule" "r" {{\n  name = "{name}"\n  effect = "{effect}"\n'
        "  lifecycle {{\n    create_before_destroy = true\n  }}\n}}\n"
    )
    tiny.write(text.format(name="r", effect="allow"))
    tiny.applied()
    tiny.write(text.format(name="r2", effect="deny"))
    tiny.tenant.faults.append(Fault("delete", "tiny_rule", Retryable("down")))
    tiny.apply()
    assert {item.role for item in tiny.state["tiny_rule.r"].objects} == {"current", "deposed"}
    planned = tiny.planned()
    assert [change.action for change in planned.values()] == [Action.DELETE]
    tiny.applied()
    tiny.empty()


def test_replace_triggered_by(tiny):
    """A change elsewhere replaces, instance by instance."""
    text = """
resource "tiny_group" "g" {{
  for_each = {{ a = "{one}", b = "two" }}
  name     = each.key
  note     = each.value
}}

resource "tiny_rule" "r" {{
  for_each = {{ a = 1, b = 2 }}
  name     = each.key
  effect   = "allow"
  lifecycle {{
    replace_triggered_by = [tiny_group.g[each.key].note]
  }}
}}
"""
    tiny.write(text.format(one="one"))
    tiny.applied()
    tiny.write(text.format(one="other"))
    changes = tiny.planned()
    assert set(changes) == {'tiny_group.g["a"]', 'tiny_rule.r["a"]'}
    assert changes['tiny_rule.r["a"]'].reason == "replace_by_triggers"


def test_ignore_changes(tiny):
    """What it names is left to the tenant."""
    text = group('note = "mine"\n  lifecycle {\n    ignore_changes = [note]\n  }')
    tiny.write(text)
    tiny.applied()
    next(iter(tiny.tenant.of("tiny_group").values()))["note"] = "theirs"
    tiny.empty()


def test_protection_outlives_the_block(tiny):
    """Taking the block away shows the object as kept; prevent_destroy = false must be applied first."""
    protected = group("lifecycle {\n    prevent_destroy = true\n  }")
    tiny.write(protected)
    tiny.applied()
    tiny.write("")
    plan = tiny.plan().plan
    assert [change.kept for change in plan.changes] == [True]
    assert not plan.active
    assert "prevent_destroy" in tiny.plan(Options(destroy=True)).errors[0]
    tiny.write(group("lifecycle {\n    prevent_destroy = false\n  }"))
    tiny.applied()
    tiny.write("")
    tiny.applied()
    assert tiny.tenant.of("tiny_group") == {}


def test_expiry_means_absence_and_leaves_a_tombstone(tiny):
    """From then on the declaration removes; the tombstone goes with the declaration."""
    tiny.write(group('lifecycle {\n    expires_at = "2999-01-01"\n  }'))
    tiny.applied()
    tiny.write(group('lifecycle {\n    expires_at = "2020-01-01"\n  }'))
    change = tiny.planned()["tiny_group.a"]
    assert (change.action, change.reason, change.clock) == (Action.DELETE, "expired", True)
    tiny.applied()
    assert tiny.tenant.of("tiny_group") == {}
    assert tiny.state["tiny_group.a"].expired_at
    tiny.empty()
    tiny.write("")
    tiny.applied()
    assert tiny.state == {}


def test_an_expired_integration_takes_its_resources_with_it(tiny):
    """One third party's footprint ends on one day."""
    text = """
integration "drift" {{
  owner      = "revops@acme.example"
  purpose    = "chat"
  expires_at = "{when}"
}}

resource "tiny_group" "a" {{
  integration = integration.drift
  name        = "a"
}}
"""
    tiny.write(text.format(when="2999-01-01"))
    tiny.applied()
    assert tiny.plan().plan.changes[0].integration == "drift"
    tiny.write(text.format(when="2020-01-01"))
    assert tiny.planned()["tiny_group.a"].reason == "expired"


SETTINGS = """
resource "tiny_settings" "s" {{
  {more}
}}
"""


def test_what_no_api_writes_is_a_manual_step_until_it_is_done(tiny):
    """With the path and the link; it is verified at the next plan."""
    tiny.write(SETTINGS.format(more='theme = "dark"\n  region = "us"'))
    outcome = tiny.applied()
    manual = outcome.plan.by_hand[0].manual
    assert (manual.url, manual.paths) == ("https://tiny.example/settings/region", ("region",))
    assert {result.status for result in outcome.applied.results} == {"done", "by hand"}
    plan = tiny.plan().plan
    assert not plan.active
    assert len(plan.by_hand) == 1
    tiny.tenant.of("tiny_settings")[tiny.tenant.id]["region"] = "us"
    assert tiny.plan().plan.is_empty


def test_nested_blocks_in_order(tiny):
    """Each is matched by its label; one that is gone from the configuration goes."""
    text = "".join(
        f'network "{name}" {{\n    cidr = "{cidr}"\n  }}\n  '
        for name, cidr in (("office", "10.0.0.0/8"), ("home", "192.168.0.0/16"))
    )
    tiny.write(SETTINGS.format(more=text))
    tiny.applied()
    tiny.empty()
    tiny.write(SETTINGS.format(more='network "home" {\n    cidr = "192.168.0.0/16"\n  }'))
    tiny.applied()
    stored = tiny.tenant.of("tiny_settings")[tiny.tenant.id]["network"]
    assert [item["name"] for item in stored] == ["home"]


def people(**factors):
    return [
        Administrator(id=name, login=f"{name}@acme.example", factors=value, caller=name == "me")
        for name, value in factors.items()
    ]


def test_a_lockout_is_refused_with_the_exact_override(tiny):
    """Nobody could get in: refused, and the refusal says what to type."""
    tiny.tenant.administrators = people(a=False, b=None)
    tiny.write(SETTINGS.format(more="mfa = true"))
    outcome = tiny.plan()
    assert "-allow-lockout=tiny_settings.s" in outcome.errors[0]
    assert not tiny.plan(Options(allow_lockout=("tiny_settings.s",))).errors
    tiny.tenant.administrators = people(a=True, b=False)
    assert not tiny.plan().errors


def test_perimeter_itself_and_break_glass_accounts_stay_in(tiny):
    """Even where others could still get in."""
    tiny.tenant.administrators = people(me=False, b=True)
    tiny.write(SETTINGS.format(more="mfa = true"))
    assert "perimeter itself" in tiny.plan().errors[0]
    tiny.tenant.administrators = people(a=False, b=True)
    tiny.write(
        SETTINGS.format(more="mfa = true")
        + 'break_glass "tiny" {\n  users = ["A@acme.example"]\n}\n'
    )
    assert "break-glass account a@acme.example" in tiny.plan().errors[0]


def test_a_condition_that_fails_stops_the_plan(tiny):
    """Pre- and postconditions are judged while planning where that is possible."""
    tiny.write(
        group(
            'note = "x"\n  lifecycle {\n    postcondition {\n      condition = self.note == "y"\n'
            '      error_message = "Must be y."\n    }\n  }'
        )
    )
    assert tiny.plan().errors == ["Resource postcondition failed: Must be y."]


def test_a_manual_step_can_lock_out_too(tiny, monkeypatch):
    """Telling a person to switch it on is no safer than doing it."""
    from perimeter.sdk import ManualStep
    from tests.tiny.types import Settings

    step = ManualStep(reason="No API.", instructions="Switch it on.", url="", paths=("mfa",))
    monkeypatch.setattr(Settings, "manual", lambda self, transition: step)
    tiny.tenant.administrators = people(a=False)
    tiny.write(SETTINGS.format(more="mfa = true"))
    assert "-allow-lockout=tiny_settings.s" in tiny.plan().errors[0]
