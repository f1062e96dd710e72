"""What is going on, while it goes on: one living line on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from perimeter.engine.model import Event
from perimeter.ui.style import Style, clean, counted

_TICK = 0.2
_FIRST_LINE = 1.0
_NEXT_LINES = 10.0


@dataclass(slots=True)
class _Source:
    """One provider instance that is being read."""

    tenant: str = ""
    collections: set[str] = field(default_factory=set)
    requests: int = 0


class Progress:
    """Consumes events; safe to use from several threads. ``close`` it before anything else is printed.

    Args:
        stream: where it prints; progress belongs on stderr.
        living: whether the stream is a terminal whose line can be rewritten.
    """

    def __init__(
        self,
        stream: TextIO,
        style: Style,
        *,
        living: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._style = style
        self._living = living
        self._clock = clock
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._sources: dict[str, _Source] = {}
        self._waiting = ""
        self._stages = {"total": 0, "done": 0, "failed": 0, "skipped": 0, "by hand": 0}
        self._running: dict[str, str] = {}
        self._applying = False
        self._shown = ""
        self._last_line = ""
        self._started = clock()
        self._next = self._started + _FIRST_LINE

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        with self._lock:
            if self._closing.is_set():
                return
            self._note(event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)
                self._thread.start()
            if self._living and not self._shown:
                self._draw()

    def applying(self, total: int) -> None:
        """From now on stages of an apply run; ``total``: how many there are."""
        with self._lock:
            self._finish_line()
            self._applying = True
            self._stages["total"] = total
            self._next = self._clock() + _FIRST_LINE

    def close(self) -> None:
        """Stop, leaving the last line as it is; a second call does nothing."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
            self._finish_line()
        if self._thread is not None:
            self._thread.join()

    @property
    def line(self) -> str:
        """The line as it is now."""
        with self._lock:
            return self._apply_line() if self._applying else self._read_line()

    def _note(self, event: Event) -> None:
        source = (
            self._sources.setdefault(event.provider, _Source()) if event.provider else _Source()
        )
        match event.kind:
            case "read_start" if event.subject:
                source.collections.add(event.subject)
            case "read_progress" if "tenant" in event.data:
                source.tenant = str(event.data["tenant"])
            case "read_progress":
                source.requests += 1
                self._waiting = ""
            case "wait":
                self._waiting = f"waiting {event.seconds:.0f} s: {clean(event.text)}"
            case "stage_start":
                self._running[event.subject] = event.text
            case "stage_done" | "stage_failed" | "stage_skipped" | "stage_manual":
                self._running.pop(event.subject, None)
                words = {
                    "stage_failed": "failed",
                    "stage_skipped": "skipped",
                    "stage_manual": "by hand",
                }
                self._stages[words.get(event.kind, "done")] += 1
                if event.kind == "stage_failed":
                    self._print(f"{clean(event.subject)}: {clean(event.text)}")
            case _:
                pass

    def _read_line(self) -> str:
        parts = []
        for key, source in sorted(self._sources.items()):
            if not (source.requests or (source.collections and not self._closing.is_set())):
                continue
            name = f"{key} ({clean(source.tenant)})" if source.tenant else key
            counts = counted(source.requests, "request")
            if source.collections:
                counts = f"{counted(len(source.collections), 'collection')}, {counts}"
            parts.append(f"{name} ▸ {counts}")
        text = "   ".join(parts)
        waiting = f"   {self._waiting}" if self._waiting and not self._closing.is_set() else ""
        return f"Reading {text}{waiting}" if text else ""

    def _apply_line(self) -> str:
        ended = sum(count for name, count in self._stages.items() if name != "total")
        text = f"Applying ▸ {ended:,} of {self._stages['total']:,}"
        if self._stages["failed"]:
            text += f", {self._stages['failed']:,} failed"
        if self._running and not self._closing.is_set():
            name, operation = next(iter(self._running.items()))
            more = f" and {len(self._running) - 1} more" if len(self._running) > 1 else ""
            text += f"   {operation} {clean(name)}{more}"
        if self._waiting and not self._closing.is_set():
            text += f"   {self._waiting}"
        return text

    def _tick(self) -> None:
        while not self._closing.wait(_TICK):
            with self._lock:
                if self._closing.is_set():
                    return
                if self._living:
                    self._draw()
                elif self._clock() >= self._next:
                    self._next = self._clock() + _NEXT_LINES
                    self._say(self.line)

    def _draw(self) -> None:
        line = self.line
        if len(line) >= self._style.width:
            line = f"{line[: self._style.width - 2]}…"
        if line != self._shown:
            self._write(f"\r\x1b[2K{line}")
            self._shown = line

    def _say(self, line: str) -> None:
        if line and line != self._last_line:
            self._write(f"{line}\n")
            self._last_line = line

    def _print(self, text: str) -> None:
        """A line that stays, above the living one."""
        if self._living:
            self._write(f"\r\x1b[2K{text}\n")
            self._shown = ""
        else:
            self._write(f"{text}\n")

    def _finish_line(self) -> None:
        line = self.line
        if self._living:
            if self._shown or (line and self._sources):
                self._write(f"\r\x1b[2K{line}\n" if line else "\r\x1b[2K")
            self._shown = ""
        elif not self._applying:
            self._say(line)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # Whoever read our progress has gone; the work goes on.
            self._closing.set()
