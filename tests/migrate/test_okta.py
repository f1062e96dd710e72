"""okta/okta: migrated against an org that Terraform had brought into the same state."""

import pytest

from tests.providers.okta.conftest import started
from tests.providers.okta.seed import TOKEN, seed


@pytest.fixture
def org():
    yield from started(seed())


def test_the_plan_imports_and_changes_nothing(migrated, org, monkeypatch):
    """Rules that were resources of their own, memberships and assignments among what is imported."""
    cli = migrated("okta")
    cli.write(
        f'provider "okta" {{\n  org_url = "{org.sandbox.url("okta")}"\n}}\n', "sandbox_override.hcl"
    )
    monkeypatch.setenv("PERIMETER_VAR_okta_token", TOKEN)
    cli.ok("init")
    plan = cli.ok("plan")
    assert "Plan: 12 to import, 0 to add, 0 to change, 0 to destroy" in plan, plan
    before = org.content()
    cli.ok("apply", "-auto-approve")
    assert org.content() == before
    again = cli("plan", "-detailed-exitcode")
    assert again.code == 0, again
    assert "00ujdoe" in cli.ok("output", "crm")
