"""docs/migrating.md: its Terraform files are migrated, and what it shows is what comes out."""

import re
import shlex
from pathlib import Path

from tests.cli.conftest import cli  # noqa: F401 - the command line, as its own tests use it

PAGE = Path(__file__).parents[2] / "docs" / "migrating.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_does_what_it_says(cli):  # noqa: F811 - a fixture
    """Each expected line appears in the output, in order; the files are those shown, in full."""
    shown: dict[str, str] = {}
    ran = 0
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        first, _, rest = text.partition("\n")
        if kind == "terraform":
            cli.write(rest, first.removeprefix("# "))
        elif kind == "json":
            cli.write(text, "terraform/terraform.tfstate")
        elif kind == "hcl":
            shown[first.removeprefix("# ")] = rest
        elif kind == "console":
            output: list[str] = []
            for line in text.splitlines():
                if line.startswith("$ perimeter "):
                    done = cli.ok(*shlex.split(line)[2:])
                    output = [found.strip() for found in done.splitlines()]
                    ran += 1
                    continue
                assert line in output, (line, output)
                output = output[output.index(line) + 1 :]
    assert ran == 2
    assert sorted(shown) == ["imports.hcl", "main.hcl"]
    for name, text in shown.items():
        assert (cli.directory / name).read_text(encoding="utf-8") == text
