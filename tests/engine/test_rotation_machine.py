"""The rotation machine: what is done when, and that nothing is retired without proof."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perimeter.engine.clock import rfc3339
from perimeter.engine.rotating.machine import (
    Abilities,
    Evidence,
    Rule,
    Seen,
    Situation,
    Stage,
    Step,
    backed_off,
    decide,
    proved_by_trials,
    words,
)
from perimeter.state.model import Rotation

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULE = Rule(max_age=90 * DAY)
AWS = Abilities(switchable=True, use_lags=timedelta(hours=1))


def key(name="K1", age=10 * DAY, used=None, **more):
    return Seen(id=name, created_at=NOW - age, last_used_at=used, tells_use=True, **more)


def situation(**more):
    found = {"rule": RULE, "abilities": AWS, "current": key(), "now": NOW, **more}
    return Situation(**found)


def under_way(delivered=20 * DAY, verified=True, **more):
    since = rfc3339(NOW - delivered)
    memory = Rotation(delivered_at=since, verified_at=since if verified else "")
    base = {"previous": key("K0", age=120 * DAY), "memory": memory, **more}
    return situation(**base)


def test_one_that_takes_the_place_of_the_last_is_as_young_as_its_delivery():
    """A webhook's secret: the tenant only dates the webhook. Where keys have dates of their own, those count."""
    memory = Rotation(delivered_at=rfc3339(NOW - 10 * DAY))
    old = {"current": key(age=400 * DAY), "memory": memory}
    webhook = Abilities(ends_previous=True, limit=1)
    rests = decide(situation(**old, abilities=webhook))
    assert (rests.stage, rests.next_at) == (Stage.SETTLED, NOW + 80 * DAY)
    assert decide(situation(**old)).steps == (Step.ISSUE,)
    unknown = decide(situation(current=key(age=400 * DAY), abilities=webhook))
    assert unknown.steps == (Step.ISSUE,)


def test_a_young_credential_rests_until_its_date():
    found = decide(situation())
    assert (found.stage, found.steps) == (Stage.SETTLED, ())
    assert found.next_at == NOW + 80 * DAY


def test_an_old_one_is_replaced():
    found = decide(situation(current=key(age=90 * DAY)))
    assert found.steps == (Step.ISSUE,)
    assert found.because == "it is older than 90d"


def test_age_is_the_tenants_and_never_guessed():
    """One that was made by hand is old on its first day here; one of unknown age is a finding."""
    unknown = Seen(id="K", created_at=None)
    found = decide(situation(current=unknown))
    assert found.steps == ()
    assert found.findings[0].summary == "Age of the credential is not known"
    assert decide(situation(current=unknown, asked=True)).steps == (Step.ISSUE,)


def test_what_does_not_work_is_an_incident():
    found = decide(situation(current=key(age=99 * DAY, usable=False)))
    assert found.steps == ()
    assert found.findings[0].summary == "The credential in use does not work"


def test_a_limit_reached_by_strangers_is_told_exactly():
    found = decide(situation(current=key(age=99 * DAY), others=1))
    assert found.steps == ()
    assert "The owner has 2 of them, and the vendor allows 2; 1 of them nothing declares" in (
        found.findings[0].detail
    )


def test_a_lost_secret_is_replaced_at_once():
    found = decide(situation(memory=Rotation(undelivered=True)))
    assert found.steps == (Step.REMOVE, Step.ISSUE)
    found = decide(situation(memory=Rotation(undelivered=True), previous=key("K0")))
    assert found.steps == (Step.ROLL_BACK,)


def test_the_previous_one_lives_through_the_overlap():
    found = decide(under_way(delivered=3 * DAY))
    assert found.stage is Stage.OVERLAPPING
    assert found.steps == ()
    assert found.next_at == NOW + 4 * DAY


def test_a_consumer_that_has_not_moved_holds_everything_up():
    late = NOW - 30 * DAY
    found = decide(under_way(consumers={"billing": late, "report": None}))
    assert found.steps == ()
    assert found.waiting_for == ('consumer "billing" to move', 'consumer "report" to move')
    assert found.findings[0].summary == "Rotation is stuck"


def test_moved_consumers_let_it_go():
    found = decide(under_way(consumers={"billing": NOW - DAY}))
    assert found.steps == (Step.RETIRE,)
    plain = decide(under_way(abilities=Abilities()))
    assert plain.steps == (Step.REMOVE,)


def test_use_that_the_tenant_shows_or_does_not_show_counts():
    rule = replace(RULE, evidence=Evidence.LAST_USED)
    used = key("K0", age=120 * DAY, used=NOW - timedelta(hours=2))
    assert "the previous one to rest" in decide(under_way(rule=rule, previous=used)).waiting_for[0]
    dark = replace(used, tells_use=False)
    assert decide(under_way(rule=rule, previous=dark)).steps == ()
    rested = replace(used, last_used_at=NOW - 3 * DAY)
    assert decide(under_way(rule=rule, previous=rested)).steps == (Step.RETIRE,)


def test_what_was_switched_off_is_removed_after_its_quarantine():
    memory = Rotation(delivered_at=rfc3339(NOW - 9 * DAY), retired_at=rfc3339(NOW - DAY / 2))
    found = decide(situation(previous=key("K0"), memory=memory))
    assert (found.stage, found.steps) == (Stage.RETIRED, ())
    later = decide(situation(previous=key("K0"), memory=memory, now=NOW + DAY))
    assert later.steps == (Step.REMOVE,)


