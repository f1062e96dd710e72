"""The same configuration and tests under ``terraform test`` and ``perimeter test``: same words, same exit code."""

import os
import re
import shutil
import subprocess

import pytest

from tests.cli.conftest import Cli

MAIN = """
variable "name" {
  default = "x"
  validation {
    condition     = length(var.name) < 6
    error_message = "too long"
  }
}
resource "terraform_data" "a" {
  input = var.name
  lifecycle {
    postcondition {
      condition     = self.input != "bad"
      error_message = "bad input"
    }
  }
}
resource "terraform_data" "b" {
  count = 2
  input = terraform_data.a.output
}
output "o" { value = terraform_data.b[1].output }
output "p" {
  value = upper(var.name)
  precondition {
    condition     = var.name != "nope"
    error_message = "nope!"
  }
}
check "c" {
  assert {
    condition     = var.name != "odd"
    error_message = "odd"
  }
}
"""

FILES = {
    "passes": """
        run "applied" {
          assert {
            condition     = output.o == "x" && terraform_data.b[0].input == "x"
            error_message = "no"
          }
        }
        run "planned" {
          command = plan
          variables { name = "${run.applied.o}y" }
          assert {
            condition     = output.p == "XY" && terraform_data.a.input == "xy"
            error_message = "no"
          }
        }
        run "replaced" {
          command = plan
          plan_options { replace = [terraform_data.a] }
        }
    """,
    "unknown": """
        run "planned" {
          command = plan
          assert {
            condition     = output.o == "x"
            error_message = "no"
          }
        }
        run "skipped" {}
    """,
    "failing": """
        variables { name = "abc" }
        run "first" {
          assert {
            condition     = output.o == "x"
            error_message = "it is ${output.o}"
          }
          assert {
            condition     = length(output.p) > 5 && var.name != null
            error_message = "short"
          }
        }
        run "second" {}
    """,
    "expected": """
        run "variable" {
          command = plan
          variables { name = "much too long" }
          expect_failures = [var.name]
        }
        run "output" {
          command = plan
          variables { name = "nope" }
          expect_failures = [output.p]
        }
        run "resource" {
          command = plan
          variables { name = "bad" }
          expect_failures = [terraform_data.a]
        }
        run "check" {
          variables { name = "odd" }
          expect_failures = [check.c]
        }
        run "missing" {
          command         = plan
          expect_failures = [output.p]
        }
    """,
    "early": """
        run "resource" {
          variables { name = "bad" }
          expect_failures = [terraform_data.a]
        }
    """,
    "unexpected": """
        run "check" {
          variables { name = "odd" }
        }
        run "skipped" {}
    """,
    "references": """
        run "first" {
          assert {
            condition     = output.nope == 1
            error_message = "m"
          }
          assert {
            condition     = var.name
            error_message = "m"
          }
        }
    """,
    "overrides": """
        mock_provider "terraform" {
          mock_resource "terraform_data" {
            defaults = { output = "mocked" }
          }
        }
        override_resource {
          target          = terraform_data.a
          override_during = plan
          values          = { id = "over" }
        }
        run "planned" {
          command = plan
          assert {
            condition     = terraform_data.a.id == "over"
            error_message = "no"
          }
        }
        run "applied" {
          assert {
            condition     = output.o == "mocked" && terraform_data.a.output == null
            error_message = "no"
          }
          assert {
            condition     = length(terraform_data.b[0].id) == 8
            error_message = "no"
          }
        }
    """,
    "keyword": 'run "x" {\n  command = foo\n}\n',
    "duplicate": 'run "x" {\n}\nrun "x" {\n}\n',
}

TERRAFORM = shutil.which("terraform")


def ours(text):
    return re.sub(r"\bterraform(_data|\.m\b|\b(?=\"))", r"perimeter\1", text)


def words(text):
    """What both say: paragraphs joined, product and file names alike."""
    text = text.replace(".tftest.hcl", ".test.hcl").replace("main.tf", "main.hcl")
    text = text.replace("terraform_data", "perimeter_data").replace("Terraform", "perimeter")
    return " ".join(text.split())


def summaries(text):
    return re.findall(r"(?:Error|Warning): (.*)", text)


@pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")
@pytest.mark.parametrize("name", FILES)
def test_progress_exit_code_and_problems_are_terraforms(name, tmp_path, monkeypatch, capsys):
    theirs = tmp_path / "theirs"
    (theirs / "tests").mkdir(parents=True)
    (theirs / "main.tf").write_text(MAIN)
    (theirs / "tests" / "t.tftest.hcl").write_text(FILES[name])
    (tmp_path / "empty.tfrc").write_text("")
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(tmp_path / "empty.tfrc")}
    assert TERRAFORM is not None

    def terraform(*arguments):
        return subprocess.run(
            [TERRAFORM, *arguments],
            cwd=theirs,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    terraform("init", "-input=false")
    wanted = terraform("test", "-no-color")
    directory = tmp_path / "ours"
    directory.mkdir()
    monkeypatch.chdir(directory)
    cli = Cli(directory, monkeypatch, capsys)
    cli.write(ours(MAIN))
    cli.write(ours(FILES[name]), "tests/t.test.hcl")
    got = cli("test", "-no-color")
    assert got.code == wanted.returncode
    # Warnings are wrapped to other widths, and both write them to stdout.
    assert words(got.out) == words(wanted.stdout)
    assert sorted(summaries(got.err)) == sorted(summaries(wanted.stderr))
