"""Backends by the command line: initialized, remembered, changed, migrated."""

import json
import sys

import pytest

from tests.servers.backends import Unavailable
from tests.servers.http_state import http_state_server

CONFIG = """
resource "perimeter_data" "a" {
  input = perimeter.workspace
}
"""
SECRET = "backend-canary-password"


def block(kind, settings):
    arguments = "".join(f"    {name} = {json.dumps(item)}\n" for name, item in settings.items())
    return f'perimeter {{\n  backend "{kind}" {{\n{arguments}  }}\n}}\n'


def told(result):
    return " ".join((result.out + result.err).split())


@pytest.fixture
def http():
    with http_state_server(user=f"me:{SECRET}") as server:
        yield server


@pytest.fixture
def remote(servers, request, monkeypatch):
    """A place on a real server of the kind that a test asks for."""
    try:
        place = servers.place(request.param)
    except Unavailable as problem:
        pytest.skip(str(problem))
    for name, item in place.environment.items():
        monkeypatch.setenv(name, item)
    return place


ALL = pytest.mark.parametrize("remote", ["s3", "gcs", "azurerm", "pg", "http"], indirect=True)


@ALL
def test_every_kind_plans_applies_and_shows(cli, remote):
    """Nothing is left in the directory but what init remembers."""
    cli.write(CONFIG + block(remote.kind, remote.settings))
    needed = cli("plan")
    assert needed.code == 1
    assert 'Backend initialization required, please run "perimeter init"' in told(needed)
    assert f'Successfully configured the backend "{remote.kind}"!' in told(cli("init"))
    cli.ok("apply", "-auto-approve")
    assert "perimeter_data.a" in cli.ok("state", "list")
    assert "No changes" in cli.ok("plan")
    cli.ok("destroy", "-auto-approve")
    assert cli.ok("state", "list") == ""
    assert not list(cli.directory.glob("perimeter.state*"))


@ALL
def test_a_local_state_moves_to_every_kind_with_all_that_belongs_to_it(cli, remote):
    """Serial, journal, evidence and earlier versions; the old file stays."""
    cli.write(CONFIG)
    cli.ok("apply", "-auto-approve")
    cli.write(CONFIG + 'output "x" {\n  value = 1\n}\n')
    cli.ok("apply", "-auto-approve")
    before = json.loads(cli.ok("state", "pull"))
    evidence = cli.directory.joinpath("perimeter.state.json.evidence.jsonl").read_bytes()
    cli.write(CONFIG + 'output "x" {\n  value = 1\n}\n' + block(remote.kind, remote.settings))
    refused = cli("init", "-input=false")
    assert "-migrate-state -force-copy" in told(refused)
    assert "Backend initialization required" in told(cli("plan"))
    asked = cli("init", typed="yes\n")
    assert asked.code == 0, asked
    assert "Do you want to copy existing state to the new backend?" in asked.out
    assert json.loads(cli.ok("state", "pull")) == before
    assert "No changes" in cli.ok("plan")
    backend = remote.open()
    assert b"".join(backend.evidence_lines()) == evidence
    if remote.kind != "http":
        assert [item.serial for item in backend.versions()] == [2, 1]
    assert cli.directory.joinpath("perimeter.state.json").exists()


def test_who_declines_starts_with_an_empty_state(cli, http):
    """As in Terraform; the old one stays."""
    cli.write(CONFIG)
    cli.ok("apply", "-auto-approve")
    settings = {**http.settings("s"), "username": "me", "password": SECRET}
    cli.write(CONFIG + block("http", settings))
    assert cli("init", typed="no\n").code == 0
    assert cli.ok("state", "list") == ""
    assert cli.directory.joinpath("perimeter.state.json").exists()


