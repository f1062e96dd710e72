"""integrations/github: migrated against a tenant that Terraform had brought into the same state."""

import shutil

import pytest

from tests.migrate.conftest import FIXTURES
from tests.providers.github.world import OWNER, seed, world_of


@pytest.fixture
def github(tmp_path):
    with world_of(seed(), tmp_path) as world:
        yield world


def test_the_plan_imports_and_changes_nothing(migrated, github, monkeypatch):
    """After a migration the first apply takes everything over, and the next plan is empty."""
    cli = migrated("github")
    for path in FIXTURES.joinpath("github").rglob("*.pub"):
        target = cli.directory / path.relative_to(FIXTURES / "github")
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    cli.write(
        f'provider "github" {{\n  base_url = "{github.sandbox.url("github")}"\n}}\n',
        "sandbox_override.hcl",
    )
    monkeypatch.setenv("GITHUB_TOKEN", OWNER)
    monkeypatch.setenv("PERIMETER_VAR_webhook_secret", "hook-secret-0123456789")
    cli.ok("init")
    plan = cli.ok("plan")
    assert "Plan: 5 to import, 0 to add, 0 to change, 0 to destroy" in plan, plan
    cli.ok("apply", "-auto-approve")
    writes = [call for call in github.calls.entries if call.committed]
    assert {(call.method, call.path) for call in writes} <= {("POST", "/graphql")}
    again = cli("plan", "-detailed-exitcode")
    assert again.code == 0, again
    assert cli.ok("output", "hook").strip() == '"601"'
