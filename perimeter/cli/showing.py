"""How ``plan``, ``apply`` and ``destroy`` tell what they do: flags, and the reporter that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from perimeter.cli.command import Invocation, switch, value
from perimeter.cli.failure import refuse
from perimeter.cli.report import JsonReporter, Reporter, Sources, TextReporter, json_reporter

if TYPE_CHECKING:
    from typing import TextIO

    from perimeter.diagnostics import Diagnostic
    from perimeter.engine.model import Applied, Event, Plan

SHOW_SENSITIVE = switch("show-sensitive", "Show sensitive values. Secrets are kept nowhere.")

SHOWING = (
    switch("compact-warnings", "Show warnings by their summaries only."),
    switch("consolidate-warnings", "Show every one of several like warnings.", default=True),
    switch("consolidate-errors", "Of several like errors show one, and how many more there are."),
    switch("concise", "Print no progress: results and problems only."),
    SHOW_SENSITIVE,
    switch("json", "Print a stream of JSON objects."),
    value("json-into", "FILE", "Write the stream of JSON objects to a file, besides the text."),
)


def choose_reporter(invocation: Invocation, given: Mapping[str, Any]) -> None:
    """Text, or with ``-json`` the stream, or with ``-json-into`` both.

    Raises:
        Refused: both kinds of stream are asked for, or the file cannot be written.
    """
    reveal = given["show_sensitive"]
    if given["json"] and given["json_into"] is not None:
        raise refuse(
            "Incompatible output options",
            "-json prints the stream instead of text, -json-into=FILE writes it besides the text. Choose one.",
        )
    if given["json"]:
        invocation.reporter = json_reporter(invocation.terminal, reveal=reveal)
        return
    text = TextReporter(
        invocation.terminal,
        compact_warnings=given["compact_warnings"],
        consolidate=(given["consolidate_warnings"], given["consolidate_errors"]),
        concise=given["concise"],
        reveal=reveal,
    )
    invocation.reporter = text
    if given["json_into"] is not None:
        invocation.reporter = BothReporter(text, *_stream_into(given["json_into"], reveal))


def _stream_into(path: str, reveal: bool) -> tuple[JsonReporter, TextIO]:
    from pathlib import Path

    from perimeter.ui.events_json import JsonStream

    try:
        # Closed with the reporter, when the command ends.
        file = Path(path).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115
    except OSError as problem:
        raise refuse("File cannot be written", f"{path}: {problem.strerror}.") from None
    made = JsonReporter(JsonStream(file.write, reveal=reveal))
    made.stream.version()
    return made, file


class BothReporter:
    """Tells people and, in a file, programs."""

    def __init__(self, text: TextReporter, stream: JsonReporter, file: TextIO) -> None:
        self.text = text
        self.stream = stream
        self._file = file

    @property
    def _both(self) -> tuple[Reporter, Reporter]:
        return self.text, self.stream

    def diagnostics(self, found: Iterable[Diagnostic], sources: Sources) -> None:
        """Problems."""
        items = list(found)
        for one in self._both:
            one.diagnostics(items, sources)

    def event(self, event: Event) -> None:
        """Something that the engine did."""
        for one in self._both:
            one.event(event)

    def plan(self, plan: Plan) -> None:
        """A finished plan."""
        for one in self._both:
            one.plan(plan)

    def resuming(self, plan: Plan) -> None:
        """A saved plan that is about to be applied."""
        for one in self._both:
            one.resuming(plan)

    def applying(self, total: int) -> None:
        """Stages of an apply follow."""
        for one in self._both:
            one.applying(total)

    def applied(self, applied: Applied, hidden: frozenset[str], verb: str) -> None:
        """The end of an apply."""
        for one in self._both:
            one.applied(applied, hidden, verb)

    def remark(self, text: str) -> None:
        """A sentence that only people need."""
        self.text.remark(text)

    def close(self) -> None:
        """Nothing more comes."""
        for one in self._both:
            one.close()
        self._file.close()
