"""``rotate``, ``rotations``, ``attest`` and ``plan -now``: rotation from the command line."""

import json

import pytest

from perimeter.diagnostics import Diagnostics
from perimeter.sdk.registry import BUILTIN, load_providers
from perimeter.testing.ladder import forms
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant

TEXT = """
integration "crm" {
  owner = "data@acme.example"
}

resource "tiny_vault" "v" {
  name = "v"
}

resource "tiny_pass" "key" {
  user        = "billing"
  integration = integration.crm
  rotation {
    max_age    = "90d"
    overlap    = "7d"
    deliver_to = [tiny_vault.v]
    verify {
      by = "attestation"
    }
  }
}

resource "tiny_pass" "other" {
  user = "other"
  rotation {
    max_age    = "90d"
    deliver_to = [tiny_vault.w]
  }
}

resource "tiny_vault" "w" {
  name = "w"
}

resource "tiny_hot" "bare" {
  user        = "bare"
  integration = integration.crm
}

consumer "export" {
  uses = tiny_pass.key
}
"""


@pytest.fixture
def tiny(cli, monkeypatch):
    """The tiny vendor behind the command line, with one credential of each kind."""
    tenant = TinyTenant()
    builtin = load_providers([BUILTIN])[0]

    def found(_names):
        return {**builtin, "tiny": TinyProvider(tenant)}, Diagnostics()

    monkeypatch.setattr("perimeter.engine.session.load_providers", found)
    monkeypatch.setattr("perimeter.cli.commands.apply.load_providers", found)
    cli.write(TEXT.replace('resource "tiny_hot"', 'resource "tiny_pass"'))
    cli.ok("apply", "-auto-approve")
    return tenant


def words(text):
    return " ".join(text.split())


def test_a_report_tells_stage_and_dates(cli, tiny):
    found = json.loads(cli.ok("rotations", "-json"))
    stages = {item["address"]: (item["stage"], item["steps"]) for item in found["rotations"]}
    assert stages == {"tiny_pass.key": ("settled", []), "tiny_pass.other": ("settled", [])}
    assert found["orphans"] == []
    assert "tiny_pass.key is settled" in cli.ok("rotations")
    assert cli("rotations", "-detailed-exitcode").code == 0


def test_a_plan_of_another_time_tells_what_is_due_then_and_cannot_be_applied(cli, tiny):
    out = cli.ok("plan", "-now=2099-01-01", "-out=p")
    assert "tiny_pass.key is due" in out
    result = cli("apply", "p")
    assert "The plan is about another time" in result.err
    assert "Invalid -now" in cli("plan", "-now=soon").err


def test_everything_that_an_integration_may_have_seen(cli, tiny):
    before = set(tiny.of("tiny_pass"))
    result = cli("rotate", "-all", "-integration=crm", "-no-overlap", "-auto-approve")
    assert result.code == 0, result
    assert "Credential without a rotation block" in result.err + result.out
    assert "tiny_pass.other" not in result.out
    made = set(tiny.of("tiny_pass")) - before
    assert len(made) == 1
    off = [key for key in before if tiny.of("tiny_pass")[key].get("active") is False]
    assert len(off) == 1
    assert "Rotation: 1 issued, 1 retired." in result.out


def test_it_asks(cli, tiny):
    before = set(tiny.of("tiny_pass"))
    result = cli("rotate", "-input=false", "tiny_pass.key")
    assert "Approval is needed" in result.err
    assert set(tiny.of("tiny_pass")) == before


def test_a_consumer_moves_by_attestation_and_the_rotation_goes_on(cli, tiny):
    cli.ok("rotate", "-auto-approve", "tiny_pass.key")
    found = json.loads(cli.ok("rotations", "-json"))["rotations"][0]
    assert found["waiting_for"] == [
        "somebody to attest that the new one works",
        'consumer "export" to move',
    ]
    assert "is attested" in cli.ok("attest", "-by=ann", "consumer.export")
    assert "is attested" in cli.ok("attest", "-by=ann", "tiny_pass.key")
    found = json.loads(cli.ok("rotations", "-json"))["rotations"][0]
    assert (found["stage"], found["waiting_for"]) == ("overlapping", [])
    cli.ok("attest", "-withdraw", "consumer.export")
    found = json.loads(cli.ok("rotations", "-json"))["rotations"][0]
    assert found["waiting_for"] == ['consumer "export" to move']


