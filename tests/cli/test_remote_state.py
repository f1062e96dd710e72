"""``data "perimeter_remote_state"``: what other states let everybody know."""

import json
from pathlib import Path

import pytest

SECRET = "canary-remote-output"
THERE = """
output "id" {
  value = "group-7"
}
output "members" {
  value = toset(["x", "y"])
}
output "token" {
  value     = "canary-remote-output"
  sensitive = true
}
"""
HERE = """
data "perimeter_remote_state" "there" {{
  backend = "local"
  config  = {{ path = "there.json" }}
  {}
}}
resource "perimeter_data" "a" {{
  input = data.perimeter_remote_state.there.outputs.{}
}}
"""


@pytest.fixture
def there(cli):
    """Another state, whose configuration is gone."""
    cli.write(THERE)
    cli.ok("apply", "-auto-approve", "-state=there.json")
    return cli


def test_outputs_are_values(there):
    """With the types that they had."""
    there.write(HERE.format("", "id"))
    assert '+ input  = "group-7"' in there.ok("plan")
    there.ok("apply", "-auto-approve")
    assert there.ok("state", "list").split() == ["perimeter_data.a"]
    there.write(
        HERE.format("", "members") + 'output "n" {\n  value = length(perimeter_data.a.input)\n}\n'
    )
    there.ok("apply", "-auto-approve")
    assert there.ok("output", "-raw", "n") == "2"


def test_a_sensitive_output_stays_sensitive(there):
    """It is shown to nobody, and an output of ours that holds it must say so."""
    there.write(HERE.format("", "token"))
    out = there.ok("plan")
    assert "(sensitive value)" in out
    assert SECRET not in out
    there.write(
        HERE.format("", "id")
        + 'output "o" {\n  value = data.perimeter_remote_state.there.outputs.token\n}\n'
    )
    assert "Output refers to sensitive values" in there("plan").err


def test_no_snapshot_or_plan_file_keeps_a_sensitive_output(there):
    """A saved plan reads it again when it is applied; a plan on a snapshot does not see it."""
    text = HERE.format("", "id") + (
        "locals {\n  length = length(data.perimeter_remote_state.there.outputs.token)\n}\n"
        'resource "perimeter_data" "n" {\n  input = nonsensitive(local.length)\n}\n'
    )
    there.write(text)
    there.ok("plan", "-out=x.plan")
    there.ok("observe", "-out=x.snapshot")
    for name in ("x.plan", "x.snapshot"):
        assert SECRET not in Path(name).read_text(encoding="utf-8")
    assert "group-7" in Path("x.snapshot").read_text(encoding="utf-8")
    result = there("plan", "-snapshot=x.snapshot")
    assert result.code == 0
    assert "perimeter_data.n: an argument is not visible" in result.out
    assert "perimeter_data.n will be created" not in result.out
    there.ok("apply", "x.plan")
    state = json.loads(there.ok("show", "-json"))
    values = [item["values"] for item in state["values"]["root_module"]["resources"]]
    assert {item["input"] for item in values} == {"group-7", len(SECRET)}


def test_a_saved_plan_is_stale_when_what_it_read_is_another(there):
    """Never silently applied with another value."""
    there.write(HERE.format("", "id"))
    there.ok("plan", "-out=x.plan")
    here = Path("main.hcl").read_text(encoding="utf-8")
    there.write(THERE.replace("group-7", "group-8"))
    there.ok("apply", "-auto-approve", "-state=there.json")
    there.write(here)
    result = there("apply", "x.plan")
    assert (result.code, "stale" in result.err) == (1, True)


def test_defaults_stand_in_for_outputs_that_are_missing(there):
    """Not for those that are there."""
    there.write(HERE.format('defaults = { id = "none", other = "mine" }', "other"))
    assert '+ input  = "mine"' in there.ok("plan")
    there.write(HERE.format('defaults = { id = "none", other = "mine" }', "id"))
    assert '+ input  = "group-7"' in there.ok("plan")


def test_another_workspace(there):
    """Local workspaces lie in their directory."""
    folder = Path("perimeter.state.d/dev")
    folder.mkdir(parents=True)
    Path("there.json").rename(folder / "perimeter.state.json")
    there.write(HERE.format('workspace = "dev"', "id"))
    assert '+ input  = "group-7"' in there.ok("plan")


def test_arguments_may_be_known_late(there):
    """Then it is read while applying."""
    there.write(
        HERE.format("", "id").replace('"there.json"', "perimeter_data.path.output")
        + 'resource "perimeter_data" "path" {\n  input = "there.json"\n}\n'
    )
    assert "config refers to values not yet known" in there.ok("plan")
    there.ok("apply", "-auto-approve")
    assert 'input  = "group-7"' in there.ok("state", "show", "perimeter_data.a")
    assert "No changes." in there.ok("plan")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"there.json"', '"nowhere.json"', "Unable to find remote state"),
        ('"local"', '"locl"', 'Did you mean "local"?'),
        ("path =", "pth =", 'Did you mean "path"?'),
        ('backend = "local"', "", "backend"),
    ],
)
def test_what_cannot_be_read(there, old, new, words):
    """It says what is wrong."""
    there.write(HERE.format("", "id").replace(old, new))
    result = there("plan")
    assert (result.code, words in result.err) == (1, True), result


def test_a_damaged_state_is_no_empty_one(there):
    """Nor is one that a newer perimeter wrote."""
    Path("there.json").write_text("{", encoding="utf-8")
    there.write(HERE.format("", "id"))
    result = there("plan")
    assert (result.code, "Remote state cannot be read" in result.err) == (1, True)
    assert "Truncated state" in result.err


def test_an_encrypted_state_is_read_with_our_keys(there, monkeypatch):
    """The directory's own keys open it."""
    monkeypatch.setenv("PERIMETER_ENCRYPTION", 'passphrase = "correct horse battery staple"')
    there.write(THERE)
    there.ok("apply", "-auto-approve", "-state=sealed.json")
    assert b"group-7" not in Path("sealed.json").read_bytes()
    there.write(HERE.format("", "id").replace("there.json", "sealed.json"))
    assert '+ input  = "group-7"' in there.ok("plan")
