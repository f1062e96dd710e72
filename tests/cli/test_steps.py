"""``steps`` and ``attest``: manual steps for people and pipelines."""

import json

import msgspec
import pytest

from perimeter.state.evidence import verify
from perimeter.state.journal import compact
from perimeter.state.local import LocalBackend
from perimeter.state.model import OpenStep

STEP = OpenStep(
    identity="1",
    name="okta_app.crm",
    reason="No API sets the logo.",
    instructions="Open Applications, CRM, Logo.",
    url="https://acme-admin.okta.com/admin/app/crm",
    assignee="ops@acme.example",
    opened_at="2026-01-02T00:00:00Z",
    due_at="2026-01-16T00:00:00Z",
)


@pytest.fixture
def opened(cli):
    cli.write('resource "perimeter_data" "a" {}\n')
    cli.ok("apply", "-auto-approve")
    backend = LocalBackend()
    held = backend.load()
    compact(backend, held, msgspec.structs.replace(held.state, steps={"okta_app.crm": STEP}))
    return cli


def test_nothing_open_says_so(cli):
    cli.write('resource "perimeter_data" "a" {}\n')
    assert cli.ok("steps", "-detailed-exitcode") == "Nothing is left to be done by hand.\n"


def test_the_report_has_what_a_person_needs(opened):
    assert opened.ok("steps") == (
        "okta_app.crm (overdue)\n"
        "  No API sets the logo. Open Applications, CRM, Logo.\n"
        "  Open https://acme-admin.okta.com/admin/app/crm\n"
        "  For ops@acme.example, until 2026-01-16T00:00:00Z\n"
        "  Open since 2026-01-02T00:00:00Z\n"
    )
    assert opened("steps", "-detailed-exitcode").code == 2
    found = json.loads(opened.ok("steps", "-overdue", "-json"))["steps"]
    assert [(item["key"], item["overdue"], item["attested_by"]) for item in found] == [
        ("okta_app.crm", True, None)
    ]


def test_an_attestation_is_remembered_and_in_evidence(opened):
    out = opened.ok("attest", "-by=ann", "-note=uploaded", "okta_app.crm")
    assert (
        out == "okta_app.crm is attested by ann. The next plan looks whether the tenant shows it.\n"
    )
    assert "Attested by ann at " in opened.ok("steps")
    assert opened.ok("steps", "-overdue") == "Nothing is left to be done by hand.\n"
    backend = LocalBackend()
    lines = list(backend.evidence_lines())
    assert json.loads(lines[-1])["operation"] == "attest"
    assert json.loads(lines[-1])["approver"] == "ann"
    assert verify(lines, backend.load().state.seal).sealed == len(lines)
    opened.ok("attest", "-withdraw", "okta_app.crm")
    assert "Attested" not in opened.ok("steps")


def test_a_step_that_is_none_is_refused_with_what_was_meant(opened):
    result = opened("attest", "okta_app.crn")
    assert result.code == 1
    assert "No such manual step" in result.err
    assert 'Did you mean "okta_app.crm"?' in result.err
