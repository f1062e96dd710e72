"""With encryption configured nothing that is written shows a value, and every command works as before."""

import base64
import json
import secrets
import time

import pytest

from tests.servers.http_state import http_state_server

PASS = "correct horse battery staple"
CONFIG = """
perimeter {
  encryption {
    passphrase = var.pass
  }
}
variable "pass" {
  type      = string
  ephemeral = true
}
variable "token" {
  default   = "canary-5f2c-token"
  sensitive = true
}
resource "perimeter_data" "a" {
  input = { shown = "canary-9d1e-shown", token = var.token }
}
output "o" {
  value     = var.token
  sensitive = true
}
"""
CANARIES = ("canary-5f2c-token", "canary-9d1e-shown", PASS)
STATE = "perimeter.state.json"


@pytest.fixture
def keyed(cli, monkeypatch):
    monkeypatch.setenv("PERIMETER_VAR_pass", PASS)
    cli.write(CONFIG)
    return cli


def on_disk(cli, needles=CANARIES):
    """Files that hold one of the texts, as it is or in a form that another encoding gives it."""
    found = set()
    for file in cli.directory.rglob("*"):
        if not file.is_file() or file.name == "main.hcl":
            continue
        data = file.read_bytes()
        for text in needles:
            forms = [text.encode(), json.dumps(text).strip('"').encode()]
            # base64 of a text depends on where in a group of three bytes it begins
            forms += [base64.b64encode(b" " * n + text.encode())[4:-4] for n in range(3)]
            found |= {(file.name, text) for form in forms if form in data}
    return found


def words(text):
    return " ".join(text.split())


def test_no_value_lies_anywhere_on_disk(keyed):
    keyed.ok("plan", "-out=p")
    keyed.ok("apply", "p")
    keyed.ok("apply", "-auto-approve", "-var=token=canary-5f2c-token-2")
    keyed.ok("observe", "-out=s")
    keyed.ok("state", "mv", "perimeter_data.a", "perimeter_data.b")
    assert on_disk(keyed) == set()


def test_a_killed_apply_leaves_an_encrypted_journal(keyed, monkeypatch):
    """The records, which outlive a run that was killed, show nothing either."""
    from perimeter.state.local import LocalBackend

    class KilledError(BaseException):
        pass

    def fail(*_):
        raise KilledError

    monkeypatch.setattr(LocalBackend, "write_state", fail)
    with pytest.raises(KilledError):
        keyed("apply", "-auto-approve")
    monkeypatch.undo()
    monkeypatch.chdir(keyed.directory)
    records = list((keyed.directory / f"{STATE}.journal").iterdir())
    assert records
    assert all(b'"AES-256-GCM"' in item.read_bytes() for item in records)
    assert on_disk(keyed) == set()


def test_commands_read_it_as_they_read_a_plain_one(keyed):
    keyed.ok("apply", "-auto-approve")
    assert "canary-5f2c-token" in keyed.ok("output", "-raw", "o")
    assert "perimeter_data.a" in keyed.ok("state", "list")
    assert "canary-9d1e-shown" in keyed.ok("state", "pull")
    assert json.loads(keyed.ok("state", "pull"))["format_version"] == 1
    assert "perimeter_data.a" in keyed.ok("show")
    keyed.ok("plan", "-out=p", "-var=token=canary-5f2c-third")
    assert "perimeter_data.a" in keyed.ok("show", "p")
    assert json.loads(keyed.ok("show", "-json", "p"))["resource_changes"]
    assert "perimeter_data.a" in keyed.ok("taint", "perimeter_data.a")
    assert keyed.ok("evidence", "verify")
    pulled = keyed.ok("state", "pull").replace('"serial": 1', '"serial": 1')
    (keyed.directory / "pulled").write_text(pulled)
    assert keyed("state", "push", "pulled").code == 0


def test_the_key_is_only_needed_where_a_file_is_read_or_written(keyed, monkeypatch):
    keyed.ok("apply", "-auto-approve")
    monkeypatch.delenv("PERIMETER_VAR_pass")
    keyed.ok("validate")
    keyed.ok("init")
    keyed.ok("providers", "schema", "-json")
    for command in (("state", "list"), ("output",), ("show",)):
        refused = keyed(*command)
        assert (refused.code, "No value for required variable" in refused.err) == (1, True)
    refused = keyed("plan", "-input=false")
    assert refused.code == 1