def test_a_rotation_is_rolled_back(cli, tiny):
    at = next(key for key, stored in tiny.of("tiny_vault").items() if stored["name"] == "v")
    old = tiny.payload(at)
    cli.ok("rotate", "-auto-approve", "tiny_pass.key")
    assert tiny.payload(at) != old
    out = cli.ok("rotate", "-auto-approve", "-rollback=tiny_pass.key")
    assert "Rotation: 1 rolled back." in out
    assert tiny.payload(at) == old


def test_a_saved_plan_rotates_as_it_says(cli, tiny):
    old = set(tiny.of("tiny_pass"))
    cli.ok("plan", "-invoke=tiny_pass.key", "-out=p")
    shown = json.loads(cli.ok("show", "-json", "p"))
    assert [item["type"] for item in shown["action_invocations"]] == ["rotation_issue"]
    assert [item["steps"] for item in shown["rotations"] if item["steps"]] == [["issue"]]
    cli.ok("apply", "p")
    assert len(set(tiny.of("tiny_pass")) - old) == 1
    assert "Saved plan is stale" in cli("apply", "p").err


def test_what_was_not_approved_is_not_rotated(cli, tiny):
    old = set(tiny.of("tiny_pass"))
    out = cli.ok("rotate", "-auto-approve", "-narrowing-only", "tiny_pass.key")
    assert set(tiny.of("tiny_pass")) == old
    assert "widens access" in out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["rotate"], "Nothing to rotate"),
        (["rotate", "-all", "tiny_pass.key"], "one of the three"),
        (["rotate", "-integration=crm", "tiny_pass.key"], "-integration goes with -all"),
        (["rotate", "-all", "-integration=nobody"], 'No credential of integration "nobody"'),
        (["rotate", "-auto-approve", "tiny_vault.v"], "is no credential that is rotated"),
        (["rotate", "data.a.b"], "Only resources are rotated."),
        (["rotate", "-all", "-destroy"], "-destroy plans something else"),
        (["apply", "-no-overlap"], "it needs -invoke=ADDRESS"),
        (["apply", "-replace=tiny_pass.key"], "-invoke=tiny_pass.key"),
        (["attest", "consumer.nobody"], "No such consumer"),
        (["attest", "consumer.export"], "No rotation is under way"),
        (["attest", "tiny_pass.key"], "No rotation is under way"),
        (["rotate", "-rollback=tiny_pass.key", "-auto-approve"], "Nothing to roll back to"),
    ],
)
def test_what_is_refused(cli, tiny, arguments, text):
    result = cli(*arguments)
    assert result.code == 1
    assert text in words(result.err + result.out)


def test_no_secret_is_in_any_output(cli, tiny, monkeypatch):
    """Of a person's run and a program's, at TRACE; raw, JSON, URL and base64."""
    monkeypatch.setenv("PERIMETER_LOG", "TRACE")
    monkeypatch.setenv("PERIMETER_LOG_PATH", str(cli.directory / "trace.log"))
    results = [
        cli("rotate", "-auto-approve", "tiny_pass.key"),
        cli("attest", "consumer.export"),
        cli("plan", "-invoke=tiny_pass.other"),
        cli("apply", "-json", "-auto-approve", "-invoke=tiny_pass.other"),
        cli("plan", "-out=p"),
        cli("show", "-json", "p"),
        cli("show", "-json"),
        cli("state", "pull"),
        cli("rotations"),
        cli("rotations", "-json"),
        cli("evidence", "list"),
        cli("rotate", "-auto-approve", "-rollback=tiny_pass.key"),
    ]
    assert [result.code for result in results] == [0] * len(results)
    secrets = [
        stored["password"] for stored in tiny.of("tiny_pass").values() if "password" in stored
    ]
    assert len(secrets) >= 3
    texts = [text.encode() for result in results for text in (result.out, result.err)]
    texts += [path.read_bytes() for path in cli.directory.rglob("*") if path.is_file()]
    for secret in secrets:
        for form in forms(secret):
            assert not [text for text in texts if form in text]


def test_without_values_for_variables_a_rotation_is_valid(cli):
    cli.write(
        """
variable "age" {
  type = string
}

resource "aws_secretsmanager_secret" "s" {
  name = "x"
}

resource "aws_iam_access_key" "k" {
  user = "billing"
  rotation {
    max_age    = var.age
    deliver_to = [aws_secretsmanager_secret.s]
  }
}
"""
    )
    cli.ok("validate")
