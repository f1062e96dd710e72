"""A directory of configuration and tests, run without a command line."""

from perimeter.trial.find import find_tests
from perimeter.trial.results import Observer
from perimeter.trial.runner import Suite
from perimeter.trial.variables import outside
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant


class Trial:
    """Writes files and runs the tests among them."""

    def __init__(self, directory):
        self.directory = directory
        self.tenant = TinyTenant()
        self.log = []

    def write(self, text, name="main.hcl"):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def providers(self):
        from perimeter_builtin.provider import Builtin

        return {"tiny": TinyProvider(self.tenant), "perimeter": Builtin()}

    def run(self, options=(), environment=None, only=()):
        found = find_tests(self.directory, self.directory / "tests")
        files = found.only(only)
        given = environment or {}
        outer, problems = outside(self.directory, self.directory / "tests", options, given)
        found.diagnostics.extend(problems)
        assert not found.diagnostics.has_errors, list(found.diagnostics)
        suite = Suite(
            directory=self.directory,
            files=files,
            outer=outer,
            environment=given,
            providers=self.providers(),
            sources=found.sources,
            observer=Log(self.log),
        )
        return suite.run()

    def problems(self):
        """What is wrong with the test files themselves."""
        found = find_tests(self.directory, self.directory / "tests").diagnostics
        return [f"{item.summary}: {item.detail}" for item in found]


class Log(Observer):
    def __init__(self, into):
        self.into = into

    def run_ends(self, file, result):
        self.into.append((result.name, result.status.value))

    def run_torn_down(self, file, run):
        self.into.append(("teardown", run))


def said(result):
    """Every diagnostic of every run as summary and detail."""
    return [
        f"{item.summary}: {item.detail}"
        for file in result.files
        for run in file.runs
        for item in run.diagnostics
    ]


def statuses(result):
    return {run.name: run.status.value for file in result.files for run in file.runs}
