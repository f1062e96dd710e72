"""docs/testing.md: its files are written and its commands are run, in order."""

import os
import re
import shlex
from pathlib import Path

from tests.cli.conftest import cli  # noqa: F401 - the command line, as its own tests use it

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_does_what_it_says(cli):  # noqa: F811 - the fixture
    """Each command prints just the lines that the page shows."""
    ran = 0
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "hcl":
            cli.write(text, text.partition("\n")[0].removeprefix("# "))
            continue
        command, *lines = text.splitlines()
        words = shlex.split(command.removeprefix("$ "))
        assert words[0] == "perimeter"
        here = Path.cwd()
        printed = cli.ok(*words[1:])
        os.chdir(here)
        shown = [line.strip() for line in printed.splitlines() if line.strip()]
        assert shown == [line.strip() for line in lines], printed
        ran += 1
    assert ran == 2
