"""Where a command's diagnostics, events and results go: text for people, or a JSON stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from perimeter.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from perimeter.cli.terminal import Terminal
    from perimeter.engine.model import Applied, Event, Plan
    from perimeter.hcl.source import SourceFile
    from perimeter.ui.events_json import JsonStream
    from perimeter.ui.progress import Progress

Sources = Mapping[str, "SourceFile"]


class Reporter(Protocol):
    """What a command tells somebody while it runs."""

    def diagnostics(self, found: Iterable[Diagnostic], sources: Sources) -> None:
        """Problems."""

    def event(self, event: Event) -> None:
        """Something that the engine did."""

    def plan(self, plan: Plan) -> None:
        """A finished plan."""

    def applying(self, total: int) -> None:
        """Stages of an apply follow."""

    def applied(self, applied: Applied, hidden: frozenset[str], verb: str) -> None:
        """The end of an apply."""

    def remark(self, text: str) -> None:
        """A sentence that only people need."""

    def close(self) -> None:
        """Nothing more comes."""


class TextReporter:
    """For people: results on stdout, problems and progress on stderr."""

    def __init__(self, terminal: Terminal, *, compact_warnings: bool = False) -> None:
        self.terminal = terminal
        self.compact_warnings = compact_warnings
        self._progress: Progress | None = None

    def diagnostics(self, found: Iterable[Diagnostic], sources: Sources) -> None:
        """Warnings on stdout, errors on stderr, as in Terraform."""
        from perimeter.ui.diagnostics_text import diagnostics_text

        self._settle()
        items = list(found)
        warnings = [item for item in items if item.severity is Severity.WARNING]
        errors = [item for item in items if item.severity is Severity.ERROR]
        terminal = self.terminal
        if warnings:
            compact = self.compact_warnings and not errors
            style = terminal.style(terminal.out)
            terminal.print(diagnostics_text(warnings, sources, style, compact_warnings=compact))
        if errors:
            terminal.warn(diagnostics_text(errors, sources, terminal.style(terminal.err)))

    def event(self, event: Event) -> None:
        """Show progress."""
        self._live()(event)

    def plan(self, plan: Plan) -> None:
        """The plan's text."""
        from perimeter.ui.plan_text import plan_text
        from perimeter.ui.protection import protect_plan

        self._settle()
        protect_plan(plan)
        self.terminal.show("\n" + plan_text(plan, self.terminal.style()))

    def applying(self, total: int) -> None:
        """From now on progress counts stages."""
        self._live().applying(total)

    def applied(self, applied: Applied, hidden: frozenset[str], verb: str) -> None:
        """The table."""
        from perimeter.ui.apply_text import apply_text

        self._settle()
        text = apply_text(applied, self.terminal.style(), hidden=hidden, verb=verb)
        self.terminal.show("\n" + text)

    def remark(self, text: str) -> None:
        """Print it."""
        self._settle()
        self.terminal.print(text)

    def close(self) -> None:
        """End the progress line."""
        self._settle()

    def _live(self) -> Progress:
        if self._progress is None:
            from perimeter.ui.progress import Progress

            err = self.terminal.err
            self._progress = Progress(err, self.terminal.style(err), living=err.isatty())
        return self._progress

    def _settle(self) -> None:
        if self._progress is not None:
            self._progress.close()
            self._progress = None


class JsonReporter:
    """For programs: one JSON object a line on stdout."""

    def __init__(self, stream: JsonStream) -> None:
        self.stream = stream

    def diagnostics(self, found: Iterable[Diagnostic], sources: Sources) -> None:
        """One message each."""
        self.stream.diagnostics(found, sources)

    def event(self, event: Event) -> None:
        """Translate it."""
        self.stream(event)

    def plan(self, plan: Plan) -> None:
        """Drift, planned changes, summary, outputs."""
        self.stream.plan(plan)

    def applying(self, total: int) -> None:
        """Nothing: each stage is announced."""

    def applied(self, applied: Applied, hidden: frozenset[str], verb: str) -> None:
        """Summary and outputs."""
        self.stream.applied(applied, verb.lower())

    def remark(self, text: str) -> None:
        """Nothing: programs need no sentences."""

    def close(self) -> None:
        """Nothing is held open."""


def json_reporter(terminal: Terminal) -> JsonReporter:
    """A reporter that has announced its version."""
    from perimeter.ui.events_json import JsonStream

    made = JsonReporter(JsonStream(terminal.print))
    made.stream.version()
    return made
