"""Every bad input gets a diagnostic that says where, what is wrong and what to do; exit 1; nothing changed; no traceback."""

import errno
import json
import time

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sandbox.server import Sandbox
from perimeter_github.sandbox.vendor import GitHub
from tests.providers.github.world import MEMBER, OWNER, seed

DATA = 'resource "perimeter_data" "a" {\n  input = "x"\n}\n'
WRONG_TYPE = """
provider "github" {
  organization = "acme"
}
resource "github_organization_webhook" "a" {
  url    = "https://x.example"
  active = "maybe"
}
"""
CONFIGURATIONS = {
    "several syntax errors": (
        'resource "perimeter_data" "a" {\n  input = = 1\n}\n\nvariable "x {\n}\n',
        ["Invalid expression", "on main.hcl line 2"],
    ),
    "unknown block": (
        'resuorce "perimeter_data" "a" {\n}\n',
        ["Unsupported block type", 'Did you mean "resource"?'],
    ),
    "unknown argument": (
        'resource "perimeter_data" "a" {\n  inptu = 1\n}\n',
        ["Unsupported argument", 'Did you mean "input"?', "on main.hcl line 2"],
    ),
    "unknown type": (
        'resource "perimeter_dta" "a" {\n}\n',
        ["Invalid resource type", 'Did you mean "perimeter_data"?'],
    ),
    "unknown provider": ('resource "githbu_x" "a" {\n}\n', ["githbu", 'Did you mean "github"?']),
    "wrong type": (
        WRONG_TYPE,
        ["active", "a bool is required", "on main.hcl line 7"],
    ),
    "cycle": ("locals {\n  a = local.b\n  b = local.a\n}\n", ["Cycle", "local.a", "local.b"]),
    "undeclared reference": (
        'variable "name" {\n  default = "x"\n}\noutput "o" {\n  value = var.nmae\n}\n',
        ["Reference to undeclared input variable", 'Did you mean "name"?', "on main.hcl line 5"],
    ),
    "undeclared resource": (
        DATA + 'output "o" {\n  value = perimeter_data.b.output\n}\n',
        ["Reference to undeclared resource", "perimeter_data"],
    ),
    "missing variable": (
        'variable "must" {\n  type = string\n}\n',
        ["No value for required variable", "must"],
    ),
    "unknown function": (
        "locals {\n  a = uper(1)\n}\n",
        ["Call to unknown function", 'Did you mean "upper"?'],
    ),
    "unsupported module source": ('module "m" {\n  source = "!!"\n}\n', ["source"]),
    "duplicate": (DATA + DATA, ["Duplicate resource", "main.hcl:1"]),
    "not UTF-8": (b"\xff\xfe\x00locals {", ["UTF-8"]),
    "nested too deeply": (
        "locals {\n  a = " + "(" * 20_000 + "1" + ")" * 20_000 + "\n}\n",
        ["nest"],
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configuration(cli, name):
    """What is wrong in the files, with line and suggestion; several at once where there are several."""
    text, words = CONFIGURATIONS[name]
    if isinstance(text, bytes):
        (cli.directory / "main.hcl").write_bytes(text)
    else:
        cli.write(text)
    result = cli("plan", "-input=false")
    refused(result, words)
    assert not (cli.directory / "perimeter.state.json").exists()


def refused(result, words):
    said = " ".join(result.err.split())
    assert result.code == 1, result
    for word in words:
        assert word in said, said
    assert "Error:" in said
    assert "Traceback" not in result.err + result.out


def test_several_errors_in_one_run(cli):
    """All that can be found."""
    cli.write(
        'variable "a" {\n  typ = string\n}\n\nlocals {\n  b = var.nope\n}\n\n'
        'output "o" {\n  value = local.nope\n}\n'
    )
    assert cli("validate").err.count("Error:") == 3
    cli.write(
        "".join(
            f'resource "perimeter_data" "{name}" {{\n  inptu = 1\n}}\n' for name in ("a", "b", "c")
        )
    )
    assert cli("validate").err.count("Error:") == 3


def test_a_missing_extra(cli, monkeypatch):
    """Names the command that installs it."""
    import builtins

    real = builtins.__import__

    def without(name, *rest, **more):
        if name.partition(".")[0] in ("boto3", "botocore"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])
        return real(name, *rest, **more)

    import sys

    for name in [n for n in sys.modules if n.partition(".")[0] in ("boto3", "botocore")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    cli.write('resource "aws_iam_user" "u" {\n  name = "u"\n}\n')
    refused(cli("plan"), ['pip install "perimeter-as-code[aws]"'])


@pytest.fixture
def github():
    content = seed()
    content["organizations"][0]["hooks"] = [
        {"url": f"https://old.example/{number}"} for number in range(250)
    ]
    with Sandbox({"github": GitHub(content, time.time)}) as sandbox:
        yield sandbox


HOOK = """
provider "github" {{
  organization = "acme"
  base_url     = "{url}"
}}

resource "github_organization_webhook" "h" {{
  url = "https://new.example"
}}
"""


def writes(sandbox):
    return [call for call in sandbox.calls.entries if call.committed]


def test_a_wrong_token(cli, github, monkeypatch):
    """It is refused, not taken for an empty tenant."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_wrong")
    cli.write(HOOK.format(url=github.url("github")))
    refused(cli("apply", "-auto-approve"), ["The credential was refused", 'with provider "github"'])
    assert not writes(github)


def test_no_token(cli, github, monkeypatch):
    """perimeter never reads anonymously."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    cli.write(HOOK.format(url=github.url("github")))
    refused(cli("plan"), ["There is no credential for GitHub", "GITHUB_TOKEN"])


def test_a_token_without_a_scope(cli, github, monkeypatch):
    """A plan that says what it cannot see, and plans nothing about it."""
    monkeypatch.setenv("GITHUB_TOKEN", MEMBER)
    cli.write(HOOK.format(url=github.url("github")))
    result = cli("plan")
    assert result.code == 0
    said = " ".join(result.out.split())
    assert "Not visible: github_organization_webhook" in said
    assert "github_organization_webhook.h" in said.partition("Not visible:")[2]
    assert "to add" not in said


def test_an_unreachable_host(cli, monkeypatch):
    """With what to check."""
    monkeypatch.setenv("GITHUB_TOKEN", OWNER)
    cli.write(HOOK.format(url="http://127.0.0.1:9"))
    refused(cli("plan"), ["cannot be reached", "Check the host"])


def test_a_failure_in_the_middle_of_paging(cli, github, monkeypatch):
    """A part of a list is no list."""
    monkeypatch.setenv("GITHUB_TOKEN", OWNER)
    cli.write(HOOK.format(url=github.url("github")))
    github.faults.add(Fault(kind="status", status=500, path="*/hooks", after=1, times=-1))
    refused(cli("apply", "-auto-approve"), ["Reading github_organization_webhook failed", "500"])
    assert not writes(github)
    assert not (cli.directory / "perimeter.state.json").exists()


STATES = {
    "empty": (b"", "Empty state"),
    "truncated": (b'{\n "format": "perimeter state",\n "form', "Truncated state"),
    "edited": (None, "Checksum mismatch in state"),
    "another tool's": (
        json.dumps({"version": 4, "terraform_version": "1.11.4"}).encode(),
        "Not a perimeter state",
    ),
    "no JSON": (b"hello", "Damaged state"),
    "newer": (None, "Newer state format"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_cannot_be_used(cli, name):
    """It is named, and stays as it is."""
    cli.write(DATA)
    cli.ok("apply", "-auto-approve")
    path = cli.directory / "perimeter.state.json"
    content, words = STATES[name]
    good = path.read_bytes()
    if name == "edited":
        content = good.replace(b'"x"', b'"y"')
    if name == "newer":
        content = good.replace(b'"format_version": 1', b'"format_version": 99')
    path.write_bytes(content)
    refused(cli("apply", "-auto-approve"), [words])
    assert path.read_bytes() == content


def test_a_full_disk_while_the_state_is_written(cli, monkeypatch):
    """The tenant was changed: the journal has it, and the next run takes it up."""
    cli.write(DATA)
    from pathlib import Path

    replace = Path.replace

    def full(self, target):
        if Path(target).name == "perimeter.state.json":
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    refused(
        cli("apply", "-auto-approve"),
        ["Could not write state", "The disk is full", "the journal holds what happened"],
    )
    monkeypatch.setattr(Path, "replace", replace)
    assert "No changes." in cli.ok("plan")
    cli.ok("apply", "-auto-approve")
    state = json.loads((cli.directory / "perimeter.state.json").read_bytes())
    assert "perimeter_data.a" in state["content"]["resources"]


@pytest.mark.parametrize("bad", ["", "not json", '{"format": "perimeter state"}'])
def test_a_snapshot_or_plan_that_cannot_be_used(cli, bad):
    """Each is named as what it is not."""
    cli.write(DATA)
    cli.write(bad, "x.file")
    refused(cli("plan", "-snapshot=x.file"), ["x.file"])
    refused(cli("apply", "x.file"), ["x.file"])
    refused(cli("show", "x.file"), ["x.file"])


def test_variable_files(cli):
    """Wrong syntax, blocks, unknown names, wrong types."""
    cli.write('variable "n" {\n  type = number\n}\n')
    for text, words in (
        ("n = ", ["Missing expression", "x.vars.hcl line 1"]),
        ("n = [1]", ["Invalid value for input variable", "number required"]),
        ('variable "n" {\n}\n', ["Blocks are not allowed here"]),
    ):
        cli.write(text, "x.vars.hcl")
        refused(cli("plan", "-var-file=x.vars.hcl"), words)
    refused(cli("plan", "-var-file=missing.vars.hcl"), ["missing.vars.hcl"])
    refused(cli("plan", "-var", "nope=1", "-var", "n=1"), ["undeclared", "nope"])
