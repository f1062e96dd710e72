"""Tells how tests go: text for people, or a JSON stream."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from perimeter.cli.report import TextReporter
from perimeter.cli.terminal import Terminal
from perimeter.hcl.source import SourceFile
from perimeter.trial.model import File
from perimeter.trial.results import FileResult, Left, Observer, RunResult, SuiteResult
from perimeter.trial.runner import Suite
from perimeter.ui import trial_json, trial_text
from perimeter.ui.events_json import JsonStream

Sources = Mapping[str, SourceFile]


@contextmanager
def interruptible(suite: Suite, terminal: Terminal) -> Iterator[None]:
    """Let the first Ctrl-C end the run under way and remove what was made, and the second end the process.

    States of tests are in memory only: what the second one leaves behind is named, as nothing remembers it.
    """

    def on_signal(_number: int, _frame: object) -> None:
        if not suite.stop.stopped:
            suite.stop.stop()
            terminal.warn(
                "\nInterrupt received. The run under way ends, the others are skipped, and what was made is removed.\n"
                "Ctrl-C again stops at once and leaves it.\n"
            )
            return
        left = [
            f"  - {name} ({identifier})"
            for held in suite.held
            for name, identifier in held.objects()
        ]
        listed = "\nThese objects were made and are left; remove them by hand:\n" + "\n".join(left)
        terminal.warn(f"\nStopped at once.{listed if left else ''}\n")
        os._exit(1)

    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class TextObserver(Observer):
    """For people: how it goes on stdout, problems on stderr."""

    def __init__(self, reporter: TextReporter, sources: Sources, *, verbose: bool) -> None:
        self._reporter = reporter
        self._terminal = reporter.terminal
        self._style = reporter.terminal.style()
        self._sources = sources
        self._verbose = verbose

    def file_starts(self, name: str) -> None:
        """A line."""
        self._terminal.show(trial_text.file_start(name, self._style))

    def run_ends(self, file: str, result: RunResult) -> None:
        """A line, what ``-verbose`` shows, and the problems."""
        self._terminal.show(trial_text.run_line(result, self._style))
        if self._verbose:
            _protect(result)
            self._terminal.show(trial_text.run_details(result, self._style))
        self._reporter.diagnostics(result.diagnostics, self._sources)

    def tears_down(self, file: str) -> None:
        """A line."""
        self._terminal.show(trial_text.teardown_line(file, self._style))

    def left(self, file: str, left: Left) -> None:
        """Why, and what stays."""
        self._terminal.warn(trial_text.left_before(file, left))
        self._reporter.diagnostics(left.diagnostics, self._sources)
        self._terminal.warn(trial_text.left_text(file, left))

    def file_ends(self, result: FileResult) -> None:
        """A line."""
        self._terminal.show(trial_text.file_line(result, self._style))

    def ends(self, result: SuiteResult) -> None:
        """The summary."""
        self._terminal.show(trial_text.summary(result, self._style))


class JsonObserver(Observer):
    """For programs: one JSON object a line."""

    def __init__(self, stream: JsonStream, sources: Sources, *, verbose: bool) -> None:
        self._stream = stream
        self._sources = sources
        self._verbose = verbose

    def begins(self, files: Iterable[File]) -> None:
        """What will be run."""
        trial_json.abstract(self._stream, files)

    def file_starts(self, name: str) -> None:
        """A message."""
        trial_json.file_progress(self._stream, name, "starting")

    def run_starts(self, file: str, run: str) -> None:
        """A message."""
        trial_json.run_progress(self._stream, file, run, "starting")

    def run_ends(self, file: str, result: RunResult) -> None:
        """A message, and one for each problem."""
        if self._verbose:
            _protect(result)
        trial_json.run_done(self._stream, file, result, self._sources, verbose=self._verbose)

    def tears_down(self, file: str) -> None:
        """A message."""
        trial_json.file_progress(self._stream, file, "teardown")

    def run_torn_down(self, file: str, run: str) -> None:
        """A message."""
        trial_json.run_progress(self._stream, file, run, "teardown")

    def left(self, file: str, left: Left) -> None:
        """Messages about what stays."""
        trial_json.left(self._stream, file, left, self._sources)

    def file_ends(self, result: FileResult) -> None:
        """A message."""
        trial_json.file_done(self._stream, result)

    def ends(self, result: SuiteResult) -> None:
        """The summary."""
        trial_json.done(self._stream, result)


def _protect(result: RunResult) -> None:
    """What was found to be sensitive is redacted wherever text leaves the process."""
    from perimeter.ui.protection import protect_plan, protect_state

    if result.plan is not None:
        protect_plan(result.plan)
    if result.state is not None:
        protect_state(result.state)
