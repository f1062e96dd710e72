"""Run test files: each in states of its own in memory, run after run, torn down at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from perimeter.config.assignments import Assignments
from perimeter.config.load import load
from perimeter.config.model import Config
from perimeter.diagnostics import Diagnostic, Diagnostics
from perimeter.engine.apply import StopSignal
from perimeter.hcl.source import SourceFile
from perimeter.lang.references import references
from perimeter.lang.values import Value
from perimeter.sdk.provider import Provider
from perimeter.sdk.registry import BUILTIN, load_providers
from perimeter.trial.execution import Executed, execute, tear_down
from perimeter.trial.model import File, Run
from perimeter.trial.results import (
    FileResult,
    Left,
    Observer,
    RunResult,
    Status,
    SuiteResult,
)
from perimeter.trial.states import Held
from perimeter.trial.variables import FileVariables, run_variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A module that runs can be made of.

    Attributes:
        config: None when there is nothing to go on with.
        providers: by entry-point name.
    """

    directory: Path
    config: Config | None
    sources: Mapping[str, SourceFile]
    providers: Mapping[str, Provider]
    diagnostics: Diagnostics


@dataclass(slots=True, kw_only=True)
class Suite:
    """Test files and all they need.

    Attributes:
        directory: of the root module.
        outer: variables from outside.
        environment: for credentials of providers.
        observer: told how it goes.
        stop: asks to begin nothing more: the run under way ends, the others are skipped, what was made is removed.
        held: the states of the file under way.
        providers: instead of the installed ones.
    """

    directory: Path
    files: Sequence[File]
    outer: Assignments = field(default_factory=Assignments)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    observer: Observer = field(default_factory=Observer)
    providers: Mapping[str, Provider] | None = None
    parallelism: int = 10
    sources: dict[str, SourceFile] = field(default_factory=dict)
    stop: StopSignal = field(default_factory=StopSignal)
    held: list[Held] = field(default_factory=list)
    _subjects: dict[Path, Subject] = field(default_factory=dict)

    def subject(self, directory: Path) -> Subject:
        """A module, read once."""
        found = self._subjects.get(directory)
        if found is None:
            config, diagnostics, sources = load(directory, given=lambda: self.outer)
            providers = self.providers
            if providers is None:
                names = [*config.provider_sources, BUILTIN] if config is not None else []
                providers, missing = load_providers(names)
                diagnostics.extend(missing)
            self.sources.update(sources)
            found = self._subjects[directory] = Subject(
                directory=directory,
                config=config,
                sources=sources,
                providers=providers,
                diagnostics=diagnostics,
            )
        return found

    def run(self) -> SuiteResult:
        """Run every file."""
        found = tuple(_FileRun(self, file).run() for file in self.files)
        return SuiteResult(files=found, sources=self.sources)