def test_partial_configuration_and_what_is_remembered(cli, http, monkeypatch):
    """Arguments by flag and file; secrets are kept nowhere and asked for again."""
    cli.write(CONFIG + 'perimeter {\n  backend "http" {}\n}\n')
    settings = http.settings("s")
    assert 'The argument "address" is required' in told(cli("init"))
    cli.write("\n".join(f'{name} = "{item}"' for name, item in settings.items()), name="some.conf")
    arguments = ["-backend-config=some.conf", "-backend-config=username=me"]
    cli.ok("init", *arguments, "-backend-config=retry_max=1", f"-backend-config=password={SECRET}")
    memory = cli.directory / ".perimeter" / "backend.json"
    kept = json.loads(memory.read_text())
    assert kept["settings"] == {**settings, "username": "me", "retry_max": 1}
    assert kept["withheld"] == ["password"]
    for path in cli.directory.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()
    missing = cli("plan")
    assert "Secret of the backend is missing" in told(missing)
    assert "PERIMETER_HTTP_PASSWORD" in told(missing)
    monkeypatch.setenv("PERIMETER_HTTP_PASSWORD", SECRET)
    cli.ok("apply", "-auto-approve")
    assert http.slot("s").versions
    cli.ok("init")  # what was given before is given still
    assert "perimeter_data.a" in cli.ok("state", "list")


def test_a_changed_backend_has_to_be_settled(cli, http, monkeypatch):
    """Neither a new place is used, nor the old one left, without a word."""
    monkeypatch.setenv("PERIMETER_HTTP_PASSWORD", SECRET)
    one = {**http.settings("one"), "username": "me"}
    two = {**http.settings("two"), "username": "me"}
    cli.write(CONFIG + block("http", one))
    cli.ok("init")
    cli.ok("apply", "-auto-approve")
    cli.write(CONFIG + block("http", two))
    for command in (["plan"], ["state", "list"], ["output"]):
        result = cli(*command)
        assert 'Backend configuration changed for "http"' in told(result), command
    refused = cli("init")
    assert refused.code == 1
    assert "-migrate-state" in told(refused)
    assert "-reconfigure" in told(refused)
    assert "mutually-exclusive" in told(cli("init", "-migrate-state", "-reconfigure"))
    cli.ok("init", "-reconfigure")
    assert cli.ok("state", "list") == ""
    cli.write(CONFIG + block("http", one))
    cli.ok("init", "-reconfigure")
    cli.write(CONFIG + block("http", two))
    aborted = cli("init", "-migrate-state", typed="no\n")
    assert "Migration aborted by user" in told(aborted)
    cli.ok("init", "-migrate-state", "-force-copy")
    assert "perimeter_data.a" in cli.ok("state", "list")
    assert http.slot("two").versions
    cli.write(CONFIG)
    assert 'Unsetting the previously set backend "http"' in told(cli("plan"))
    cli.ok("init", "-migrate-state", "-force-copy")
    assert "perimeter_data.a" in cli.ok("state", "list")
    assert cli.directory.joinpath("perimeter.state.json").exists()
    assert "No changes" in cli.ok("plan")
    cli.write(CONFIG + block("http", one))
    assert 'Backend type changed from "local" to "http"' in told(cli("plan"))


def test_a_place_that_holds_another_state_is_not_overwritten(cli, http, monkeypatch):
    """Not even by -force-copy."""
    monkeypatch.setenv("PERIMETER_HTTP_PASSWORD", SECRET)
    there = {**http.settings("s"), "username": "me"}
    cli.write(CONFIG + block("http", there))
    cli.ok("init")
    cli.ok("apply", "-auto-approve")
    held = http.slot("s").body
    (cli.directory / ".perimeter" / "backend.json").unlink()
    cli.write(CONFIG)
    cli.ok("apply", "-auto-approve")
    cli.write(CONFIG + block("http", there))
    refused = cli("init", "-migrate-state", "-force-copy")
    assert "Another state is there already" in told(refused)
    assert "init -reconfigure" in told(refused)
    assert http.slot("s").body == held
    assert http.slot("s").holder is None


def test_init_can_leave_the_backend_alone(cli, http):
    """-backend=false neither needs nor remembers it."""
    cli.write(CONFIG + block("http", {"address": "http://127.0.0.1:1/"}))
    cli.ok("init", "-backend=false")
    assert not (cli.directory / ".perimeter" / "backend.json").exists()
    cli.ok("validate")


