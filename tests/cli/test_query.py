"""``perimeter query`` over an emulated tenant: text, JSON, generated configuration."""

import json

import pytest

from tests.providers.github.world import OWNER, seed, world_of

CONFIG = """
provider "github" {{
  organization = "acme"
  base_url     = "{url}"
}}
variable "repository" {{
  default = "api"
}}
resource "github_organization_webhook" "siem" {{
  url    = "https://siem.example/github"
  events = ["*"]
}}
import {{
  to = github_organization_webhook.siem
  id = "601"
}}
collection "github_app_installation" "all" {{
  ignore = [{{ app_slug = "perimeter" }}]
}}
"""
QUERY = """
list "github_deploy_key" "keys" {
  include_resource = true
  config {
    repository = var.repository
  }
}
list "github_organization_webhook" "hooks" {
  limit = 1
}
"""


@pytest.fixture
def world(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_TOKEN", OWNER)
    with world_of(seed(), tmp_path) as it:
        cli.write(CONFIG.format(url=it.sandbox.url("github")))
        yield it


def messages(text, kind):
    found = [json.loads(line) for line in text.splitlines()]
    return [item[kind] for item in found if item["type"] == kind]


def test_without_query_files_everything_undeclared_is_listed(cli, world):
    """And what could not be seen; what is declared or ignored is not in it."""
    out = cli.ok("query")
    assert "list.github_deploy_key.undeclared\n  undeclared  " in out
    assert '"legacy-ci" on acme/api' in out
    assert "can write code in acme/api" in out
    assert " days old, never used, never expires\n" in out
    assert "siem.example" not in out
    assert "docs-bot" in out
    assert "not visible: github_personal_access_token_grant (" in out
    last = out.strip().splitlines()[-1]
    assert last.startswith("11 objects: 11 undeclared"), last
    assert "`perimeter query`" in " ".join(cli.ok("plan").split())


def test_lists_say_what_is_declared(cli, world):
    """In text."""
    cli.write(QUERY, "find.query.hcl")
    out = cli.ok("query", "-var", "repository=billing")
    assert "declared    " in out
    assert "as github_organization_webhook.siem" in out
    assert "and 1 more beyond the limit" in out
    assert '"export" on acme/billing' in out
    assert "legacy-ci" not in out
    assert "2 objects: 1 undeclared, 1 declared." in out
    assert "docs-bot" in cli.ok("query", "-undeclared")


def test_the_stream_has_terraforms_messages(cli, world):
    """Start, each object, end; attributes where they were asked for."""
    cli.write(QUERY, "find.query.hcl")
    out = cli.ok("query", "-json")
    started = messages(out, "list_start")
    assert [item["address"] for item in started] == [
        "list.github_deploy_key.keys",
        "list.github_organization_webhook.hooks",
    ]
    assert started[0]["input_config"] == {"repository": "api"}
    found = messages(out, "list_resource_found")
    keys = {item["resource_object"]["title"]: item for item in found if "resource_object" in item}
    assert set(keys) == {"legacy-ci", "deploy"}
    assert keys["legacy-ci"]["status"] == "undeclared"
    assert keys["legacy-ci"]["identity"]["repository"] == "api"
    assert keys["legacy-ci"]["risks"] == ["can write code in acme/api"]
    credential = keys["legacy-ci"]["credential"]
    assert (credential["kind"], credential["owner"]) == ("deploy key", "acme/api")
    assert credential["created_at"] == "2023-04-02T09:00:00Z"
    assert credential["age"] > 900
    assert (credential["tells_use"], credential["last_used_at"]) == (True, None)
    assert credential["concerns"][1:] == ["never used", "never expires"]
    assert "credential" not in found[-1]
    assert found[-1]["declared_address"] == "github_organization_webhook.siem"
    assert [item["total"] for item in messages(out, "list_complete")] == [2, 1]


def test_generated_configuration_is_taken_up_by_the_next_plan(cli, world):
    """It is formatted, asks for nothing but imports, and is never written over."""
    out = cli.ok("query", "-generate-config-out=found.hcl")
    assert "Configuration for 11 objects written to found.hcl." in out
    text = (cli.directory / "found.hcl").read_text()
    assert text.count("# To bring it under rotation:\n  # rotation {\n") == 4
    cli.ok("fmt", "-check")
    plan = cli.ok("plan")
    assert "Plan: 12 to import, 0 to add, 0 to change, 0 to destroy." in plan
    again = cli("query", "-generate-config-out=found.hcl")
    assert again.code == 1
    assert "Target generated file already exists" in again.err
    cli.ok("apply", "-auto-approve")
    out = cli.ok("query", "-generate-config-out=more.hcl")
    assert "Nothing to declare; no file was written." in out
    assert not (cli.directory / "more.hcl").exists()


def test_the_stream_carries_generated_blocks(cli, world):
    """One of each kind with each object that is not declared."""
    cli.write(QUERY, "find.query.hcl")
    out = cli.ok("query", "-json", "-generate-config-out=found.hcl")
    found = messages(out, "list_resource_found")
    assert [("config" in item) for item in found] == [True, True, False]
    assert found[0]["config"].rstrip().endswith("}")
    assert found[0]["import_config"].startswith("import {\n")
    written = (cli.directory / "found.hcl").read_text(encoding="utf-8")
    assert all(item["config"] in written for item in found[:2])


def test_a_mistake_in_a_query_file_is_shown_where_it_stands(cli, world):
    """With its line."""
    cli.write('list "github_deploy_kye" "all" {}\n', "find.query.hcl")
    result = cli("query")
    assert result.code == 1
    assert "Error: Invalid list resource" in result.err
    assert "on find.query.hcl line 1" in result.err
    assert 'Did you mean "github_deploy_key"?' in " ".join(result.err.split())


def test_validate_checks_query_files_when_asked(cli, world):
    """Without reading the tenant; what a variable will say is not a mistake."""
    cli.write('variable "limit" {}\n', "limit.hcl")
    cli.write(QUERY.replace("limit = 1", "limit = var.limit"), "find.query.hcl")
    calls = world.sandbox.calls.count(vendor="github")
    cli.ok("validate", "-query")
    cli.write(
        'list "github_deploy_key" "k" {\n  config {\n    tilte = "x"\n  }\n}\n', "b.query.hcl"
    )
    cli.ok("validate")
    result = cli("validate", "-query")
    assert result.code == 1
    assert 'An argument named "tilte" is not expected here. Did you mean "title"?' in result.err
    assert world.sandbox.calls.count(vendor="github") == calls


def test_a_configuration_that_cannot_be_planned_is_queried_all_the_same(cli, world):
    """With a warning: an object that a declaration means by its name counts as declared."""
    cli.write(
        'resource "github_app_installation" "docs" {\n  app_slug = "docs-bot"\n}\n', "more.hcl"
    )
    out = cli.ok("query")
    assert "Warning: The configuration cannot be planned" in out
    assert "docs-bot" not in out


def test_a_snapshot_is_queried_without_a_tenant(cli, world):
    """What it does not contain is said to be so."""
    cli.ok("observe", "-out=seen")
    calls = world.sandbox.calls.count(vendor="github")
    out = cli.ok("query", "-snapshot=seen")
    assert '"legacy-ci" on acme/api' in out
    assert world.sandbox.calls.count(vendor="github") == calls
