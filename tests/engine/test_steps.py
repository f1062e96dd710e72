"""What people must do by hand is tracked until the tenant shows that it was done."""

from datetime import timedelta

import msgspec
import pytest

from perimeter.engine.clock import InvalidDurationError, duration
from perimeter.engine.model import Options
from perimeter.engine.steps import attested
from perimeter.state.journal import compact

SETTINGS = """
resource "tiny_settings" "s" {{
  theme  = "dark"
  region = "{region}"
  lifecycle {{
    manual {{
      assignee = "ops@acme.example"
      due_in   = "{due}"
    }}
  }}
}}
"""
KEY = "tiny_settings.s"


def settings(region="us", due="14d"):
    return SETTINGS.format(region=region, due=due)


def say_done(tiny, at="2026-01-02T00:00:00Z"):
    backend = tiny.work.backend()
    held = backend.load()
    steps = {KEY: attested(held.state.steps[KEY], by="ann", at=at, note="done")}
    compact(backend, held, msgspec.structs.replace(held.state, steps=steps))


def test_an_apply_records_what_is_open_for_whom_until_when(tiny):
    tiny.write(settings())
    tiny.applied()
    step = tiny.work.state.steps[KEY]
    assert step.assignee == "ops@acme.example"
    assert step.url == "https://tiny.example/settings/region"
    assert step.opened_at[:10] < step.due_at[:10]


def test_it_stays_open_since_it_was_first_recorded_and_the_serial_rests(tiny):
    tiny.write(settings())
    tiny.applied()
    before = tiny.work.state
    tiny.applied()
    assert tiny.work.state.steps == before.steps
    assert tiny.work.state.serial == before.serial


def test_it_closes_when_the_tenant_shows_it(tiny):
    tiny.write(settings())
    tiny.applied()
    tiny.tenant.of("tiny_settings")[tiny.tenant.id]["region"] = "us"
    tiny.applied()
    assert tiny.work.state.steps == {}


def test_what_was_attested_and_is_not_so_is_told(tiny):
    tiny.write(settings())
    tiny.applied()
    say_done(tiny)
    outcome = tiny.plan()
    assert [item.summary for item in outcome.diagnostics] == [
        "Attested, but the tenant does not show it"
    ]
    assert outcome.plan.by_hand[0].step.attested_by == "ann"


def test_an_attestation_counts_for_what_it_was_given_for(tiny):
    """A changed declaration asks anew."""
    tiny.write(settings())
    tiny.applied()
    say_done(tiny)
    tiny.write(settings(region="ap"))
    outcome = tiny.plan()
    assert not outcome.diagnostics
    assert outcome.plan.by_hand[0].step.attested_at == ""


def test_one_that_is_overdue_is_told(tiny):
    tiny.write(settings(due="0d"))
    tiny.applied()
    assert [item.summary for item in tiny.plan().diagnostics] == ["Manual step overdue"]


def test_the_owner_of_the_integration_does_what_nobody_is_named_for(tiny):
    tiny.write(
        'integration "drift" {\n  owner   = "revops@acme.example"\n  purpose = "chat"\n}\n'
        'resource "tiny_settings" "s" {\n  region      = "us"\n  integration = integration.drift\n}\n'
    )
    tiny.applied()
    assert tiny.work.state.steps[KEY].assignee == "revops@acme.example"


def test_a_target_leaves_other_steps_as_they_are(tiny):
    tiny.write(settings() + 'resource "tiny_group" "a" {\n  name = "a"\n}\n')
    tiny.applied()
    tiny.applied(Options(targets=("tiny_group.a",)))
    assert KEY in tiny.work.state.steps


def test_a_wrong_due_in_is_named(tiny):
    tiny.write(settings(due="soon"))
    assert any(
        text.startswith('Invalid due_in: "soon" is not a duration') for text in tiny.plan().errors
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("90d", timedelta(days=90)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("30s", timedelta(seconds=30)),
    ],
)
def test_durations(text, found):
    assert duration(text) == found


@pytest.mark.parametrize("text", ["", "d", "1.5h", "-1d", "1 d", "30"])
def test_what_is_no_duration(text):
    with pytest.raises(InvalidDurationError):
        duration(text)