@pytest.mark.parametrize(
    ("body", "says", "line"),
    [
        ('backend "htp" {}', 'Did you mean "http"?', 'backend "htp"'),
        ('backend "http" {\n adress = "x"\n}', 'Did you mean "address"?', "adress"),
        ('backend "http" {\n username = "x"\n}', 'The argument "address" is required', "backend"),
        ('backend "http" {\n address = ["x"]\n}', "must be a string", '["x"]'),
        ('backend "http" {\n address = "ftp://x"\n}', "must be an http or https URL", "ftp://x"),
        (
            'backend "http" {\n address = "http://u:pw12@h/"\n}',
            "may not hold credentials",
            "address",
        ),
        (
            'backend "http" {\n address = "http://h"\n retry_max = 1.5\n}',
            "must be a whole number",
            "1.5",
        ),
        ('backend "http" {\n address = "http://h"\n retry_max = -1\n}', "zero or more", "-1"),
        ('backend "http" {\n address = "http://h"\n tls {}\n}', "takes arguments only", "tls"),
        (
            'backend "http" {\n address = var.secret\n}',
            "Backend argument is sensitive",
            "var.secret",
        ),
        (
            'backend "http" {\n address = perimeter_data.a.id\n}',
            "not available early",
            "perimeter_data",
        ),
        ('backend "pg" {\n conn_str = "postgresql://[x"\n}', "Invalid conn_str", "conn_str"),
    ],
)
def test_mistakes_are_shown_where_they_stand(cli, body, says, line):
    """With the line, and what to write instead."""
    cli.write(
        'variable "secret" {\n  default   = "http://h"\n  sensitive = true\n}\n'
        + CONFIG
        + f"perimeter {{\n{body}\n}}\n"
    )
    result = cli("init")
    assert result.code == 1
    assert says in told(result), result
    assert "main.hcl line" in told(result), result
    assert line in result.err
    assert "pw12" not in result.err


def test_variables_and_locals_may_take_part(cli, http, monkeypatch):
    """A sensitive one in a secret argument; another value is another place."""
    cli.write(
        CONFIG
        + """
variable "env" {
  default = "dev"
}
variable "password" {
  sensitive = true
}
locals {
  address = "URL/state/${var.env}"
}
perimeter {
  backend "http" {
    address      = local.address
    lock_address = local.address
    username     = "me"
    password     = var.password
  }
}
""".replace("URL", http.url)
    )
    monkeypatch.setenv("PERIMETER_VAR_password", SECRET)
    cli.ok("init")
    cli.ok("apply", "-auto-approve")
    assert http.slot("dev").versions
    assert "Backend configuration changed" in told(cli("plan", "-var=env=prod"))
    cli.ok("init", "-reconfigure", "-var=env=prod")
    cli.ok("apply", "-auto-approve", "-var=env=prod")
    assert http.slot("prod").versions
    for path in cli.directory.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("-backend-config=nosuch.conf", "Backend configuration file not readable"),
        ("-backend-config=nosuch=1", 'takes no argument named "nosuch"'),
        ("-backend-config=retry_max=many", "must be a whole number"),
        ("-backend-config=bad.conf", "holds arguments only"),
        ("-backend-config=skip_cert_verification=perhaps", "must be true or false"),
        ("-backend-config=headers={", "Missing expression"),
    ],
)
def test_mistakes_in_backend_config_flags(cli, option, says):
    """Named, and nothing is remembered."""
    cli.write("x {}\n", name="bad.conf")
    cli.write(CONFIG + block("http", {"address": "http://127.0.0.1:1/"}))
    result = cli("init", option)
    assert result.code == 1
    assert says in told(result), result
    assert not (cli.directory / ".perimeter" / "backend.json").exists()


