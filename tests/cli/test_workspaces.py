"""Workspaces: several states of one configuration."""

import json

import pytest

from tests.servers.backends import Unavailable

CONFIG = """
resource "perimeter_data" "a" {
  input = perimeter.workspace
}
output "where" {
  value = perimeter_data.a.output
}
"""


def told(result):
    return " ".join((result.out + result.err).split())


@pytest.fixture(params=["local", "pg", "s3"])
def work(cli, servers, request, monkeypatch):
    """A directory whose backend has workspaces."""
    try:
        place = servers.place(request.param)
    except Unavailable as problem:
        pytest.skip(str(problem))
    for name, item in place.environment.items():
        monkeypatch.setenv(name, item)
    arguments = "".join(f"    {name} = {json.dumps(v)}\n" for name, v in place.settings.items())
    cli.write(f'{CONFIG}perimeter {{\n  backend "{place.kind}" {{\n{arguments}  }}\n}}\n')
    cli.ok("init")
    cli.place = place
    return cli


def test_each_workspace_has_a_state_of_its_own(work):
    """Created, selected, listed, and evaluated."""
    assert work.ok("workspace", "list") == "* default\n\n"
    assert work.ok("workspace", "show") == "default\n"
    work.ok("apply", "-auto-approve")
    made = work.ok("workspace", "new", "dev")
    assert 'Created and switched to workspace "dev"!' in made
    assert work.ok("workspace", "list") == "  default\n* dev\n\n"
    assert work.ok("state", "list") == ""
    work.ok("apply", "-auto-approve")
    assert work.ok("output", "-raw", "where") == "dev"
    assert "already exists" in told(work("workspace", "new", "dev"))
    assert work.ok("workspace", "select", "default") == 'Switched to workspace "default".\n'
    assert work.ok("output", "-raw", "where") == "default"
    assert work.ok("workspace", "select", "default") == ""
    missing = work("workspace", "select", "prd")
    assert missing.code == 1
    assert "-or-create" in told(missing)
    work.ok("workspace", "select", "-or-create", "prod")
    assert work.ok("workspace", "show") == "prod\n"
    assert "  default\n  dev\n* prod\n" in work.ok("workspace", "list")
    assert "No changes" not in work.ok("plan")


def test_deleting_is_refused_while_something_would_be_forgotten(work):
    """The default, the active, a missing and a non-empty one."""
    work.ok("workspace", "new", "dev")
    work.ok("apply", "-auto-approve")
    assert "Cannot delete the active workspace" in told(work("workspace", "delete", "dev"))
    work.ok("workspace", "select", "default")
    assert "Cannot delete the default" in told(work("workspace", "delete", "default"))
    assert "Workspace does not exist" in told(work("workspace", "delete", "other"))
    refused = work("workspace", "delete", "dev")
    assert refused.code == 1
    assert "- perimeter_data.a" in told(refused)
    assert "perimeter workspace delete -force dev" in told(refused)
    done = work.ok("workspace", "delete", "-force", "dev")
    assert 'Deleted workspace "dev"!' in done
    assert 'WARNING: "dev" was non-empty.' in done
    assert work.ok("workspace", "list") == "* default\n\n"
    work.ok("workspace", "new", "dev")
    assert work.ok("state", "list") == ""
    work.ok("workspace", "select", "default")
    assert "WARNING" not in work.ok("workspace", "delete", "dev")


def test_the_environment_goes_before_the_selection(work, monkeypatch):
    """And nothing else can be selected meanwhile."""
    work.ok("workspace", "new", "dev")
    monkeypatch.setenv("PERIMETER_WORKSPACE", "ci")
    assert work.ok("workspace", "show") == "ci\n"
    assert "overridden using the PERIMETER_WORKSPACE" in told(work("workspace", "list"))
    for command in (["new", "x"], ["select", "default"]):
        result = work("workspace", *command)
        assert result.code == 1
        assert "PERIMETER_WORKSPACE" in told(result)
    work.ok("apply", "-auto-approve")
    assert work.ok("output", "-raw", "where") == "ci"
    monkeypatch.delenv("PERIMETER_WORKSPACE")
    assert work.ok("workspace", "show") == "dev\n"
    assert "  ci\n" in work.ok("workspace", "list")


