"""Until when a declaration holds: a date, or a time from its first apply on."""

from datetime import UTC, datetime, timedelta

import pytest

START = datetime(2026, 1, 1, tzinfo=UTC)
GROUP = """
resource "tiny_group" "a" {{
  name = "a"
  lifecycle {{
    expires_at = "{}"
  }}
}}
"""


@pytest.fixture
def timed(tiny):
    def at(**later):
        tiny.work.now = lambda: START + timedelta(**later)

    tiny.at = at
    at()
    return tiny


def reasons(tiny):
    return {name: change.reason for name, change in tiny.planned().items()}


def test_a_duration_is_counted_from_the_first_apply(timed):
    timed.write(GROUP.format("90d"))
    timed.applied()
    known = timed.state["tiny_group.a"]
    assert known.first_applied_at == "2026-01-01T00:00:00Z"
    assert known.expires_at == "2026-04-01T00:00:00Z"
    timed.at(days=60)
    timed.applied()
    assert timed.state["tiny_group.a"] == known
    timed.at(days=90)
    assert reasons(timed) == {"tiny_group.a": "expired"}


def test_it_never_comes_back_by_being_gone(timed):
    """The tombstone remembers the start."""
    timed.write(GROUP.format("1h"))
    timed.applied()
    timed.at(hours=2)
    timed.applied()
    assert not timed.tenant.of("tiny_group")
    timed.at(days=300)
    assert reasons(timed) == {}
    assert timed.state["tiny_group.a"].expired_at == "2026-01-01T02:00:00Z"


def test_a_longer_duration_still_counts_from_the_first_apply(timed):
    timed.write(GROUP.format("30d"))
    timed.applied()
    timed.at(days=20)
    timed.write(GROUP.format("60d"))
    timed.applied()
    assert timed.state["tiny_group.a"].expires_at == "2026-03-02T00:00:00Z"


def test_without_a_duration_nothing_is_remembered(timed):
    timed.write(GROUP.format("30d"))
    timed.applied()
    timed.write('resource "tiny_group" "a" {\n  name = "a"\n}\n')
    timed.applied()
    known = timed.state["tiny_group.a"]
    assert (known.first_applied_at, known.expires_at) == ("", "")


REFERRING = """
output "who" {
  value = tiny_group.a.name
}
"""


def test_what_refers_to_an_instance_that_expires_soon_is_named(timed):
    timed.write(GROUP.format("2026-03-01") + REFERRING)
    timed.applied()
    assert not timed.plan().diagnostics
    timed.at(days=50)
    found = timed.plan().diagnostics
    assert [item.summary for item in found] == ["References to an instance that expires"]
    assert "output.who" in next(iter(found)).detail


def test_an_integration_takes_a_date_only(timed):
    """Its resources are applied at different times."""
    timed.write(
        'integration "x" {\n  owner      = "o"\n  purpose    = "p"\n  expires_at = "90d"\n}\n'
        'resource "tiny_group" "a" {\n  name        = "a"\n  integration = integration.x\n}\n'
    )
    assert any("neither a date" in text for text in timed.plan().errors)


@pytest.mark.parametrize("text", ["soon", "90", "9x", "-1d"])
def test_what_is_no_end_is_named(timed, text):
    timed.write(GROUP.format(text))
    assert any(item.startswith("Invalid expires_at: ") for item in timed.plan().errors)
