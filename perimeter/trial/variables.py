"""The values of variables in a test: the run's, else the file's, else those given from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from perimeter.config.assignments import Assignments, Given, Origin, collect
from perimeter.config.model import Config, Variable
from perimeter.config.variables import bind
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Attribute
from perimeter.hcl.source import SourceFile
from perimeter.lang.evaluate import evaluate
from perimeter.lang.plain import from_plain, to_plain
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Value, string
from perimeter.sdk.redact import SECRETS
from perimeter.trial.model import File, Run
from perimeter.trial.scope import Outputs, RunScope

NO_DIRECTORY = Path(".perimeter/no-variables")
"""Holds no variable files: for reading command-line options alone."""


def outside(
    directory: Path,
    tests: Path,
    options: Iterable[tuple[str, str]],
    environment: Mapping[str, str],
) -> tuple[Assignments, Diagnostics]:
    """What environment, variable files of the root module and of the tests' directory, and command line give."""
    found = Diagnostics()
    values: dict[str, Given] = {}
    sources: dict[str, SourceFile] = {}
    for step in (
        collect(directory, environment=environment),
        collect(tests) if tests != directory else (Assignments(), Diagnostics()),
        collect(NO_DIRECTORY, options=options),
    ):
        values.update(step[0].values)
        sources.update(step[0].sources)
        found.extend(step[1])
    return Assignments(values=values, sources=sources), found


@dataclass(slots=True, kw_only=True)
class FileVariables:
    """The variables that a test file's expressions may refer to, evaluated when they are asked for.

    Attributes:
        declared: the root module's.
        outer: from outside the file.
    """

    file: File
    declared: Mapping[str, Variable]
    outer: Assignments
    _found: dict[str, Value | None] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    def value(self, name: str, diagnostics: Diagnostics) -> Value | None:
        """A variable's value; None where neither the file nor anybody outside gives it one."""
        if name not in self._found:
            attribute = self.file.variables.get(name)
            if attribute is None or name in self._open:
                # Inside its own definition a name means what it means outside the file.
                return self._given(name)
            self._open.add(name)
            self._found[name] = evaluate(attribute.expr, self.scope(), diagnostics)
            self._open.discard(name)
        return self._found[name]

    def scope(self) -> RunScope:
        """For the file's own ``variables`` block."""
        return RunScope(variable=self.value)

    def _given(self, name: str) -> Value | None:
        variable, given = self.declared.get(name), self.outer.values.get(name)
        if variable is None:
            return None if given is None else _undeclared(given)
        if given is None and variable.default is None:
            return None
        plain = replace(variable, validations=())
        values, problems = bind({name: plain}, _only(self.outer, {name: variable}))
        return None if problems.has_errors else values[name]


def _undeclared(given: Given) -> Value | None:
    if given.value is not None:
        return given.value
    if given.text is not None:
        return string(given.text)
    if given.expr is not None:
        return evaluate(given.expr, RunScope(variable=lambda *_: None), Diagnostics())
    return from_plain(given.plain)


def _only(given: Assignments, declared: Mapping[str, Variable]) -> Assignments:
    return replace(given, values={n: v for n, v in given.values.items() if n in declared})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunVariables:
    """A run's variables, evaluated.

    Attributes:
        own: those of its ``variables`` block.
        scope: knows them and all others; for providers, mocks, overrides and assertions.
    """

    own: Mapping[str, Value]
    attributes: Mapping[str, Attribute]
    shared: FileVariables
    scope: RunScope

    def inputs(self, config: Config, diagnostics: Diagnostics) -> Mapping[str, Value]:
        """The input variables of the module under test; what it does not declare is left out."""
        declared = config.root.variables
        values = dict(_only(self.shared.outer, declared).values)
        for name, attribute in self.shared.file.variables.items():
            if name in declared:
                value = self.shared.value(name, diagnostics)
                assert value is not None
                values[name] = _given(name, attribute, value)
        for name, value in self.own.items():
            if name in declared:
                values[name] = _given(name, self.attributes[name], value)
        found, problems = bind(declared, Assignments(values=values))
        diagnostics.extend(problems)
        for item in found.values():
            if {SENSITIVE, EPHEMERAL} & item.deep_marks():
                SECRETS.add_all(to_plain(item))  # redacted wherever text leaves the process
        return found


def _given(name: str, attribute: Attribute, value: Value) -> Given:
    where = attribute.expr.range
    return Given(name=name, origin=Origin.FILE, where=where.filename, range=where, value=value)


def run_variables(
    run: Run, shared: FileVariables, runs: Outputs, config: Config, diagnostics: Diagnostics
) -> RunVariables:
    """Evaluate a run's variables; those that the module under test lacks are named in a warning."""
    names = [item.name for item in shared.file.runs]
    before = RunScope(variable=shared.value, runs=runs, names=names)
    own: dict[str, Value] = {}
    for name, attribute in run.variables.items():
        own[name] = evaluate(attribute.expr, before, diagnostics)
        if name not in config.root.variables:
            diagnostics.warning(
                "Value for undeclared variable",
                f'The module under test does not declare a variable named "{name}", but it is '
                f'declared in run block "{run.name}".',
                attribute.name_range,
            )

    def variable(name: str, problems: Diagnostics) -> Value | None:
        return own.get(name) or shared.value(name, problems)

    scope = RunScope(variable=variable, runs=runs, names=names)
    return RunVariables(own=own, attributes=run.variables, shared=shared, scope=scope)