def test_the_wrong_passphrase_is_named_and_changes_nothing(keyed, monkeypatch):
    keyed.ok("apply", "-auto-approve")
    before = (keyed.directory / STATE).read_bytes()
    monkeypatch.setenv("PERIMETER_VAR_pass", "not the right passphrase")
    refused = keyed("apply", "-auto-approve")
    assert refused.code == 1
    assert "Wrong key for this state" in refused.err
    assert "serial 1" in words(refused.err)
    assert (keyed.directory / STATE).read_bytes() == before
    assert "not the right" not in refused.err + refused.out
    monkeypatch.setenv("PERIMETER_VAR_pass", "short")
    refused = keyed("state", "list")
    assert "Passphrase too short" in refused.err
    assert "main.hcl line 4" in refused.err


def test_a_key_in_the_environment_needs_no_file(cli, monkeypatch):
    """A pipeline sets one variable, and another with the key."""
    cli.write('resource "perimeter_data" "a" {\n  input = "canary-9d1e-shown"\n}\n')
    monkeypatch.setenv("PERIMETER_ENCRYPTION", 'environment = "STATE_KEY"')
    refused = cli("apply", "-auto-approve")
    assert "Encryption key is missing" in refused.err
    assert "STATE_KEY" in refused.err
    monkeypatch.setenv("STATE_KEY", base64.b64encode(secrets.token_bytes(32)).decode())
    cli.ok("apply", "-auto-approve")
    assert on_disk(cli) == set()
    assert "perimeter_data.a" in cli.ok("state", "list", f"-state={STATE}")
    monkeypatch.delenv("PERIMETER_ENCRYPTION")
    refused = cli("plan")
    assert "Encryption key needed for this state" in refused.err


@pytest.mark.parametrize(
    "text",
    [
        'passphrase = "hush-hush"',
        'passphrase = "hush-hush-hush-hush',
        'passphrase = "hush-hush-hush-hush" }',
        'passphrase = "hush-hush-hush-hush"\nenvironment = "X"',
        "passphrase = hush-hush-hush-hush",
        'pass = "hush-hush-hush-hush"',
        'passphrase "hush-hush-hush-hush" {}',
        'key_provider "passphrase" "m" {\n  passphrase = ["hush-hush-hush-hush"]\n}',
    ],
)
def test_a_mistake_in_the_environment_shows_no_passphrase(cli, monkeypatch, text):
    monkeypatch.setenv("PERIMETER_ENCRYPTION", text)
    cli.write('resource "perimeter_data" "a" {}\n')
    refused = cli("apply", "-auto-approve")
    assert refused.code == 1
    assert "hush-hush" not in refused.out + refused.err


def test_encryption_is_introduced_with_a_fallback_and_a_rekey(cli, monkeypatch):
    plain = CONFIG.replace("passphrase = var.pass", "passphrase = var.pass\n    fallback {}")
    cli.write(CONFIG.partition('variable "pass"')[2].partition("}\n")[2])
    cli.ok("apply", "-auto-approve")
    monkeypatch.setenv("PERIMETER_VAR_pass", PASS)
    cli.write(CONFIG)
    refused = cli("plan")
    assert "State is not encrypted" in refused.err
    assert "fallback {}" in words(refused.err)
    cli.write(plain)
    serial = json.loads(cli.ok("state", "pull"))["content"]["serial"]
    out = cli.ok("state", "rekey")
    assert 'passphrase "main"' in out
    cli.write(CONFIG)
    assert json.loads(cli.ok("state", "pull"))["content"]["serial"] == serial
    assert on_disk(cli) == set()
    assert "already" in cli.ok("state", "rekey")
    cli.ok("apply", "-auto-approve")


