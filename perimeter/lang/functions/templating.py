"""``templatefile`` and ``templatestring``."""

from __future__ import annotations

import re
from typing import Any

from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_template
from perimeter.hcl.nodes import Call, Expr, Literal, Template
from perimeter.hcl.walk import walk
from perimeter.lang.functions.files import read_text
from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    nothing,
)
from perimeter.lang.marks import unknown_from
from perimeter.lang.references import references, static_traversal
from perimeter.lang.scope import Scope, Traversal
from perimeter.lang.text import quote
from perimeter.lang.types import STRING, Map, Object
from perimeter.lang.values import Value

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_FORBIDDEN = frozenset({"templatefile", "templatestring"})


class TemplateScope:
    """The variables of a template, before the scope in which the function is called."""

    def __init__(self, outer: Scope, variables: dict[str, Value]) -> None:
        self._outer = outer
        self._variables = variables

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outer, name)

    @property
    def base_dir(self) -> str:
        """The outer scope's."""
        return self._outer.base_dir

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Return a template variable; that it exists has been checked."""
        return self._variables[traversal.root], 0

    def function(self, name: str) -> Function | None:
        """Ask the outer scope."""
        return self._outer.function(name)


def _rendered(source: str, name: str, variables: Value, context: Context) -> Value:
    template, problems = parse_template(source, name)
    if problems:
        raise FunctionError(_listed(Diagnostics(problems)))
    given = _variables(variables)
    if given is None:
        return unknown_from((variables,), marks=variables.marks)
    for traversal in references(template):
        if traversal.root not in given:
            where = traversal.range
            raise FunctionError(
                f"vars map does not contain key {quote(traversal.root)}, referenced at "
                f"{where.filename}:{where.start.line},{where.start.column}-{where.end.column}",
                1,
                discreet=True,
            )
    _check_calls(template)
    from perimeter.lang.evaluate import evaluate

    found = Diagnostics()
    value = evaluate(template, TemplateScope(context.scope, given), found)
    if found.has_errors:
        raise FunctionError(_listed(found), discreet=True)
    return value


def _variables(value: Value) -> dict[str, Value] | None:
    """The variables by name; None while they are not known."""
    if not isinstance(value.type, Map | Object):
        raise FunctionError("invalid vars value: must be a map", 1)
    if not value.is_known:
        return None
    for name in value.raw:
        if not _NAME.fullmatch(name):
            raise FunctionError(
                f"invalid template variable name {quote(name)}: must start with a letter, followed "
                "by zero or more letters, digits, and underscores",
                1,
            )
    return {name: part.with_marks(value.marks) for name, part in value.raw.items()}


def _check_calls(template: Template) -> None:
    for node in walk(template):
        if isinstance(node, Call) and node.name.removeprefix("core::") in _FORBIDDEN:
            raise FunctionError(
                f"{node.range}: cannot recursively call {node.name} from inside another template"
            )


def _listed(found: Diagnostics) -> str:
    return "; ".join(
        f"{item.subject}: {item.summary}; {item.detail.rstrip('.')}" for item in found.errors
    )


def _templatefile(values: list[Value], context: Context) -> Value:
    path = values[0].raw
    return _rendered(read_text(path, context.scope, 0), path, values[1], context)


def _templatestring(values: list[Value], context: Context) -> Value:
    return _rendered(values[0].raw, "<templatestring argument>", values[1], context)


def _indirect(expr: Expr) -> str:
    """``templatestring`` renders what comes from elsewhere: a template written in place needs no function."""
    if static_traversal(expr) is not None:
        return ""
    if isinstance(expr, Template | Literal):
        return (
            "templatestring renders templates that come from elsewhere; write this one as a template "
            "expression"
        )
    return "it must be a direct reference to a single string from elsewhere that holds a template"


_VARS = Parameter("vars", allow_unknown=True, allow_marked=True)

FUNCTIONS: dict[str, Function] = {
    "templatefile": Function(
        parameters=(Parameter("path", STRING), _VARS), call=_templatefile, refine=nothing
    ),
    "templatestring": Function(
        parameters=(Parameter("template", STRING), _VARS),
        returns=STRING,
        call=_templatestring,
        unsuitable=_indirect,
        refine=nothing,
    ),
}
