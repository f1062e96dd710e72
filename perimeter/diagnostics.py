"""Diagnostics: what is wrong, where, and what to do next, as values.

Nothing here renders or prints; ``perimeter.ui`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any


class Severity(Enum):
    """How bad it is: an error stops the command with exit code 1, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Pos:
    """A place in a source text.

    Attributes:
        line: 1-based line.
        column: 1-based column, counted in grapheme clusters as HCL does.
        byte: 0-based offset into the UTF-8 text.
    """

    line: int = 1
    column: int = 1
    byte: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """A stretch of a source file; ``end`` is exclusive."""

    filename: str
    start: Pos = field(default_factory=Pos)
    end: Pos = field(default_factory=Pos)

    def __str__(self) -> str:
        return f"{self.filename}:{self.start.line},{self.start.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem.

    Attributes:
        summary: at most about 60 characters, no full stop; Terraform's wording where Terraform has one.
        detail: full sentences: what is wrong and what to do next.
        subject: the tight range that is wrong.
        context: a wider range for the snippet.
        address: the resource instance or object it is about, as text.
        values: (expression text, worded value) pairs that took part; sensitive ones are worded.
        block: the enclosing block's header, such as ``resource "okta_app" "crm"``.
    """

    severity: Severity
    summary: str
    detail: str = ""
    subject: Range | None = None
    context: Range | None = None
    address: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    block: str | None = None

    def at(
        self, *, address: str | None = None, subject: Range | None = None, block: str | None = None
    ) -> Diagnostic:
        """Return the diagnostic with those places filled in that it does not name yet."""
        return replace(
            self,
            address=self.address or address,
            subject=self.subject or subject,
            block=self.block or block,
        )


def error(summary: str, detail: str = "", subject: Range | None = None, **more: Any) -> Diagnostic:
    """Make an error."""
    return Diagnostic(
        severity=Severity.ERROR, summary=summary, detail=detail, subject=subject, **more
    )


def warning(
    summary: str, detail: str = "", subject: Range | None = None, **more: Any
) -> Diagnostic:
    """Make a warning."""
    return Diagnostic(
        severity=Severity.WARNING, summary=summary, detail=detail, subject=subject, **more
    )


class Diagnostics:
    """An ordered collection of diagnostics that a step fills while it goes on."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[Diagnostic] = ()) -> None:
        self._items: list[Diagnostic] = list(items)

    def add(self, diagnostic: Diagnostic) -> None:
        """Append one diagnostic, unless the same one is already there."""
        if diagnostic not in self._items[-50:]:
            self._items.append(diagnostic)

    def error(
        self, summary: str, detail: str = "", subject: Range | None = None, **more: Any
    ) -> None:
        """Append an error."""
        self.add(error(summary, detail, subject, **more))

    def warning(
        self, summary: str, detail: str = "", subject: Range | None = None, **more: Any
    ) -> None:
        """Append a warning."""
        self.add(warning(summary, detail, subject, **more))

    def extend(self, items: Iterable[Diagnostic]) -> None:
        """Append several diagnostics."""
        for item in items:
            self.add(item)

    def map(self, change: Callable[[Diagnostic], Diagnostic]) -> Diagnostics:
        """Return a new collection with ``change`` applied to each."""
        return Diagnostics(change(item) for item in self._items)

    @property
    def has_errors(self) -> bool:
        """Whether at least one is an error."""
        return any(item.severity is Severity.ERROR for item in self._items)

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors only."""
        return [item for item in self._items if item.severity is Severity.ERROR]

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __bool__(self) -> bool:
        return bool(self._items)

    def __repr__(self) -> str:
        return f"Diagnostics({self._items!r})"


class DiagnosticError(Exception):
    """Carries diagnostics through code that cannot return them; caught at the step's edge."""

    def __init__(self, *items: Diagnostic) -> None:
        super().__init__("; ".join(f"{item.summary}: {item.detail}" for item in items))
        self.diagnostics: tuple[Diagnostic, ...] = items


def did_you_mean(given: str, candidates: Iterable[str]) -> str:
    """Return `` Did you mean "x"?`` for the closest candidate, or nothing."""
    import difflib

    close = difflib.get_close_matches(given, list(candidates), n=1, cutoff=0.6)
    return f' Did you mean "{close[0]}"?' if close else ""
