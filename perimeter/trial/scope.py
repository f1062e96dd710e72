"""What expressions in a test file may refer to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perimeter.addresses import ROOT
from perimeter.config.references import ANYWHERE, find
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.scope import ModuleScope
from perimeter.lang.functions.function import Function
from perimeter.lang.scope import Traversal
from perimeter.lang.values import Value, object_of, unknown

Outputs = Mapping[str, Value]
"""The outputs of runs that have ended, as one object each, by run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScope:
    """Knows ``var`` and ``run``: for variables, providers, mocks and overrides of a test file.

    Attributes:
        variable: a variable's value by name; None for one that is not there.
        runs: of the runs before.
        names: of all runs of the file.
    """

    variable: Callable[[str, Diagnostics], Value | None]
    runs: Outputs = field(default_factory=dict)
    names: Sequence[str] = ()
    base_dir: str = "."
    planning: bool = False

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Return a variable's value or a run's outputs; anything else is reported."""
        name = str(traversal.steps[0].key) if traversal.steps else ""
        if traversal.root == "run" and name:
            return resolve_run(traversal, self.runs, self.names, diagnostics)
        if traversal.root == "var" and name:
            value = self.variable(name, diagnostics)
            if value is not None:
                return value, 1
            diagnostics.error(
                "Reference to unavailable variable",
                f'The input variable "{name}" is not available to the current context. Here you '
                "can refer to variables of the test file's variables block, and to those of the "
                "command line, of variable files and of the environment.",
                traversal.range,
            )
        else:
            diagnostics.error(
                "Invalid reference",
                "You can only refer to variables and to the outputs of earlier runs here: "
                "var.NAME or run.NAME.OUTPUT.",
                traversal.range,
            )
        return unknown(), len(traversal.steps)

    def function(self, name: str) -> Function | None:
        """No function is known beyond the language's own."""
        return None


def resolve_run(
    traversal: Traversal, runs: Outputs, names: Sequence[str], diagnostics: Diagnostics
) -> tuple[Value, int]:
    """The outputs of an earlier run."""
    name = str(traversal.steps[0].key)
    found = runs.get(name)
    if found is not None:
        return found, 1
    only = (
        "You can only reference run blocks that are in the same test file and will execute before "
        "the current run block."
    )
    if name in names:
        diagnostics.error(
            "Reference to unavailable run block",
            f'The run block "{name}" has not executed yet. {only}',
            traversal.range,
        )
    else:
        diagnostics.error(
            "Reference to unknown run block",
            f'The run block "{name}" does not exist within this test file.'
            f"{did_you_mean(name, names)} {only}",
            traversal.range,
        )
    return unknown(), len(traversal.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionScope:
    """What an assertion may refer to: all that the module under test has, its outputs, and earlier runs.

    Attributes:
        inner: the module under test after its run.
        outer: for variables that only the test file has, and for runs.
    """

    inner: ModuleScope
    outer: RunScope

    @property
    def base_dir(self) -> str:
        """Directory against which file functions resolve relative paths."""
        return self.inner.base_dir

    @property
    def planning(self) -> bool:
        """Whether ``timestamp`` and its like are unknown."""
        return self.inner.planning

    @property
    def now(self) -> str:
        """What ``plantimestamp`` gives."""
        return self.inner.now

    def read_file(self, path: str) -> bytes:
        """The content of a file: as the plan saw it, else as it is."""
        try:
            return self.inner.read_file(path)
        except PermissionError:
            raise
        except OSError:
            return Path(path).read_bytes()

    def function(self, name: str) -> Function | None:
        """A provider's function."""
        return self.inner.function(name)

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Return the value of a prefix of the traversal and that prefix's number of steps."""
        evaluation, root = self.inner.evaluation, self.inner.evaluation.config.root
        name = str(traversal.steps[0].key) if traversal.steps else ""
        if traversal.root == "run" and name:
            return self.outer.resolve(traversal, diagnostics)
        if traversal.root == "output":
            return self._output(traversal, name, diagnostics)
        if traversal.root == "var" and name and name not in root.variables:
            value = self.outer.variable(name, Diagnostics())
            if value is not None:
                return value, 1
        problems = Diagnostics()
        find(evaluation.config, root, traversal, ANYWHERE, problems)
        if problems.has_errors:
            diagnostics.extend(problems)
            return unknown(), len(traversal.steps)
        return self.inner.resolve(traversal, diagnostics)

    def _output(
        self, traversal: Traversal, name: str, diagnostics: Diagnostics
    ) -> tuple[Value, int]:
        evaluation = self.inner.evaluation
        declared = evaluation.config.root.outputs
        if name in declared:
            return evaluation.output(ROOT, name) or unknown(), 1
        diagnostics.error(
            "Reference to undeclared output value",
            f'An output value with the name "{name}" has not been declared.'
            f"{did_you_mean(name, declared)}",
            traversal.range,
        )
        return unknown(), len(traversal.steps)


def outputs_of(evaluation: Evaluation) -> Value:
    """A run's outputs as one object."""
    return object_of(evaluation.module_outputs(ROOT))