def test_locks_and_journals_are_apart(work):
    """A run in one workspace does not keep one in another waiting."""
    from perimeter.state.lockinfo import new_lock_info

    work.ok("workspace", "new", "dev")
    backend = work.place.open("default")
    with backend.lock(new_lock_info("OperationTypeApply", "x")):
        work.ok("apply", "-auto-approve")
        work.ok("workspace", "select", "default")
        assert "Error acquiring the state lock" in told(work("apply", "-auto-approve"))
    work.ok("apply", "-auto-approve")


def test_all_workspaces_migrate_together(work, monkeypatch):
    """To the directory, each with its own state."""
    work.ok("apply", "-auto-approve")
    work.ok("workspace", "new", "dev")
    work.ok("apply", "-auto-approve")
    work.write(
        CONFIG
        + 'perimeter {\n  backend "local" {\n    path = "moved.json"\n    workspace_dir = "moved.d"\n  }\n}\n'
    )
    if work.place.kind == "pg":
        assert "Set PERIMETER_PG_CONN_STR" in told(work("init", "-migrate-state"))
        monkeypatch.setenv("PERIMETER_PG_CONN_STR", work.place.settings["conn_str"])
    asked = work("init", "-migrate-state", typed="yes\n")
    assert asked.code == 0, asked
    assert "Do you want to migrate all workspaces" in asked.out
    assert work.ok("output", "-raw", "where") == "dev"
    assert "No changes" in work.ok("plan")
    work.ok("workspace", "select", "default")
    assert work.ok("output", "-raw", "where") == "default"
    assert (work.directory / "moved.d" / "dev" / "perimeter.state.json").exists()


def test_a_plan_is_applied_in_its_own_workspace_only(work):
    """Though both are empty."""
    work.ok("plan", "-out=p")
    work.ok("workspace", "new", "dev")
    result = work("apply", "p")
    assert result.code == 1
    assert "another workspace" in told(result)
    work.ok("workspace", "select", "default")
    work.ok("apply", "p")
    assert work.ok("output", "-raw", "where") == "default"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ä", "x" * 91, ".hidden", "a\nb"])
def test_names_that_would_not_fit_into_paths_are_refused(cli, monkeypatch, name):
    """By command, environment and file alike."""
    cli.write(CONFIG)
    for command in ("new", "select", "delete"):
        result = cli("workspace", command, name)
        assert result.code == 1
        assert "Invalid workspace name" in told(result)
    if name:
        monkeypatch.setenv("PERIMETER_WORKSPACE", name)
        assert "Invalid workspace name" in told(cli("plan"))


def test_where_there_are_no_workspaces_it_is_said(cli, servers):
    """The HTTP protocol has one state for an address."""
    place = servers.place("http")
    arguments = "".join(f"    {name} = {json.dumps(v)}\n" for name, v in place.settings.items())
    cli.write(f'{CONFIG}perimeter {{\n  backend "http" {{\n{arguments}  }}\n}}\n')
    cli.ok("init")
    assert cli.ok("workspace", "list") == "* default\n\n"
    refused = cli("workspace", "new", "dev")
    assert refused.code == 1
    assert "Workspaces not supported" in told(refused)
    assert cli.ok("workspace", "show") == "default\n"


def test_an_encrypted_state_does_not_open_in_another_workspace(cli, monkeypatch):
    """The name is bound into what is written."""
    monkeypatch.setenv("PERIMETER_VAR_key", "a-passphrase-of-some-length")
    cli.write(
        CONFIG
        + 'variable "key" {\n  sensitive = true\n}\nperimeter {\n  encryption {\n    passphrase = var.key\n  }\n}\n'
    )
    cli.ok("apply", "-auto-approve")
    cli.ok("workspace", "new", "dev")
    cli.ok("apply", "-auto-approve")
    folder = cli.directory / "perimeter.state.d" / "dev"
    (folder / "perimeter.state.json").write_bytes(
        (cli.directory / "perimeter.state.json").read_bytes()
    )
    result = cli("plan")
    assert result.code == 1
    assert "workspace" in told(result)