class _FileRun:
    """One test file under way."""

    def __init__(self, suite: Suite, file: File) -> None:
        self.suite = suite
        self.file = file
        root = suite.subject(suite.directory).config
        self.variables = FileVariables(
            file=file,
            declared=root.root.variables if root is not None else {},
            outer=suite.outer,
        )
        self.outputs: dict[str, Value] = {}
        self.states: dict[str, Held] = {}
        self.results: list[RunResult] = []

    def run(self) -> FileResult:
        """Run it and tear down what it made."""
        observer, name = self.suite.observer, self.file.name
        observer.file_starts(name)
        stopped = ""
        status = Status.PENDING
        for group in grouped(self.file.runs):
            if stopped or self.suite.stop.stopped:
                ended = [_skipped(run, stopped) for run in group]
            else:
                ended = self._group(group)
            for result in ended:
                status = status.merge(result.status)
                if result.status is Status.ERROR and not stopped:
                    stopped = result.name
                observer.run_ends(name, result)
            self.results += ended
        observer.tears_down(name)
        left = tuple(self._torn_down())
        if left:
            status = status.merge(Status.ERROR)
        if status is Status.PENDING:
            status = Status.PASS
        found = FileResult(name=name, status=status, runs=tuple(self.results), left=left)
        observer.file_ends(found)
        return found

    def _group(self, group: Sequence[Run]) -> list[RunResult]:
        for run in group:
            self.suite.observer.run_starts(self.file.name, run.name)
        if len(group) == 1:
            ended = [self._guarded(group[0])]
        else:
            with ThreadPoolExecutor(min(len(group), self.suite.parallelism)) as pool:
                ended = list(pool.map(self._guarded, group))
        for run, (result, outputs) in zip(group, ended, strict=True):
            if outputs is not None and result.status is not Status.ERROR:
                self.outputs[run.name] = outputs
        return [result for result, _ in ended]

    def _guarded(self, run: Run) -> tuple[RunResult, Value | None]:
        started, clock = datetime.now(UTC), time.monotonic()
        done = self._run(run)
        if self.suite.stop.stopped:
            found = Diagnostics(done.diagnostics)
            found.error(
                "Interrupted",
                "The run was stopped. The runs after it are skipped, and what was made is removed.",
            )
            done = replace(done, status=Status.ERROR, diagnostics=found)
        result = RunResult(
            name=run.name,
            status=done.status,
            diagnostics=tuple(_in_run(done.diagnostics, run)),
            assertions=len(run.assertions),
            failed=tuple(done.failed),
            started=started,
            seconds=time.monotonic() - clock,
            plan=done.plan,
            state=done.state,
            config=done.config,
            schemas=done.schemas,
        )
        return result, done.outputs

    def _run(self, run: Run) -> Executed:
        subject = self._subject(run)
        found = Diagnostics(subject.diagnostics)
        if (
            run.module
            and not run.module.startswith(("./", "../"))
            and run.module not in (".", "..")
        ):
            found = Diagnostics()
            found.error(
                "Invalid module source",
                f'The module of a run is a directory beside the configuration: "{run.module}" must '
                'start with "./" or "../".',
                run.module_range,
            )
        if subject.config is None or found.has_errors:
            return Executed(status=Status.ERROR, diagnostics=found)
        variables = run_variables(run, self.variables, dict(self.outputs), subject.config, found)
        if found.has_errors:
            return Executed(status=Status.ERROR, diagnostics=found)
        held = self.states.setdefault(run.state, Held())
        self.suite.held = list(self.states.values())
        held.runs.append(run.name)
        return execute(
            directory=subject.directory,
            config=subject.config,
            providers=subject.providers,
            sources=subject.sources,
            file=self.file,
            run=run,
            variables=variables,
            held=held,
            environment=self.suite.environment,
            parallelism=self.suite.parallelism,
            before=found,
            stop=self.suite.stop,
        )

    def _subject(self, run: Run) -> Subject:
        directory = self.suite.directory
        return self.suite.subject(
            Path(os.path.normpath(directory / run.module)) if run.module else directory
        )

    def _torn_down(self) -> Iterator[Left]:
        """Destroy the states in the reverse order of their last runs."""
        order = {run.name: at for at, run in enumerate(self.file.runs)}
        states = [held for held in self.states.values() if held.has_objects]
        for held in sorted(states, key=lambda item: order[item.runs[-1]], reverse=True):
            last = held.runs[-1]
            self.suite.observer.run_torn_down(self.file.name, last)
            diagnostics = tear_down(held, self.suite.environment, self.suite.parallelism)
            objects = tuple(held.objects())
            if objects or any(item.severity.value == "error" for item in diagnostics):
                left = Left(run=last, diagnostics=tuple(diagnostics), objects=objects)
                self.suite.observer.left(self.file.name, left)
                yield left


def grouped(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Runs that may go on at the same time: neighbours that say so, each with its own state, none needing another."""
    group: list[Run] = []
    for run in runs:
        names = {item.name for item in group}
        apart = (
            run.parallel
            and group
            and group[-1].parallel
            and run.state not in {item.state for item in group}
            and not _refers(run) & names
        )
        if group and not apart:
            yield group
            group = []
        group.append(run)
    if group:
        yield group


def _refers(run: Run) -> set[str]:
    return {
        str(traversal.steps[0].key)
        for traversal in references(run.block.body)
        if traversal.root == "run" and traversal.steps
    }


def _skipped(run: Run, because: str) -> RunResult:
    return RunResult(name=run.name, status=Status.SKIP, skipped_by=because)


def _in_run(found: Diagnostics, run: Run) -> Iterator[Diagnostic]:
    """Name the run as the enclosing block of what stands in it."""
    outer = run.block.range
    for item in found:
        subject = item.subject
        inside = (
            subject is not None
            and subject.filename == outer.filename
            and outer.start.byte <= subject.start.byte < outer.end.byte
        )
        yield replace(item, block=f'run "{run.name}"') if inside else item
