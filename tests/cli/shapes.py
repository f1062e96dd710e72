"""Configurations given to Terraform and perimeter alike, and how their JSON is compared."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SECONDS = re.compile(r"after \d+s")


@dataclass(frozen=True)
class Case:
    """Steps that follow each other on one state.

    Attributes:
        steps: of each step the files by name.
        options: of the plan, by step.
        fails: whether the last step is refused.
        before: what is done to the state between the steps, by step: addresses to taint.
    """

    steps: tuple
    options: dict = field(default_factory=dict)
    fails: bool = False
    taint: dict = field(default_factory=dict)


MODULE = """
variable "n" {
  type        = number
  description = "A number."
}
resource "terraform_data" "in" {
  input = var.n + 1
}
output "out" { value = terraform_data.in.output }
"""

CASES = {
    "create": Case(
        (
            """
variable "word" {
  type        = string
  default     = "w"
  description = "A word."
}
locals { x = "loc" }
resource "terraform_data" "a" {
  input = { w = var.word, l = [1, "b", null], x = local.x }
}
resource "terraform_data" "b" {
  input      = terraform_data.a.id
  depends_on = [terraform_data.a]
}
resource "terraform_data" "nothing" {}
output "o" { value = terraform_data.a.id }
output "k" {
  value       = { a = 1, b = [true, null], c = var.word }
  description = "K"
}
""",
        )
    ),
    "update": Case(
        (
            'resource "terraform_data" "a" { input = { a = 1, b = "x" } }\noutput "o" { value = terraform_data.a.output }',
            'resource "terraform_data" "a" { input = { a = 2, b = "x" } }\noutput "o" { value = terraform_data.a.output }',
        )
    ),
    "replace": Case(
        tuple(
            f"""
resource "terraform_data" "a" {{ triggers_replace = ["{value}"] }}
resource "terraform_data" "b" {{
  triggers_replace = "{value}"
  lifecycle {{
    create_before_destroy = true
  }}
}}
"""
            for value in ("x", "y")
        )
    ),
    "replace by request": Case(
        ('resource "terraform_data" "a" { input = 1 }\n',) * 2,
        options={1: ["-replace=terraform_data.a"]},
    ),
    "replace by triggers": Case(
        tuple(
            f"""
resource "terraform_data" "a" {{ input = {value} }}
resource "terraform_data" "b" {{
  input = "x"
  lifecycle {{
    replace_triggered_by = [terraform_data.a]
  }}
}}
"""
            for value in (1, 2)
        )
    ),
    "tainted": Case(
        ('resource "terraform_data" "a" { input = 1 }\n',) * 2, taint={1: ["terraform_data.a"]}
    ),
    "delete": Case(
        (
            """
resource "terraform_data" "gone" { input = "x" }
resource "terraform_data" "each" {
  for_each = toset(["x", "y"])
  input    = each.key
}
resource "terraform_data" "counted" {
  count = 2
  input = count.index
}
resource "terraform_data" "single" {}
output "gone" { value = "x" }
""",
            """
resource "terraform_data" "each" {
  for_each = toset(["x"])
  input    = each.key
}
resource "terraform_data" "counted" {
  count = 1
  input = count.index
}
resource "terraform_data" "single" {
  count = 1
}
""",
        )
    ),
    "moved": Case(
        (
            """
resource "terraform_data" "a" { input = 1 }
resource "terraform_data" "c" { input = 1 }
""",
            """
resource "terraform_data" "b" { input = 1 }
moved {
  from = terraform_data.a
  to   = terraform_data.b
}
resource "terraform_data" "d" { input = 2 }
moved {
  from = terraform_data.c
  to   = terraform_data.d
}
""",
        )
    ),
    "forgotten": Case(
        (
            'resource "terraform_data" "a" { input = 1 }\n',
            "removed {\n  from = terraform_data.a\n  lifecycle {\n    destroy = false\n  }\n}\n",
        )
    ),
    "sensitive": Case(
        (
            """
variable "hush" {
  sensitive = true
  default   = "hush-hush"
}
resource "terraform_data" "a" {
  input = { s = var.hush, o = "open", l = [var.hush, 1] }
}
resource "terraform_data" "whole" { input = var.hush }
output "s" {
  value     = var.hush
  sensitive = true
}
output "a" {
  value     = terraform_data.a.input
  sensitive = true
}
""",
        )
    ),
    "modules": Case(
        (
            {
                "main": """
module "m" {
  source   = "./m"
  for_each = { one = 1, two = 2 }
  n        = each.value
}
module "single" {
  source     = "./m"
  n          = length(module.m)
  depends_on = [module.m]
}
output "outs" { value = [for key, one in module.m : one.out] }
""",
                "m/main": MODULE,
            },
        )
    ),
    "for_each": Case(
        (
            """
variable "names" {
  type    = map(object({ size = number, tag = optional(string, "t") }))
  default = { a = { size = 1 }, "b c" = { size = 2, tag = "u" } }
}
resource "terraform_data" "each" {
  for_each = var.names
  input    = each.value
}
resource "terraform_data" "counted" {
  count = 2
  input = "${count.index}-${terraform_data.each["a"].input.tag}"
}
output "all" { value = { for k, v in terraform_data.each : k => v.id } }
output "splat" { value = terraform_data.counted[*].output }
""",
        )
    ),
    "checks": Case(
        (
            """
