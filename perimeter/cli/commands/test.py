"""``perimeter test``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch, value, values
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import VARIABLES
from perimeter.cli.report import TextReporter, json_reporter
from perimeter.cli.testing import JsonObserver, TextObserver, interruptible
from perimeter.cli.workspace import HERE
from perimeter.trial.find import DEFAULT_DIRECTORY, find_tests
from perimeter.trial.results import SuiteResult
from perimeter.trial.runner import Suite
from perimeter.trial.variables import outside


@command("test")
@flags(
    values("filter", "FILE", "Run only this test file. May be repeated."),
    switch("json", "Print a stream of JSON objects."),
    value("junit-xml", "FILE", "Also write a report in JUnit's XML."),
    value(
        "test-directory",
        "DIR",
        "Where test files are, besides the working directory.",
        default=DEFAULT_DIRECTORY,
    ),
    switch("verbose", "Show the plan or the state of each run."),
    value("parallelism", "N", "Calls at the same time.", default=10, integer=True),
    VARIABLES,
)
def run(invocation: Invocation, **given: Any) -> int:
    """Run the tests of the configuration: the files *.test.hcl.

    Each file has its own state, in memory. Runs that apply make real objects,
    unless their providers are mocked or are the sandbox's; they are removed at
    the end of the file.
    """
    terminal = invocation.terminal
    if given["json"]:
        invocation.reporter = json_reporter(terminal)
    tests = _directory(given["test_directory"])
    found = find_tests(HERE, tests)
    files = found.only(given["filter"])
    outer, problems = outside(
        HERE, tests, invocation.order("var", "var-file"), terminal.environment
    )
    found.diagnostics.extend(problems)
    sources = {**found.sources, **outer.sources}
    if found.diagnostics.has_errors:
        raise Refused(found.diagnostics, sources)
    invocation.reporter.diagnostics(found.diagnostics, sources)
    suite = Suite(
        directory=HERE,
        files=files,
        outer=outer,
        environment=terminal.environment,
        parallelism=max(1, given["parallelism"]),
        sources=sources,
    )
    observer: JsonObserver | TextObserver
    if isinstance(invocation.reporter, TextReporter):
        observer = TextObserver(invocation.reporter, suite.sources, verbose=given["verbose"])
    else:
        observer = JsonObserver(invocation.reporter.stream, suite.sources, verbose=given["verbose"])
        observer.begins(files)
    suite.observer = observer
    with interruptible(suite, terminal):
        result = suite.run()
    observer.ends(result)
    if given["junit_xml"]:
        _write_junit(given["junit_xml"], result)
    return 1 if result.status.is_bad else 0


def _directory(text: str) -> Path:
    path = Path(text)
    if path.is_absolute() or ".." in path.parts:
        raise refuse(
            "Invalid testing directory",
            f'"{text}" does not lie inside the working directory. Name a directory below it.',
        )
    return HERE / path


def _write_junit(path: str, result: SuiteResult) -> None:
    from perimeter.ui.trial_junit import junit_xml

    try:
        Path(path).write_text(junit_xml(result), encoding="utf-8")
    except OSError as problem:
        raise refuse("File cannot be written", f"{path}: {problem.strerror}.") from None
