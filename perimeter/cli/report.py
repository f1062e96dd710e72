"""Where a command's diagnostics, events and results go: text for people, or a JSON stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
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

    def resuming(self, plan: Plan) -> None:
        """A saved plan that is about to be applied."""

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

    def __init__(
        self,
        terminal: Terminal,
        *,
        compact_warnings: bool = False,
        consolidate: tuple[bool, bool] = (False, False),
        concise: bool = False,
        reveal: bool = False,
    ) -> None:
        self.terminal = terminal
        self.compact_warnings = compact_warnings
        self.consolidate = consolidate
        self.concise = concise
        self.reveal = reveal
        self._progress: Progress | None = None

    def diagnostics(self, found: Iterable[Diagnostic], sources: Sources) -> None:
        """Warnings on stdout, errors on stderr, as in Terraform."""
        from perimeter.ui.diagnostics_text import diagnostics_text

        self._settle()
        items = list(found)
        if any(self.consolidate):
            from perimeter.ui.consolidation import consolidated

            by_warning, by_error = self.consolidate
            # Compact warnings count for themselves.
            by_warning = by_warning and not self.compact_warnings
            items = consolidated(items, warnings=by_warning, errors=by_error)
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
        if not self.concise:
            self._live()(event)

    def plan(self, plan: Plan) -> None:
        """The plan's text."""
        from perimeter.ui.plan_text import plan_text
        from perimeter.ui.protection import protect_plan

        self._settle()
        if self.reveal:
            from perimeter.ui.revealing import revealed_plan

            plan = revealed_plan(plan)
        else:
            protect_plan(plan)
        self.terminal.show("\n" + plan_text(plan, self.terminal.style()))

    def resuming(self, plan: Plan) -> None:
        """Nothing: whoever saved it has read it."""

    def applying(self, total: int) -> None:
        """From now on progress counts stages."""
        if not self.concise:
            self._live().applying(total)

    def applied(self, applied: Applied, hidden: frozenset[str], verb: str) -> None:
        """The table."""
        from perimeter.ui.apply_text import apply_text

        self._settle()
        if self.reveal:
            from perimeter.ui.revealing import revealed_value

            shown = {name: revealed_value(value) for name, value in applied.outputs.items()}
            applied, hidden = replace(applied, outputs=shown), frozenset()
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
        self._ending: tuple[Applied, str] | None = None

    def diagnostics(self, found: Iterable[Diagnostic], sources: Sources) -> None:
        """One message each; those of an apply come before its summary."""
        self.stream.diagnostics(found, sources)
        self._end()

    def event(self, event: Event) -> None:
        """Translate it."""
        self.stream(event)

    def plan(self, plan: Plan) -> None:
        """Drift, planned changes, summary, outputs."""
        self.stream.plan(plan)

    def resuming(self, plan: Plan) -> None:
        """Its changes."""
        self.stream.planned(plan, saved=True)

    def applying(self, total: int) -> None:
        """Nothing: each stage is announced."""

    def applied(self, applied: Applied, hidden: frozenset[str], verb: str) -> None:
        """Summary and outputs, once it is told what went wrong."""
        self._ending = applied, verb.lower()

    def remark(self, text: str) -> None:
        """Nothing: programs need no sentences."""

    def close(self) -> None:
        """Tell what is still to be told."""
        self._end()

    def _end(self) -> None:
        if self._ending is not None:
            applied, verb = self._ending
            self._ending = None
            self.stream.applied(applied, verb)


def json_reporter(terminal: Terminal, *, reveal: bool = False) -> JsonReporter:
    """A reporter that has announced its version."""
    from perimeter.ui.events_json import JsonStream

    made = JsonReporter(JsonStream(terminal.print, reveal=reveal))
    made.stream.version()
    return made
