"""``ephemeral`` blocks: opened when an apply needs them, closed at its end, kept nowhere."""

from pathlib import Path

import pytest

SESSION = """
ephemeral "tiny_session" "s" {
  scope = "keys"
}
"""

KEY = """
resource "tiny_group" "g" {
  name = "g"
}

locals {
  token = ephemeral.tiny_session.s.token
}

resource "tiny_key" "k" {
  group  = tiny_group.g.id
  label  = "k"
  secret = local.token
}
"""


def test_a_plan_opens_nothing(tiny):
    """Its values are unknown until an apply."""
    tiny.write(SESSION + KEY)
    assert set(tiny.planned()) == {"tiny_group.g", "tiny_key.k"}
    assert tiny.tenant.count("open") == 0


def test_it_is_opened_once_and_closed_after_all_else(tiny):
    """The secret reaches the tenant, and nothing that is written holds it."""
    tiny.write(SESSION + KEY)
    tiny.applied()
    assert [item["secret"] for item in tiny.tenant.of("tiny_key").values()] == ["token-for-keys"]
    verbs = [verb for verb, kind, _ in tiny.tenant.calls if kind == "tiny_session"]
    assert (verbs[0], verbs[-1]) == ("open", "close")
    assert verbs.count("open") == verbs.count("close") == 1
    for file in Path(tiny.work.directory).rglob("*"):
        assert not file.is_file() or b"token-for-keys" not in file.read_bytes()
    tiny.tenant.calls.clear()
    tiny.empty()
    tiny.applied()
    assert tiny.tenant.count("open") == 0


def test_it_waits_for_what_it_refers_to(tiny):
    """And is renewed while others are under way."""
    tiny.write(SESSION.replace('"keys"', "tiny_group.g.id") + KEY)
    tiny.applied()
    verbs = [verb for verb, kind, _ in tiny.tenant.calls if kind in ("tiny_session", "tiny_group")]
    assert verbs.index("create") < verbs.index("open")


def test_one_that_cannot_be_opened_stops_only_what_needs_it(tiny):
    """The group is made, the key is not."""
    tiny.write(SESSION.replace("keys", "forbidden") + KEY)
    outcome = tiny.apply()
    assert "Ephemeral resource could not be opened" in [
        item.summary for item in outcome.diagnostics.errors
    ]
    assert [item.name for item in outcome.applied.results if item.status == "failed"] == [
        "tiny_key.k"
    ]
    assert len(tiny.tenant.of("tiny_group")) == 1


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (
            'output "o" {\n  value = ephemeral.tiny_session.s.token\n}\n',
            "Ephemeral value not allowed",
        ),
        (
            'resource "tiny_group" "a" {\n  name = ephemeral.tiny_session.s.token\n}\n',
            "Invalid use of ephemeral value",
        ),
        (
            'resource "tiny_group" "a" {\n  name = "a"\n  count = length(ephemeral.tiny_session.s.token)\n}\n',
            "Invalid count argument",
        ),
        ('ephemeral "tiny_sesion" "t" {\n}\n', "Invalid resource type"),
        (
            'output "o" {\n  value = ephemeral.tiny_session.t.token\n}\n',
            "Reference to undeclared resource",
        ),
        (SESSION, 'Duplicate ephemeral "tiny_session" configuration'),
    ],
)
def test_wrong_uses_are_refused(tiny, text, summary):
    """Nothing ephemeral may be kept."""
    tiny.write(SESSION + text)
    assert summary in [item.summary for item in tiny.plan().diagnostics.errors]


def conditions(kind, condition):
    return SESSION.replace(
        'scope = "keys"',
        f"""scope = "keys"
  lifecycle {{
    {kind} {{
      condition     = {condition}
      error_message = "Not like this."
    }}
  }}""",
    )


@pytest.mark.parametrize(
    ("kind", "condition", "summary"),
    [
        ("precondition", "var.x == 2", "Resource precondition failed"),
        ("postcondition", 'self.token != "token-for-keys"', "Resource postcondition failed"),
    ],
)
def test_its_conditions_are_judged(tiny, kind, condition, summary):
    """A precondition while planning, a postcondition once it is open; what needs the value then fails."""
    tiny.write(
        'variable "x" {\n  type = number\n  default = 1\n}\n' + conditions(kind, condition) + KEY
    )
    outcome = tiny.apply()
    assert summary in [item.summary for item in outcome.diagnostics.errors]
    assert "Not like this." in [item.detail for item in outcome.diagnostics.errors]
    assert tiny.tenant.of("tiny_key") == {}
    assert tiny.tenant.count("open") == tiny.tenant.count("close")


def test_conditions_that_hold_are_no_obstacle(tiny):
    tiny.write(conditions("postcondition", 'startswith(self.token, "token")') + KEY)
    tiny.applied()