def test_a_refused_new_one_is_rolled_back():
    found = under_way()
    refused = replace(found, memory=Rotation(delivered_at="2026-05-31", refused_at="2026-06-01"))
    assert decide(refused).steps == (Step.ROLL_BACK,)


def test_an_emergency_has_no_overlap():
    found = decide(under_way(delivered=timedelta(0), verified=True, no_overlap=True))
    assert found.steps == (Step.RETIRE,)


def test_new_ones_are_made_within_the_schedule():
    rule = replace(RULE, hours=(9, 11), weekdays=frozenset({1}))
    found = decide(situation(rule=rule, current=key(age=99 * DAY)))
    assert found.steps == ()
    assert found.next_at == datetime(2026, 6, 2, 9, tzinfo=UTC)
    asked = decide(situation(rule=rule, current=key(age=99 * DAY), asked=True))
    assert asked.steps == (Step.ISSUE,)


def test_failures_back_off_and_become_a_finding():
    memory = Rotation(
        failures=3, failed_at="2026-06-01T11:00:00Z", error="no", not_before="2026-06-01T19:00:00Z"
    )
    found = decide(situation(current=key(age=99 * DAY), memory=memory))
    assert found.steps == ()
    assert found.findings[0].summary == "Rotation keeps failing"
    assert backed_off(memory, NOW) == "2026-06-01T20:00:00Z"
    assert backed_off(Rotation(failures=99), NOW) == rfc3339(NOW + 7 * DAY)


def test_one_that_is_too_old_is_always_a_finding():
    """Also while few failures are waited out: an open finding says why."""
    memory = Rotation(
        failures=1, failed_at="2026-06-01T11:00:00Z", error="no", not_before="2026-06-01T19:00:00Z"
    )
    found = decide(situation(current=key(age=98 * DAY), memory=memory))
    assert found.findings[0].summary == "Credential is older than it may be"
    assert "failed at 2026-06-01T11:00:00Z: no" in found.findings[0].detail
    assert decide(situation(current=key(age=95 * DAY), memory=memory)).findings == ()


def test_one_good_trial_proves_nothing():
    rule = replace(RULE, times=3, window=timedelta(minutes=10))
    at = [rfc3339(NOW + timedelta(minutes=m)) for m in (0, 1, 12)]
    assert not proved_by_trials(rule, tuple(at[:1]))
    assert not proved_by_trials(rule, (at[0], at[0], at[1]))
    assert proved_by_trials(rule, tuple(at))


@pytest.mark.parametrize(
    ("span", "text"), [(90 * DAY, "90d"), (timedelta(hours=36), "1d12h"), (timedelta(0), "0s")]
)
def test_durations_in_words(span, text):
    assert words(span) == text


MOMENTS = st.integers(-200, 10).map(lambda days: NOW + days * DAY)
SEEN = st.builds(
    Seen,
    id=st.sampled_from(["K0", "K1"]),
    created_at=st.none() | MOMENTS,
    last_used_at=st.none() | MOMENTS,
    tells_use=st.booleans(),
    usable=st.booleans(),
)
TEXTS = st.just("") | MOMENTS.map(rfc3339)
MEMORY = st.builds(
    Rotation,
    delivered_at=TEXTS,
    verified_at=TEXTS,
    retired_at=TEXTS,
    refused_at=TEXTS,
    undelivered=st.booleans(),
    failures=st.integers(0, 9),
    not_before=TEXTS,
)
SITUATIONS = st.builds(
    Situation,
    rule=st.builds(Rule, max_age=st.just(90 * DAY), evidence=st.sampled_from(Evidence)),
    abilities=st.builds(Abilities, switchable=st.booleans(), limit=st.integers(1, 3)),
    current=st.none() | SEEN,
    previous=st.none() | SEEN,
    memory=MEMORY,
    consumers=st.dictionaries(st.sampled_from("ab"), st.none() | MOMENTS, max_size=2),
    others=st.integers(0, 2),
    asked=st.booleans(),
    no_overlap=st.booleans(),
    now=st.just(NOW),
)


@given(SITUATIONS)
def test_nothing_is_retired_without_proof(found):
    """Verified, every consumer moved since, the overlap over: whatever else is the case."""
    steps = decide(found).steps
    memory = found.memory
    ends_it = Step.RETIRE in steps or (Step.REMOVE in steps and not memory.undelivered)
    if not ends_it or memory.retired_at or found.no_overlap:
        return
    delivered = datetime.fromisoformat(memory.delivered_at)
    assert memory.verified_at
    assert found.now >= delivered + found.rule.overlap
    assert all(at is not None and at >= delivered for at in found.consumers.values())


@given(SITUATIONS)
def test_a_credential_is_issued_only_where_there_is_room(found):
    if Step.ISSUE in decide(found).steps and not found.memory.undelivered:
        held = found.others + (found.current is not None) + (found.previous is not None)
        assert held < found.abilities.limit or found.abilities.ends_previous


@given(SITUATIONS)
def test_what_waits_says_for_what(found):
    """No step, no date, no finding and nothing waited for would be a rotation that nobody ever moves on."""
    decision = decide(found)
    assert decision.steps or decision.next_at or decision.waiting_for or decision.findings