variable "n" {
  type    = number
  default = 3
  validation {
    condition     = var.n > 2
    error_message = "Too small."
  }
}
resource "terraform_data" "a" {
  input = var.n
  lifecycle {
    precondition {
      condition     = var.n < 10
      error_message = "Too large."
    }
    postcondition {
      condition     = self.input == var.n
      error_message = "Not the same."
    }
  }
}
check "known" {
  assert {
    condition     = var.n == 4
    error_message = "n is ${var.n}"
  }
}
check "later" {
  assert {
    condition     = terraform_data.a.id != ""
    error_message = "no id"
  }
}
output "o" {
  value = terraform_data.a.output
  precondition {
    condition     = var.n != 7
    error_message = "seven"
  }
}
""",
        )
    ),
    "destroyed": Case(
        (
            'resource "terraform_data" "a" { input = 1 }\noutput "o" { value = terraform_data.a.id }\n',
        )
        * 2,
        options={1: ["-destroy"]},
    ),
    "targeted": Case(
        (
            """
resource "terraform_data" "a" { input = 1 }
resource "terraform_data" "b" { input = 1 }
output "a" { value = terraform_data.a.input }
output "b" { value = terraform_data.b.input }
""",
        ),
        options={0: ["-target=terraform_data.a"]},
    ),
    "nothing to do": Case(
        ('resource "terraform_data" "a" { input = 1 }\noutput "o" { value = "x" }\n',) * 2
    ),
    "refresh only": Case(
        ('resource "terraform_data" "a" { input = 1 }\n',) * 2, options={1: ["-refresh-only"]}
    ),
    "wrong": Case(
        (
            'resource "terraform_data" "a" { input = var.nowhere }\noutput "x" { value = local.nothing }\n',
        ),
        fails=True,
    ),
    "wrong while planning": Case(
        (
            """
variable "n" { default = 1 }
resource "terraform_data" "a" {
  input = var.n
  lifecycle {
    precondition {
      condition     = var.n > 2
      error_message = "n is too small: ${var.n}"
    }
  }
}
""",
        ),
        fails=True,
    ),
}


class Terraform:
    """The real thing in a directory."""

    def __init__(self, directory):
        self.directory = directory

    def write(self, files):
        shutil.rmtree(self.directory / "m", ignore_errors=True)
        for name, text in named(files).items():
            path = self.directory / f"{name}.tf"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def __call__(self, *arguments):
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout


class Perimeter:
    """Ours in the test's directory."""

    def __init__(self, cli):
        self.cli = cli

    def write(self, files):
        for name, text in named(files).items():
            self.cli.write(text.replace("terraform_data", "perimeter_data"), f"{name}.hcl")

    def __call__(self, *arguments):
        words = [text.replace("terraform_data", "perimeter_data") for text in arguments]
        done = self.cli(*words)
        return done.code, done.out


def named(files):
    return files if isinstance(files, dict) else {"main": files}


def documents(tool, case):
    """Everything that a case makes a tool print as JSON, by what it is."""
    found = {}
    for number, files in enumerate(case.steps):
        tool.write(files)
        if number == 0:
            tool("init")
        for address in case.taint.get(number, ()):
            tool("taint", address)
        options = case.options.get(number, ())
        code, text = tool("validate", "-json")
        found[f"{number} validate"] = (code, json.loads(text))
        code, text = tool("plan", "-json", "-out=p", *options)
        found[f"{number} plan events"] = (code, lines(text))
        if code:
            continue
        code, text = tool("show", "-json", "p")
        found[f"{number} plan"] = (code, json.loads(text))
        code, text = tool("apply", "-json", "p")
        found[f"{number} apply events"] = (code, lines(text))
        code, text = tool("show", "-json")
        found[f"{number} state"] = (code, json.loads(text))
        code, text = tool("output", "-json")
        found[f"{number} outputs"] = (code, json.loads(text))
    return found


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def plain(data):
    """Names, identifiers and times made equal."""
    if isinstance(data, dict):
        return {plain(key): plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(item) for item in data]
    if not isinstance(data, str):
        return data
    text = data.replace("terraform.io/builtin/terraform", "perimeter").replace(
        "terraform", "perimeter"
    )
    text = text.replace("Terraform", "perimeter").replace(".tf", ".hcl")
    return _SECONDS.sub("after Ns", _TIME.sub("TIME", _ID.sub("ID", text)))


def differences(theirs, ours, path=""):
    """(path, theirs, ours) of every place where two documents differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in {**theirs, **ours}:
            yield from differences(
                theirs.get(key, MISSING), ours.get(key, MISSING), f"{path}.{key}"
            )
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for one, other in zip(theirs, ours, strict=True):
            yield from differences(one, other, f"{path}[]")
    elif theirs != ours or type(theirs) is not type(ours):
        yield path, theirs, ours


class _Missing:
    def __repr__(self):
        return "missing"


MISSING = _Missing()


def messages(found):
    """A stream in comparable order: neighbours of one kind by subject, and an apply's by subject as a whole.

    Terraform plans and applies in an order of its own, different from run to run.
    """
    runs = []
    for item in found:
        kind = item["type"].partition("_")[0]
        if not runs or runs[-1][0] != kind:
            runs.append((kind, []))
        runs[-1][1].append(item)
    return [item for _, members in runs for item in sorted(members, key=_subject)]


def _subject(item):
    about = item.get("hook") or item.get("change") or {}
    if "resource" in about:
        return about["resource"]["addr"]
    place = item.get("diagnostic", {}).get("range", {}).get("start", {})
    return f"{place.get('byte', 0):08d}"
