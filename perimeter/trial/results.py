"""How tests ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from perimeter.config.model import Config
from perimeter.diagnostics import Diagnostic
from perimeter.engine.model import Plan
from perimeter.hcl.source import SourceFile
from perimeter.sdk.schema import Schema
from perimeter.state.model import State


class Status(Enum):
    """How a run, a file or everything ended, best first."""

    PENDING = "pending"
    SKIP = "skip"
    PASS = "pass"  # noqa: S105 - a word, not a password
    FAIL = "fail"
    ERROR = "error"

    def merge(self, other: Status) -> Status:
        """The worse of two."""
        order = tuple(Status)
        return max(self, other, key=order.index)

    @property
    def is_bad(self) -> bool:
        """Whether the command fails by it."""
        return self in (Status.FAIL, Status.ERROR)

    @property
    def word(self) -> str:
        """What people read: an error is a failure."""
        return "fail" if self is Status.ERROR else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How one run ended.

    Attributes:
        assertions: how many there are.
        failed: the messages of those that did not hold.
        plan: what a run with ``command = plan`` planned.
        state: what a run that applied left in its state.
        config: what was run.
        schemas: by resource type, for showing plan and state.
        skipped_by: the name of the run whose error kept this one from running.
    """

    name: str
    status: Status
    diagnostics: tuple[Diagnostic, ...] = ()
    assertions: int = 0
    failed: tuple[str, ...] = ()
    started: datetime | None = None
    seconds: float = 0.0
    plan: Plan | None = None
    state: State | None = None
    config: Config | None = None
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    skipped_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What tearing down could not remove.

    Attributes:
        run: the last run on the state.
        objects: printed addresses, with the vendor's id.
    """

    run: str
    diagnostics: tuple[Diagnostic, ...] = ()
    objects: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """How a test file ended; ``diagnostics`` are those of no run."""

    name: str
    status: Status
    runs: tuple[RunResult, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    left: tuple[Left, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResult:
    """How all test files ended.

    Attributes:
        sources: every file read, by shown name, for snippets.
    """

    files: tuple[FileResult, ...] = ()
    sources: Mapping[str, SourceFile] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """The worst of them; pending when there are none."""
        found = Status.PENDING
        for item in self.files:
            found = found.merge(item.status)
        return found

    def count(self, *statuses: Status) -> int:
        """How many runs ended so."""
        return sum(run.status in statuses for item in self.files for run in item.runs)


class Observer:
    """Is told how testing goes; each method does nothing unless it is overridden."""

    def file_starts(self, name: str) -> None:
        """A file's runs follow."""

    def run_starts(self, file: str, run: str) -> None:
        """A run has begun."""

    def run_ends(self, file: str, result: RunResult) -> None:
        """A run has ended, or will not begin; in the order of the file."""

    def tears_down(self, file: str) -> None:
        """A file's states are being destroyed."""

    def run_torn_down(self, file: str, run: str) -> None:
        """The state that this run was the last to work on is being destroyed."""

    def left(self, file: str, left: Left) -> None:
        """Something could not be removed."""

    def file_ends(self, result: FileResult) -> None:
        """A file is done with."""