def test_a_passphrase_is_exchanged_without_a_gap(keyed, monkeypatch):
    keyed.ok("apply", "-auto-approve")
    monkeypatch.setenv("PERIMETER_VAR_old", PASS)
    monkeypatch.setenv("PERIMETER_VAR_pass", "a new and longer passphrase")
    both = CONFIG.replace(
        "passphrase = var.pass", "passphrase = var.pass\n    fallback { passphrase = var.old }"
    )
    keyed.write(both + 'variable "old" {\n  type      = string\n  ephemeral = true\n}\n')
    keyed.ok("plan")
    keyed.ok("state", "rekey")
    keyed.write(CONFIG)
    keyed.ok("plan")
    monkeypatch.setenv("PERIMETER_VAR_pass", PASS)
    assert "Wrong key" in keyed("plan").err


def test_a_plan_and_a_snapshot_need_the_key_too(keyed, monkeypatch):
    keyed.ok("plan", "-out=p")
    keyed.ok("observe", "-out=s")
    keyed.ok("plan", "-snapshot=s")
    monkeypatch.setenv("PERIMETER_VAR_pass", "not the right passphrase")
    assert "Wrong key for this plan" in keyed("apply", "p").err
    assert "Wrong key for this plan" in keyed("show", "p").err
    assert "Wrong key for this snapshot" in keyed("plan", "-snapshot=s").err
    monkeypatch.setenv("PERIMETER_VAR_pass", PASS)
    data = (keyed.directory / "p").read_text()
    (keyed.directory / "p").write_text(data.replace('"serial": 0', '"serial": 1'))
    assert "Checksum mismatch in plan" in keyed("show", "p").err


def test_no_warning_where_the_state_is_on_this_machine_alone(cli):
    cli.write('resource "perimeter_data" "a" {}\n')
    for command in (("apply", "-auto-approve"), ("plan", "-out=p"), ("observe", "-out=s")):
        result = cli(*command)
        assert "not encrypted" not in result.out + result.err


def test_an_encrypted_apply_of_a_thousand_is_not_noticeably_slower(cli, monkeypatch):
    """Both in one process, the plain one first; a derivation and a thousand digests are all it adds."""
    cli.write('resource "perimeter_data" "a" {\n  count = 1000\n  input = count.index\n}\n')
    took = []
    for text in ("", f'passphrase = "{PASS}"'):
        monkeypatch.setenv("PERIMETER_ENCRYPTION", text)
        for file in cli.directory.glob(f"{STATE}*"):
            if file.is_file():
                file.unlink()
        begun = time.perf_counter()
        cli.ok("apply", "-auto-approve")
        took.append(time.perf_counter() - begun)
    assert took[1] < took[0] * 2 + 1.0, took


@pytest.mark.parametrize("key", ["", f'passphrase = "{PASS}"'])
def test_a_shared_state_that_is_plain_is_warned_of_once(cli, monkeypatch, key):
    with http_state_server() as server:
        monkeypatch.setenv("PERIMETER_ENCRYPTION", key)
        cli.write(
            'resource "perimeter_data" "a" {\n  input = "canary-9d1e-shown"\n}\n'
            'perimeter {\n  backend "http" {\n'
            + "".join(f'{name} = "{text}"\n' for name, text in server.settings("s").items())
            + "  }\n}\n"
        )
        cli.ok("init")
        for command in (
            ("apply", "-auto-approve"),
            ("plan", "-out=p"),
            ("observe", "-out=s"),
        ):
            result = cli(*command)
            assert result.code == 0, result
            told = words(result.out + result.err)
            assert told.count("State is not encrypted") == (0 if key else 1), command
        for command in (("plan",), ("apply", "-auto-approve", "-json"), ("state", "list")):
            assert "not encrypted" not in cli.ok(*command)
        kept = b"".join(slot.body for slot in server.slots.values())
        assert (b"canary-9d1e-shown" in kept) == (not key)


def test_states_of_two_workspaces_cannot_be_exchanged(keyed):
    keyed.ok("apply", "-auto-approve")
    keyed.ok("workspace", "new", "staging")
    keyed.ok("apply", "-auto-approve")
    theirs = keyed.directory / "perimeter.state.d" / "staging" / STATE
    theirs.write_bytes((keyed.directory / STATE).read_bytes())
    refused = keyed("plan")
    assert refused.code == 1
    assert "State of another workspace" in refused.err
