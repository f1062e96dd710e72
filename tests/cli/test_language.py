"""The language for people and for tools: console, functions, graph, and files that a plan lists."""

import json
import os
import pty
import shutil
import subprocess
import sys

import pytest

from perimeter.lang.functions.docs import DOCS
from perimeter.lang.functions.table import FUNCTIONS

DATA = """\
variable "size" { type = number }
locals { names = fileset(path.module, "sub/*.txt") }
resource "perimeter_data" "a" { input = local.names }
resource "perimeter_data" "n" {
  count = 2
  input = count.index
}
output "o" { value = perimeter_data.a.output }
"""


def ask(cli, *expressions, arguments=()):
    typed = "".join(json.dumps({"expr": text}) + "\n" for text in expressions)
    return [
        json.loads(line)
        for line in cli.ok("console", "-json", *arguments, typed=typed).splitlines()
    ]


def test_each_line_is_answered_and_errors_do_not_end_the_run(cli):
    """Values, types, renderings; errors with summaries and details; lines that are no requests."""
    typed = '{"expr": "1 +"}\nnonsense\n\n[1]\n{"expr": 5}\n{"expr": "[1, \\"<é>\\"]"}\n{"expr": "\\ud800"}\n'
    out = cli.ok("console", "-json", typed=typed)
    answers = [json.loads(line) for line in out.splitlines()]
    assert [sorted(answer) for answer in answers[:4]] == [["error"]] * 4
    assert answers[0]["error"][0]["summary"] == "Missing expression"
    assert {item["error"][0]["summary"] for item in answers[1:4]} == {"Invalid request"}
    assert answers[4] == {
        "json": '[1,"\\u003cé\\u003e"]',
        "type": "tuple([ number, string, ])",
        "rendered": '[\n  1,\n  "<é>",\n]',
    }
    assert answers[5]["error"][0]["summary"] == "Invalid character"


def test_resources_are_what_state_holds(cli):
    """Unknown before the first apply, as in Terraform; afterwards what was applied."""
    cli.write(DATA)
    cli.write("x", "sub/b.txt")
    before = ask(cli, "perimeter_data.a", "perimeter_data.n[0].input", "var.size", "local.names")
    assert before[:3] == [
        {"type": "dynamic", "rendered": "(known after apply)"},
        {"type": "dynamic", "rendered": "(known after apply)"},
        {"type": "number", "rendered": "(known after apply)"},
    ]
    assert before[3]["json"] == '["sub/b.txt"]'
    cli.ok("apply", "-auto-approve", "-var=size=1")
    after = ask(
        cli, "perimeter_data.a.output", "perimeter_data.n[*].input", "var.size", "perimeter_data.a.x",
        arguments=["-var=size=3"],
    )  # fmt: skip
    assert [item.get("json") for item in after] == ['["sub/b.txt"]', "[0,1]", "3", None]
    assert after[3]["error"][0]["summary"] == "Unsupported attribute"


def test_a_plan_lists_files_through_its_needs(cli):
    """A file that comes later is seen by the next plan."""
    cli.write(DATA)
    cli.write("x", "sub/b.txt")
    cli.ok("apply", "-auto-approve", "-var=size=1")
    assert "No changes" in cli.ok("plan", "-var=size=1")
    cli.write("y", "sub/c.txt")
    assert '+ "sub/c.txt"' in cli.ok("plan", "-var=size=1")


def test_provider_functions(cli):
    """The builtin provider's three, their arity, and names that do not exist."""
    cli.write("")
    text = "a     = 1\nb_c   = [true, null]\nlonger = { x = 1 }\n"
    answers = ask(
        cli,
        f"provider::perimeter::decode_tfvars({json.dumps(text)})",
        'provider::perimeter::encode_tfvars({ a = 1, long = "x$${y}", c = { "d e" = [{}] } })',
        "provider::perimeter::encode_expr(toset([2, 1]))",
        "provider::perimeter::encode_expr()",
        'provider::perimeter::decode_tfvars("a = upper(1)")',
        'provider::perimeter::encode_tfvars({ "a b" = 1 })',
        "provider::perimeter::nope()",
        "provider::okta::nope()",
        "provider::perimeter::encode_expr(sensitive(1))",
    )
    assert json.loads(answers[0]["json"]) == {"a": 1, "b_c": [True, None], "longer": {"x": 1}}
    assert json.loads(answers[1]["json"]) == ('a = 1\nc = {\n  "d e" = [{}]\n}\nlong = "x$${y}"\n')
    assert answers[2]["json"] == '"[1, 2]"'
    assert [item["error"][0]["summary"] for item in answers[3:8]] == [
        "Not enough function arguments",
        "Error in function call",
        "Error in function call",
        "Unknown provider function",
        "Unknown provider function",
    ]
    assert answers[8]["rendered"] == "(sensitive value)"


def test_history_is_kept_in_a_terminal(cli):
    """What was typed is there the next time, and readable for its owner only."""
    pytest.importorskip("readline")
    master, slave = pty.openpty()
    command = [sys.executable, "-c", "from perimeter.cli.main import run; raise SystemExit(run())"]
    with subprocess.Popen(
        [*command, "console"], stdin=slave, stdout=slave, stderr=slave, cwd=cli.directory
    ) as child:
        os.close(slave)
        os.write(master, b"1 + 41\nexit\n")
        seen = b""
        while b"exit" not in seen or child.poll() is None:
            try:
                seen += os.read(master, 1024)
            except OSError:
                break
        assert child.wait(20) == 0
    os.close(master)
    assert b"42" in seen
    kept = cli.directory / ".perimeter" / "console_history"
    assert "1 + 41" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_every_function_is_described(cli):
    """Names, types and arity are Terraform's where Terraform has the function."""
    data = json.loads(cli.ok("metadata", "functions", "-json"))
    assert data["format_version"] == "1.0"
    ours = data["function_signatures"]
    assert set(DOCS) == {*FUNCTIONS, "try", "can"} - {"list", "map", "type"}
    assert ours["core::abs"] == ours["abs"]
    assert cli("metadata", "functions").code == 1
    if shutil.which("terraform") is None:
        return
    done = subprocess.run(
        ["terraform", "metadata", "functions", "-json"], capture_output=True, text=True, check=True
    )
    theirs = json.loads(done.stdout)["function_signatures"]
    assert set(theirs) <= set(ours)
    for name, wanted in theirs.items():
        assert ours[name].keys() - {"description"} == wanted.keys() - {"description"}, name
        for key in ("parameters", "variadic_parameter"):
            assert _bare(ours[name].get(key)) == _bare(wanted.get(key)), name


def _bare(parameters):
    listed = parameters if isinstance(parameters, list) else [parameters or {}]
    return [{key: item[key] for key in ("name", "type") if key in item} for item in listed]


def test_graphs(cli):
    """DOT and Mermaid, resources or everything."""
    cli.write('locals { x = perimeter_data.a.id }\nresource "perimeter_data" "a" {}\n'
              'resource "perimeter_data" "b" { input = local.x }\n')  # fmt: skip
    assert '"perimeter_data.b" -> "perimeter_data.a";' in cli.ok("graph")
    assert '"local.x" -> "perimeter_data.a";' in cli.ok("graph", "-type=all")
    lines = cli.ok("graph", "-format=mermaid").splitlines()
    assert lines == [
        "flowchart RL",
        '  n0["perimeter_data.a"]',
        '  n1["perimeter_data.b"]',
        "  n1 --> n0",
    ]
    assert cli("graph", "-format=svg").code == 1
