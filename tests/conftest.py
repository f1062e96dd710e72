"""Golden files and servers, for every test."""

from pathlib import Path

import pytest

from tests.faults.counts import (  # noqa: F401 - hooks
    pytest_runtest_logreport,
    pytest_terminal_summary,
)

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


@pytest.fixture(autouse=True)
def _secrets_of_this_test_only():
    """The process's secrets pile up over thousands of tests; each test starts with none."""
    from perimeter.sdk.redact import SECRETS

    yield
    SECRETS.__init__()


@pytest.fixture(scope="session")
def servers():
    """Servers for state, each started when first asked for; see tests/servers/backends.py."""
    from tests.servers.backends import Servers

    with Servers() as running:
        yield running