def test_damaged_memory_says_how_to_write_it_anew(cli, http, monkeypatch):
    """Whatever somebody did to the file."""
    monkeypatch.setenv("PERIMETER_HTTP_PASSWORD", SECRET)
    cli.write(CONFIG + block("http", {**http.settings("s"), "username": "me"}))
    cli.ok("init")
    memory = cli.directory / ".perimeter" / "backend.json"
    for text in (
        "",
        "{}",
        "[1",
        '{"format": "perimeter backend", "format_version": 9, "type": "x"}',
    ):
        memory.write_text(text)
        result = cli("plan")
        assert result.code == 1
        assert "init -reconfigure" in told(result)
    cli.ok("init", "-reconfigure")
    cli.ok("plan")


def test_a_plain_local_backend_needs_no_init(cli):
    """Nor does another path by another variable; a migration is offered where something would be left."""
    text = (
        CONFIG
        + 'variable "p" {\n  default = "a"\n}\nperimeter {\n  backend "local" {\n    path = "${var.p}.json"\n  }\n}\n'
    )
    cli.write(text)
    cli.ok("apply", "-auto-approve")
    cli.ok("init")
    cli.ok("apply", "-auto-approve", "-var=p=b")
    assert (cli.directory / "a.json").exists()
    assert (cli.directory / "b.json").exists()
    assert "Backend configuration changed" in told(cli("init", "-var=p=c"))
    cli.ok("init", "-var=p=c", "-migrate-state", "-force-copy")
    assert "perimeter_data.a" in cli.ok("state", "list", "-state=c.json")


def test_a_connection_string_is_not_kept_yet_another_server_is_noticed(cli, monkeypatch):
    """It may be read by all, so it must not hold the connection string either."""
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "1")
    secret = f"postgresql://u:{SECRET}@127.0.0.1:1/db"
    cli.write(CONFIG + block("pg", {"conn_str": secret}))
    cli("init")
    memory = cli.directory / ".perimeter" / "backend.json"
    text = memory.read_text()
    assert SECRET not in text
    assert "127.0.0.1" in text  # so that another server is noticed
    cli.write(CONFIG + block("pg", {"conn_str": secret.replace("127.0.0.1", "127.0.0.2")}))
    result = cli("plan")
    assert "Backend configuration changed" in told(result)
    assert SECRET not in told(result)


def test_a_missing_driver_is_named_with_its_command(cli, monkeypatch):
    """By init, before anything is remembered."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    cli.write(CONFIG + block("pg", {"schema_name": "x"}))
    result = cli("init")
    assert result.code == 1
    assert 'pip install "perimeter-as-code[postgres]"' in told(result)
    assert not (cli.directory / ".perimeter" / "backend.json").exists()


def test_without_a_lock_the_way_out_is_printed(cli, http, monkeypatch):
    """And it works."""
    monkeypatch.setenv("PERIMETER_HTTP_PASSWORD", SECRET)
    settings = {"address": f"{http.url}/state/s", "username": "me"}
    cli.write(CONFIG + block("http", settings))
    cli.ok("init")
    refused = cli("apply", "-auto-approve")
    assert refused.code == 1
    assert "Backend has no lock" in told(refused)
    assert "-lock=false" in told(refused)
    cli.ok("apply", "-auto-approve", "-lock=false")
    assert "perimeter_data.a" in cli.ok("state", "list")


def test_a_lock_left_by_a_dead_run_is_removed_by_its_id(cli, http, monkeypatch):
    """The message has the command."""
    monkeypatch.setenv("PERIMETER_HTTP_PASSWORD", SECRET)
    cli.write(CONFIG + block("http", {**http.settings("s"), "username": "me"}))
    cli.ok("init")
    http.slot("s").holder = {"ID": "dead-1", "Who": "ci@gone", "Operation": "OperationTypeApply"}
    refused = cli("apply", "-auto-approve")
    assert refused.code == 1
    assert "ci@gone" in told(refused)
    assert "perimeter force-unlock dead-1" in told(refused)
    assert 'The lock\'s ID is not "other"' in told(cli("force-unlock", "-force", "other"))
    cli.ok("force-unlock", "-force", "dead-1")
    cli.ok("apply", "-auto-approve")
