"""``moved``, ``removed`` and ``check`` through Terraform and through perimeter: the plans must read the same."""

import json
import re
import shutil
import subprocess

import pytest

from tests.cli.test_side_by_side import changes, terraform

pytestmark = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="terraform is not installed"
)

FIRST = """
resource "terraform_data" "a" {
  input = "x"
}

resource "terraform_data" "c" {
  input = "x"
}

resource "terraform_data" "d" {
  input = "x"
}

resource "terraform_data" "k" {
  input = "x"
}
"""

SECOND = """
resource "terraform_data" "b" {
  input = "x"
}

resource "terraform_data" "c2" {
  input = "y"
}

resource "terraform_data" "k" {
  count = 1
  input = "x"
}

moved {
  from = terraform_data.a
  to   = terraform_data.b
}

moved {
  from = terraform_data.c
  to   = terraform_data.c2
}

removed {
  from = terraform_data.d
  lifecycle {
    destroy = false
  }
}
"""


class Both:
    """The two tools side by side."""

    def __init__(self, cli, directory):
        self.cli = cli
        self.theirs = directory / "terraform"
        self.theirs.mkdir()

    def write(self, text):
        (self.theirs / "main.tf").write_text(text)
        self.cli.write(text.replace("terraform_data", "perimeter_data"))

    def apply(self):
        terraform(self.theirs, "init")
        terraform(self.theirs, "apply", "-auto-approve")
        self.cli.ok("apply", "-auto-approve")

    def plans(self):
        return self.cli.ok("plan", "-out=p"), terraform(self.theirs, "plan", "-out=p")

    def json(self):
        ours = json.loads(
            self.cli.ok("show", "-json", "p").replace("perimeter_data", "terraform_data")
        )
        theirs = json.loads(
            subprocess.run(
                ["terraform", "show", "-json", "p"],
                cwd=self.theirs,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        return ours, theirs


@pytest.fixture
def both(cli, tmp_path):
    return Both(cli, tmp_path)


def worded(text):
    """Without the tools' names, and without line breaks inside sentences."""
    text = re.sub(r"\s+", " ", text.replace("Terraform", "perimeter"))
    return text.replace(" . resource", " . resource")


def test_moves_and_removals_read_the_same(both):
    """Text and JSON."""
    both.write(FIRST)
    both.apply()
    both.write(SECOND)
    ours, theirs = both.plans()
    # perimeter also counts what it forgets.
    expected = changes(theirs).replace("0 to destroy.", "0 to destroy, 1 to forget.")
    found, wanted = (worded(text.partition("Warning")[0]) for text in (changes(ours), expected))
    assert found == wanted
    one, other = both.json()

    def said(plan):
        return [
            (
                item["address"],
                item.get("previous_address"),
                item["change"]["actions"],
                item.get("action_reason"),
            )
            for item in plan["resource_changes"]
        ]

    assert said(one) == said(other)
    both.apply()
    assert "No changes." in both.cli.ok("plan")


CHECKS = """
resource "terraform_data" "x" {
  input = "x"
}

check "one" {
  assert {
    condition     = terraform_data.x.output == "y"
    error_message = "no output"
  }
  assert {
    condition     = terraform_data.x.input == "y"
    error_message = "no input"
  }
}

check "two" {
  assert {
    condition     = terraform_data.x.input == "x"
    error_message = "never"
  }
}
"""


def test_checks_read_the_same(both):
    """Their results in JSON, and how often each warning is given."""
    both.write(CHECKS)
    terraform(both.theirs, "init")
    ours, theirs = both.plans()
    for warning in ("assertion known after apply", "assertion failed"):
        assert ours.count(warning) == theirs.count(warning) == 1
    one, other = both.json()
    assert one["checks"] == other["checks"]
