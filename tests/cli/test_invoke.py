"""``-invoke``: one action and nothing else."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-invoke=perimeter_data.a"], "is no credential that is rotated"),
        (["-invoke=action.a.b", "-invoke=action.a.c"], "Only one action can be invoked at a time."),
        (["-invoke=action.a.b", "-target=perimeter_data.a"], "-target cannot be given beside it"),
        (["-invoke=action.a.b", "-destroy"], "-destroy cannot be given beside it"),
        (["-invoke=action.a"], "is not an action"),
        (["-invoke=action.a.b"], "action.a.b is not declared"),
    ],
)
def test_what_it_refuses(cli, arguments, words):
    cli.write('resource "perimeter_data" "a" {\n}\n')
    result = cli("plan", *arguments)
    assert result.code == 1
    assert words in " ".join(result.err.split())


def test_a_saved_plan_is_decided(cli):
    cli.write('resource "perimeter_data" "a" {\n}\n')
    cli.ok("plan", "-out=p")
    result = cli("apply", "-invoke=action.a.b", "p")
    assert "A saved plan is already decided" in result.err


def test_validate_waits_for_what_a_condition_refers_to(cli):
    """Without values for variables a condition is unknown, which is no error of the configuration."""
    cli.write(
        """
variable "on" {
  type = bool
}

resource "perimeter_data" "a" {
  lifecycle {
    action_trigger {
      events    = [after_create]
      condition = var.on
      actions   = [action.github_webhook_ping.p]
    }
  }
}

action "github_webhook_ping" "p" {
  config {
    webhook = "1"
  }
}
"""
    )
    assert "valid" in cli.ok("validate")
