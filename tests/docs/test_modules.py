"""docs/modules.md: its files are written and its commands are run, in order."""

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import cli  # noqa: F401 - the command line, as its own tests use it
from tests.sources.conftest import repository  # noqa: F401 - a repository to stand behind the page's

PAGE = Path(__file__).parents[2] / "docs" / "modules.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
REMOTE = """
variable "name" { type = string }
output "label" { value = "app ${var.name}" }
"""


@pytest.fixture
def behind(cli, repository, monkeypatch, tmp_path):  # noqa: F811 - fixtures
    """Git finds the page's repository on disk."""
    repository.commit({"app/main.hcl": REMOTE}, tag="v1.2.0")
    (tmp_path / ".gitconfig").write_text(
        f'[url "{repository.url}"]\n insteadOf = https://git.example.com/platform/modules.git\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    return cli


def test_the_page_does_what_it_says(behind):
    """Each expected line appears in the output, in order; an ellipsis at its end stands for the rest of it."""
    ran = 0
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "hcl":
            name = text.partition("\n")[0].removeprefix("# ")
            behind.write(text, name)
            continue
        output: list[str] = []
        for line in text.splitlines():
            if line.startswith("$ "):
                words = shlex.split(line[2:])
                assert words[0] == "perimeter"
                output = [found.strip() for found in behind.ok(*words[1:]).splitlines()]
                ran += 1
                continue
            wanted = line.strip()
            fits = str.startswith if wanted.endswith("...") and "-..." in wanted else str.__eq__
            wanted = wanted.removesuffix("...") if fits is str.startswith else wanted
            at = next(
                (
                    n
                    for n, found in enumerate(output)
                    if fits(found.rstrip(","), wanted.rstrip(","))
                ),
                None,
            )
            assert at is not None, (line, output)
            output = output[at + 1 :]
    assert ran == 4
    assert os.listdir(behind.directory / ".perimeter/modules")  # noqa: PTH208
