import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import cli  # noqa: F401 - the command line, as its own tests use it

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"
GOLDEN = HERE / "golden"


def produced(directory):
    """The files in a directory by their paths."""
    return {
        str(path.relative_to(directory)): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*.hcl"))
        if not path.name.startswith(".") and ".perimeter" not in path.parts
    }


@pytest.fixture
def migrated(cli, request):  # noqa: F811 - a fixture
    """Migrates a fixture into the directory of the command line, and compares it with the golden files.

    With --update-golden the golden files are written first.
    """

    def migrate(name):
        report = cli.ok("migrate", "terraform", str(FIXTURES / name))
        found = {**produced(cli.directory), "report.txt": report}
        place = GOLDEN / name
        if request.config.getoption("--update-golden"):
            shutil.rmtree(place, ignore_errors=True)
            for path, text in found.items():
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_text(text, encoding="utf-8")
        expected = {**produced(place), "report.txt": (place / "report.txt").read_text("utf-8")}
        assert found == expected
        return cli

    return migrate
