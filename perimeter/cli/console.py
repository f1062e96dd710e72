"""Expressions evaluated one by one inside a working directory's root module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perimeter.addresses import ROOT
from perimeter.cli.command import Invocation
from perimeter.cli.failure import Refused
from perimeter.cli.workspace import HERE, loaded, place, remembered_state
from perimeter.config.assignments import collect
from perimeter.config.attributes import check_attributes
from perimeter.config.files import DISK, select
from perimeter.config.model import Config
from perimeter.config.references import ANYWHERE, check_bare, find
from perimeter.config.variables import bind, missing
from perimeter.diagnostics import Diagnostics
from perimeter.engine.boundary import allowed_outside
from perimeter.engine.clock import rfc3339
from perimeter.engine.functions import language_function
from perimeter.engine.remembered import RememberedRequest, remembered
from perimeter.engine.scope import ModuleScope
from perimeter.engine.session import Loaded
from perimeter.hcl import parse_expression
from perimeter.hcl.nodes import Expr
from perimeter.hcl.source import SourceFile
from perimeter.lang.evaluate import evaluate
from perimeter.lang.functions.function import Function
from perimeter.lang.references import references
from perimeter.lang.scope import Scope, StaticScope, Traversal
from perimeter.lang.values import TYPE_NAME, Value
from perimeter.sdk.registry import BUILTIN, load_provider
from perimeter.sdk.schema import Schema
from perimeter.state.envelope import collector_paused

FILE = "<console-input>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an expression gave.

    Attributes:
        value: None when it could not be evaluated; ``diagnostics`` then holds why.
        sources: the expression itself, for the snippets of diagnostics.
    """

    value: Value | None
    diagnostics: Diagnostics
    sources: dict[str, SourceFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expressions:
    """A module's root scope, in which expressions are evaluated.

    Attributes:
        config: None where the directory holds no configuration.
        schemas: of resource types and data sources, by mode and name.
    """

    scope: Scope
    config: Config | None = None
    schemas: dict[tuple[str, str], Schema]

    @collector_paused()
    def answer(self, text: str) -> Answer:
        """Evaluate an expression; never raise."""
        expr, problems = parse_expression(f"{text}\n", FILE)
        found = Diagnostics(problems)
        sources = {FILE: SourceFile(FILE, text)}
        if expr is None:
            return Answer(value=None, diagnostics=found, sources=sources)
        if not found.has_errors:
            self._check(expr, found)
        value = None if found.has_errors else evaluate(expr, self.scope, found)
        if value is not None and _holds_type_name(value):
            found.error(
                "Invalid use of type function",
                'The console-only "type" function cannot be used as part of an expression.',
                expr.range,
            )
        if found.has_errors:
            value = None
        return Answer(value=value, diagnostics=found, sources=sources)

    def _check(self, expr: Expr, found: Diagnostics) -> None:
        if self.config is None:
            return
        root = self.config.root
        for traversal in references(expr):
            check_bare(traversal, found)
            find(self.config, root, traversal, ANYWHERE, found)
            check_attributes(root, traversal, self.schemas, found)


class _ConsoleScope:
    """The root module as the console sees it: ``type`` may be called, files are read, and nothing is being planned."""

    console = True
    planning = False
    now = None

    def __init__(self, inner: ModuleScope) -> None:
        self._inner = inner
        self.base_dir = inner.base_dir

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """As inside the root module."""
        return self._inner.resolve(traversal, diagnostics)

    def read_file(self, path: str) -> bytes:
        """The content of a file that the root module may read."""
        return self._inner.read_file(path)

    def list_files(self, path: str) -> Sequence[str]:
        """The files below a folder that the root module may read."""
        return self._inner.list_files(path)

    def function(self, name: str) -> Function | None:
        """A provider's function."""
        return self._inner.function(name)


class _BareScope(StaticScope):
    """No module: literals and functions, the builtin provider's included."""

    def function(self, name: str) -> Function | None:
        """A function of the builtin provider."""
        space, provider, wanted = (*name.split("::"), "", "")[:3]
        if (space, provider) != ("provider", BUILTIN):
            return None
        found, _ = load_provider(BUILTIN)
        declared = found.functions.get(wanted) if found is not None else None
        return language_function(declared) if declared is not None else None


@collector_paused()
def expressions(invocation: Invocation, given: dict[str, Any]) -> Expressions:
    """The working directory's expressions; variables without a value are unknown.

    Raises:
        Refused: the configuration has errors.
    """
    if not has_configuration(HERE):
        return Expressions(scope=_BareScope({}, planning=False, console=True), schemas={})
    configuration = _with_inputs(invocation, loaded(invocation, variables=False))
    config = configuration.config
    assert config is not None
    state = remembered_state(place(config, given["state"], invocation=invocation))
    assert configuration.graph is not None
    evaluation, problems = remembered(
        RememberedRequest(
            config=config,
            graph=configuration.graph,
            inputs=configuration.inputs,
            state=state,
            providers=configuration.providers,
            now=rfc3339(datetime.now(UTC)),
            cwd=str(Path.cwd()),
            outside_files=allowed_outside(invocation.terminal.environment, str(Path.cwd())),
        )
    )
    invocation.reporter.diagnostics(problems.errors, configuration.sources)
    return Expressions(
        scope=_ConsoleScope(evaluation.scope(ROOT)),
        config=config,
        schemas={
            **{
                ("managed", name): kind.schema
                for provider in configuration.providers.values()
                for name, kind in provider.resources.items()
            },
            **{
                ("data", name): source.schema
                for provider in configuration.providers.values()
                for name, source in provider.data_sources.items()
            },
        },
    )


def has_configuration(directory: Path) -> bool:
    """Whether a directory holds a module."""
    listing = select(DISK.names(directory))
    return bool(listing.primary or listing.overrides)


def _with_inputs(invocation: Invocation, configuration: Loaded) -> Loaded:
    """The configuration with those variables that have values."""
    from dataclasses import replace

    config = configuration.config
    assert config is not None
    assignments, problems = collect(
        HERE,
        options=invocation.order("var", "var-file"),
        environment=invocation.terminal.environment,
    )
    without = {variable.name for variable in missing(config.root.variables, assignments)}
    inputs, more = bind(
        {name: item for name, item in config.root.variables.items() if name not in without},
        assignments,
    )
    found = Diagnostics([*problems, *more])
    if found.has_errors:
        raise Refused(found, {**configuration.sources, **assignments.sources})
    return replace(configuration, assignments=assignments, inputs=inputs)


def _holds_type_name(value: Value) -> bool:
    """Whether what ``type`` gave is a part of the value, or went through something else."""
    return TYPE_NAME in value.deep_marks() and TYPE_NAME not in value.marks
