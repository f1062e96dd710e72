"""Nested blocks that end by themselves: a date, or a time from the block's first apply on."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from perimeter.engine.model import Action, Options
from perimeter.sdk import STRING, Attribute, Direction, Forbidden, NestedBlock, Nesting
from perimeter.ui.plan_json import change_json
from perimeter.ui.plan_text import plan_text
from tests.tiny.tenant import Fault

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def timed(tiny):
    def at(**later):
        tiny.work.now = lambda: START + timedelta(**later)

    tiny.at = at
    at()
    return tiny


def badge(*doors, own='["lobby"]', more=""):
    """A badge with its own doors, and others for a while."""
    blocks = "".join(f'  door "{name}" {{\n    expires_at = "{end}"\n  }}\n' for name, end in doors)
    given = f"  doors = {own}\n" if own else ""
    return f'resource "tiny_badge" "a" {{\n  name  = "a"\n{given}{blocks}{more}}}\n'


def doors(tiny):
    (held,) = tiny.tenant.of("tiny_badge").values()
    return sorted(held["doors"])


def test_a_block_adds_to_the_set_until_its_date(timed):
    timed.write(badge(("vault", "2026-03-01")))
    timed.applied()
    assert doors(timed) == ["lobby", "vault"]
    timed.empty()
    timed.at(days=58)
    timed.empty()
    timed.at(days=59)
    change = timed.planned()["tiny_badge.a"]
    assert (change.action, change.reason, change.clock) == (Action.UPDATE, "block_expired", True)
    assert change.direction is Direction.NARROWS
    assert change.lapsed == ('door "vault"',)
    timed.applied()
    assert doors(timed) == ["lobby"]
    timed.empty()


def test_the_end_is_known_to_the_engine_alone(timed):
    timed.write(badge(("vault", "30d")))
    timed.applied()
    (held,) = timed.tenant.of("tiny_badge").values()
    assert "expires_at" not in json.dumps(held)
    remembered = timed.state["tiny_badge.a"].current().attributes
    assert "expires_at" not in json.dumps(remembered)


def test_a_duration_counts_from_the_blocks_own_first_apply(timed):
    timed.write(badge(("vault", "30d")))
    timed.applied()
    timed.at(days=10)
    timed.write(badge(("vault", "30d"), ("roof", "30d")))
    timed.applied()
    assert timed.state["tiny_badge.a"].starts == {
        'door "vault"': "2026-01-01T00:00:00Z",
        'door "roof"': "2026-01-11T00:00:00Z",
    }
    timed.at(days=30)
    timed.applied()
    assert doors(timed) == ["lobby", "roof"]
    timed.at(days=39)
    timed.empty()
    timed.at(days=40)
    timed.applied()
    assert doors(timed) == ["lobby"]
    timed.at(days=400)
    timed.empty()
    assert 'door "vault"' in timed.state["tiny_badge.a"].starts


def test_a_block_that_is_taken_away_and_put_back_begins_anew(timed):
    timed.write(badge(("vault", "30d")))
    timed.applied()
    timed.at(days=20)
    timed.write(badge())
    timed.applied()
    assert timed.state["tiny_badge.a"].starts == {}
    timed.at(days=25)
    timed.write(badge(("vault", "30d")))
    timed.applied()
    timed.at(days=54)
    timed.empty()


def test_what_was_not_applied_has_not_begun(timed):
    """A change that fails starts no clock."""
    timed.write(badge())
    timed.applied()
    timed.write(badge(("vault", "30d")))
    timed.tenant.faults.append(Fault("update", "tiny_badge", Forbidden("Not allowed.")))
    outcome = timed.apply()
    assert outcome.applied.count("failed") == 1
    assert timed.state["tiny_badge.a"].starts == {}
    timed.at(days=3)
    timed.applied()
    assert timed.state["tiny_badge.a"].starts == {'door "vault"': "2026-01-04T00:00:00Z"}


def test_with_nothing_left_the_object_goes(timed):
    timed.write(badge(("vault", "30d"), ("roof", "2026-01-10"), own=""))
    timed.applied()
    timed.at(days=10)
    assert timed.planned()["tiny_badge.a"].action is Action.UPDATE
    timed.at(days=30)
    change = timed.planned()["tiny_badge.a"]
    assert (change.action, change.reason, change.clock) == (Action.DELETE, "expired", True)
    timed.applied()
    assert not timed.tenant.of("tiny_badge")
    timed.at(days=300)
    timed.empty()
    assert timed.state["tiny_badge.a"].expired_at == "2026-01-31T00:00:00Z"
    assert timed.state["tiny_badge.a"].starts == {'door "vault"': "2026-01-01T00:00:00Z"}


def test_after_everything_ended_a_longer_duration_counts_from_the_first_apply(timed):
    timed.write(badge(("vault", "30d"), own=""))
    timed.applied()
    timed.at(days=30)
    timed.applied()
    timed.write(badge(("vault", "60d"), own=""))
    timed.applied()
    assert doors(timed) == ["vault"]
    timed.at(days=60)
    assert timed.planned()["tiny_badge.a"].action is Action.DELETE


def test_an_end_that_has_passed_before_the_first_apply_adds_nothing(timed):
    timed.write(badge(("vault", "2025-12-31")))
    timed.applied()
    assert doors(timed) == ["lobby"]


def test_another_change_beside_it_is_not_the_clocks(timed):
    timed.write(badge(("vault", "2026-03-01")))
    timed.applied()
    timed.at(days=90)
    timed.write(badge(("vault", "2026-03-01"), own='["lobby", "gate"]'))
    change = timed.planned()["tiny_badge.a"]
    assert (change.reason, change.clock) == ("block_expired", False)
    timed.write(badge(("vault", "2026-03-01"), own='["lobby", "vault"]'))
    assert timed.planned() == {}


def test_only_what_ends_now_is_named(timed):
    timed.write(badge(("roof", "2026-01-10"), ("vault", "2026-03-01")))
    timed.applied()
    timed.at(days=20)
    timed.applied()
    timed.at(days=90)
    assert timed.planned()["tiny_badge.a"].lapsed == ('door "vault"',)


def test_the_plan_says_what_ended_and_what_will(timed):
    timed.write(badge(("roof", "2026-01-10"), ("vault", "2027-03-01")))
    timed.applied()
    timed.at(days=20)
    outcome = timed.plan()
    text = plan_text(outcome.plan)
    assert "The clock causes the following actions:" in text
    assert '(door "roof" expired at 2026-01-10)' in text
    assert 'Note: door "vault" expires at 2027-03-01.' in text
    shown = change_json(outcome.plan.active[0])
    assert shown["action_reason"] == "block_expired"
    assert shown["clock"] is True
    assert {"block": 'door "roof"', "expires_at": "2026-01-10", "expired": True} in shown[
        "expiries"
    ]


@pytest.mark.parametrize("end", ["soon", "90", "-1d"])
def test_what_is_no_end_is_named(timed, end):
    timed.write(badge(("vault", end)))
    assert any(item.startswith("Invalid expires_at: ") for item in timed.plan().errors)


def ward(*guests):
    blocks = "".join(
        f'  guest {{\n    name  = "{name}"\n    room  = "1"\n    until = "{end}"\n  }}\n'
        for name, end in guests
    )
    return f'resource "tiny_ward" "w" {{\n  name = "w"\n{blocks}}}\n'


def guests(tiny):
    (held,) = tiny.tenant.of("tiny_ward").values()
    return [item["name"] for item in held["guest"]]


def test_blocks_that_are_not_folded_go_one_by_one_and_the_last_one_too(timed):
    timed.write(ward(("ann", "10d"), ("bob", "20d")))
    timed.applied()
    timed.empty()
    assert guests(timed) == ["ann", "bob"]
    timed.at(days=10)
    assert timed.planned()["tiny_ward.w"].clock
    timed.applied()
    assert guests(timed) == ["bob"]
    timed.at(days=20)
    timed.applied()
    assert guests(timed) == []
    timed.empty()


def test_what_is_decided_during_apply_keeps_what_has_ended_out(timed):
    """The set hangs on an id that is not known yet."""
    timed.write(
        'resource "tiny_group" "g" {\n  name = "g"\n}\n'
        + badge(("vault", "2025-01-01"), own="[tiny_group.g.id]")
    )
    timed.applied()
    assert doors(timed) == ["group-1"]
    timed.empty()


def test_a_label_from_elsewhere_is_decided_during_apply(timed):
    timed.write(
        'resource "tiny_group" "g" {\n  name = "g"\n}\n'
        + badge(
            more="""
  dynamic "door" {
    for_each = [tiny_group.g.id]
    labels   = [door.value]
    content {
      expires_at = "2027-01-01"
    }
  }
"""
        )
    )
    timed.applied()
    assert doors(timed) == ["group-1", "lobby"]
    timed.empty()


def test_a_saved_plan_and_a_targeted_one_keep_the_starts(timed):
    timed.write(badge(("vault", "30d")) + 'resource "tiny_group" "g" {\n  name = "g"\n}\n')
    timed.applied()
    before = timed.state["tiny_badge.a"].starts
    timed.at(days=5)
    timed.write(badge(("vault", "30d")) + 'resource "tiny_group" "g" {\n  name = "h"\n}\n')
    timed.applied(Options(targets=("tiny_group.g",)))
    assert timed.state["tiny_badge.a"].starts == before != {}


def test_an_end_needs_an_attribute_that_can_hold_it():
    end = {"until": Attribute(type=STRING, doc="", required=True)}
    for name, nesting in (("gone", Nesting.SET), ("until", Nesting.SET), ("until", Nesting.SINGLE)):
        with pytest.raises(ValueError, match="no optional text"):
            NestedBlock(nesting=nesting, doc="", attributes=end, expires=name)
