"""Golden files, for every test."""

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="Rewrite tests/golden from what the tests see."
    )


@pytest.fixture
def golden(request):
    """Compare a text with a file in tests/golden."""

    def check(name, text):
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{name} is missing: run with --update-golden and look at it"
        assert text == path.read_text(encoding="utf-8")

    return check
