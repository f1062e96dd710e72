"""Evaluates expressions in a module as a console does: before anything is applied, resources unknown."""

from __future__ import annotations

from pathlib import Path

from perimeter.addresses import ROOT
from perimeter.config.assignments import collect
from perimeter.config.graph import build_graph
from perimeter.config.load import load
from perimeter.config.references import ANYWHERE, find
from perimeter.config.variables import bind
from perimeter.diagnostics import Diagnostics
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.scope import ModuleScope
from perimeter.hcl import parse_expression
from perimeter.lang.evaluate import evaluate
from perimeter.lang.references import references
from perimeter.lang.values import Value


class ConsoleScope(ModuleScope):
    """A module's scope in which ``type`` may be called and files are read from disk."""

    console = True
    planning = False
    now = None

    def read_file(self, path: str) -> bytes:
        return (Path(self.base_dir) / path).read_bytes()

    def file_exists(self, path: str) -> bool:
        found = Path(self.base_dir) / path
        if found.is_dir():
            raise IsADirectoryError(path)
        return found.is_file()


class Console:
    """Expressions over a directory's configuration."""

    def __init__(self, directory: Path) -> None:
        config, problems, _ = load(directory)
        assert config is not None
        graph, more = build_graph(config)
        assignments, given = collect(directory, options=(), environment={})
        inputs, bound = bind(config.root.variables, assignments)
        assert not [*problems, *more, *given, *bound]
        self.config = config
        self.evaluation = Evaluation(
            config,
            inputs,
            now="2026-11-24T12:00:00Z",
            read_file=Path.read_bytes,
            cwd=str(directory),
        )
        found = Diagnostics()
        for node in graph.order:
            for module in list(self.evaluation.modules.get(node.path, ())):
                setter = {
                    "variable": self.evaluation.set_variable,
                    "local": self.evaluation.set_local,
                    "output": self.evaluation.set_output,
                    "module": self.evaluation.set_call,
                }.get(node.kind)
                if setter is not None:
                    setter(module, node.name, found)
        assert not found

    def run(self, text: str) -> tuple[Value | None, Diagnostics]:
        """The value of an expression and what is wrong with it; no value when it cannot be evaluated."""
        expr, problems = parse_expression(text + "\n", "<console-input>")
        if problems or expr is None:
            return None, Diagnostics(problems)
        found = Diagnostics()
        for traversal in references(expr):
            find(self.config, self.config.root, traversal, ANYWHERE, found)
        if found.has_errors:
            return None, found
        return evaluate(expr, ConsoleScope(self.evaluation, ROOT), found), found
