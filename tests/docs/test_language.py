"""docs/language.md: what its console shows is what the console prints."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import cli  # noqa: F401 - the command line, as its own tests use it

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def shown():
    """Each expression of the page with what is printed below it."""
    for text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for part in re.split(r"^> ", text, flags=re.MULTILINE)[1:]:
            expression, _, printed = part.partition("\n")
            yield pytest.param(expression, printed, id=expression)


@pytest.mark.parametrize(("expression", "printed"), list(shown()))
def test_the_console_prints_it(cli, expression, printed):  # noqa: F811 - the fixture
    """To the letter."""
    assert cli.ok("console", typed=expression + "\n") == printed


def test_its_configuration_is_well_formed():
    """No example has a syntax error, and each is in canonical style."""
    from perimeter.hcl.format import format_text

    examples = re.findall(r"^```hcl\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(examples) > 2
    for text in examples:
        assert format_text(text, "example") == (text, [])


def test_the_page_names_each_deliberate_difference():
    """None is hidden in a test."""
    from tests.conformance.different import DIFFERENT

    text = PAGE.read_text(encoding="utf-8")
    for expression in DIFFERENT:
        word = "sensitive output" if expression.startswith("module") else expression.split("(")[0]
        assert word in text.partition("## Deliberate differences")[2], expression
