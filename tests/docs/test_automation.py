"""docs/automation.md: its file is written, its commands are run, and the JSON that it shows is what they print."""

import json
import re
import shlex
from pathlib import Path

from perimeter.cli.command import load
from tests.cli.conftest import cli  # noqa: F401 - the command line, as its own tests use it

PAGE = (Path(__file__).parents[2] / "docs" / "automation.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_shows_what_is_printed(cli):  # noqa: F811 - the fixture
    """A change of the plan, and the outputs."""
    printed = []
    shown = []
    for kind, text in BLOCK.findall(PAGE):
        if kind == "hcl":
            cli.write(text, text.partition("\n")[0].removeprefix("# "))
        elif kind == "json":
            shown.append(json.loads(text))
        elif kind == "console" and "terraform-compliance" not in text:
            for line in text.splitlines():
                words = shlex.split(line.removeprefix("$ "))
                assert words[0] == "perimeter"
                printed.append(cli.ok(*words[1:]))
    plan = json.loads(printed[1])
    change = next(
        item for item in plan["resource_changes"] if item["address"] == "perimeter_data.a"
    )
    assert {name: change[name] for name in shown[0]} == shown[0]
    assert json.loads(printed[3]) == shown[1]
    kinds = {json.loads(line)["type"] for line in printed[4].splitlines()}
    assert kinds <= set(re.findall(r"`([a-z_]+)`", PAGE))
    for member in plan.keys() - {"perimeter_version"}:
        assert f"`{member}`" in PAGE, member


def test_the_flags_exist():
    """Every flag in the tables is one of the commands'."""
    known = {
        option.lstrip("-")
        for name in ("plan", "apply", "show", "fmt")
        for parameter in load(name).params
        for option in parameter.opts
    }
    rows = [line for line in PAGE.splitlines() if line.startswith("| `-")]
    flags = {flag for row in rows for flag in re.findall(r"`-([a-z-]+)", row.split("|")[1])}
    assert len(flags) > 15
    assert flags <= known
