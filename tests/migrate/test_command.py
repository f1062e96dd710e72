"""``perimeter migrate terraform`` and what it says when it cannot."""

import json

import pytest

from tests.migrate.states import resource, state

GROUP = 'resource "okta_group" "staff" {\n  name = "Staff"\n}\n'


@pytest.mark.parametrize(
    "text",
    ['resource "okta_group" "g" {', "a = [1,\nb = }", 'x = "open', "\x00", "= 1", "a = 1 2"],
)
def test_broken_configuration_gets_a_diagnostic(cli, text):
    """With the place, and nothing is written."""
    cli.write(GROUP, "tf/fine.tf")
    cli.write(text, "tf/broken.tf")
    result = cli("migrate", "terraform", "-out=out", "tf")
    assert result.code == 1
    assert "Invalid Terraform configuration" in result.err
    assert "broken.tf line" in result.err
    assert "Traceback" not in result.err
    assert not (cli.directory / "out").exists()


def test_deep_nesting_gets_a_diagnostic(cli):
    """Or is read; it never breaks the command."""
    cli.write(f"locals {{\n  a = {'[' * 3000}{']' * 3000}\n}}\n", "tf/main.tf")
    result = cli("migrate", "terraform", "-out=out", "tf")
    assert result.code in (0, 1)
    assert "Traceback" not in result.err
    assert "crash" not in result.err.lower()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "is no JSON object"),
        (state(version=3), "has version 3"),
        (json.dumps({"encrypted_data": "x"}), "is encrypted"),
        (json.dumps({"version": 4, "resources": [1]}), "does not have the form"),
        (json.dumps({"version": 4, "resources": [{"mode": "managed"}]}), None),
        (json.dumps({"version": 4, "resources": [{"instances": [{}]}]}), "does not have the form"),
    ],
)
def test_a_state_that_cannot_be_read(cli, text, words):
    """Says what to give instead."""
    cli.write(GROUP, "tf/main.tf")
    cli.write(text, "tf/terraform.tfstate")
    result = cli("migrate", "terraform", "-out=out", "tf")
    if words is None:
        assert result.code == 0
    else:
        assert result.code == 1
        assert words in " ".join(result.err.split())
        assert "terraform state pull" in result.err


def test_nothing_is_overwritten(cli):
    """A second run into the same directory writes no file at all."""
    cli.write(GROUP, "tf/main.tf")
    cli.write(
        state(resource("okta_group", "staff", (None, {"id": "00g1"}))), "tf/terraform.tfstate"
    )
    cli.write("# mine\n", "imports.hcl")
    result = cli("migrate", "terraform", "tf")
    assert result.code == 1
    assert "Files exist already" in result.err
    assert not (cli.directory / "main.hcl").exists()
    assert (cli.directory / "imports.hcl").read_text() == "# mine\n"


def test_without_a_state_it_says_so(cli):
    """And translates."""
    cli.write(GROUP, "tf/main.tf")
    out = cli.ok("migrate", "terraform", "tf")
    assert "No state was given" in out
    assert (cli.directory / "main.hcl").read_text() == GROUP
    assert not (cli.directory / "imports.hcl").exists()


@pytest.mark.parametrize("name", ["override.tf", "more_override.tf", "more.tf.json"])
def test_files_that_are_left_out_are_named(cli, name):
    """Override files and JSON."""
    cli.write(GROUP, "tf/main.tf")
    cli.write("{}" if name.endswith("json") else "", f"tf/{name}")
    assert name in cli.ok("migrate", "terraform", "tf")


def test_there_must_be_something_to_translate(cli):
    """No directory, an empty one, and a module that is missing."""
    assert "Failed to read directory" in cli("migrate", "terraform", "nowhere").err
    (cli.directory / "empty").mkdir()
    assert "No Terraform configuration files" in cli("migrate", "terraform", "empty").err
    cli.write('module "m" {\n  source = "./m"\n}\n', "tf/main.tf")
    assert "Module not found" in cli("migrate", "terraform", "tf").err


def test_windows_line_ends_and_marks(cli):
    """Files as other editors leave them."""
    path = cli.directory / "tf" / "main.tf"
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbf" + GROUP.replace("\n", "\r\n").encode())
    cli.ok("migrate", "terraform", "tf")
    assert (cli.directory / "main.hcl").read_text() == GROUP


def test_it_does_not_touch_what_it_reads(cli):
    """The foreign directory is as it was."""
    cli.write(GROUP, "tf/main.tf")
    cli.ok("migrate", "terraform", "-out=out", "tf")
    assert [path.name for path in (cli.directory / "tf").iterdir()] == ["main.tf"]
