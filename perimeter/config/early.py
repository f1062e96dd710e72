"""Values that are needed before anything else is: in module sources, versions and the backend.

Only variables, locals, paths and the language's functions can take part: nothing that a tenant or a plan decides.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from perimeter.config.assignments import Assignments
from perimeter.config.model import Module, ModuleCall
from perimeter.config.variables import accept, default_value, given_value
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.hcl.nodes import Expr
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.evaluate import evaluate
from perimeter.lang.functions.function import Function
from perimeter.lang.scope import Traversal
from perimeter.lang.types import STRING
from perimeter.lang.values import Value, string, unknown

Given = Callable[[], Assignments]
"""What the root module's variables are given; asked for only when one of them is used."""


@dataclass(slots=True)
class EarlyScope:
    """What an expression in one module may refer to before anything is planned.

    Attributes:
        module: which one; placed.
        given: for the root's variables.
        caller: the scope of the module that calls this one, and the call; None for the root.
        workspace: the selected one.
    """

    module: Module
    given: Given
    caller: tuple[EarlyScope, ModuleCall] | None = None
    base_dir: str = "."
    workspace: str = "default"
    _known: dict[tuple[str, str], Value] = field(default_factory=dict)
    _open: set[tuple[str, str]] = field(default_factory=set)

    def function(self, name: str) -> Function | None:
        """Know no functions beyond the language's."""
        return None

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Return what a variable, a local value or a path is; anything else is reported."""
        first = traversal.steps[0] if traversal.steps else None
        if first is not None and isinstance(first.key, str):
            match traversal.root:
                case "var":
                    return self._once(traversal, first.key, self._variable, diagnostics), 1
                case "local":
                    return self._once(traversal, first.key, self._local, diagnostics), 1
                case "path" if first.key in ("module", "root", "cwd"):
                    directory = self.module.source_dir if first.key == "module" else ""
                    return string(posixpath.normpath(directory or ".")), 1
                case "perimeter" | "terraform" if first.key == "workspace":
                    return string(self.workspace), 1
        diagnostics.error(
            "Reference not available early",
            f"{traversal} is not known yet where modules are found and state is opened. Only variables, local values made "
            "of them and paths can be used here.",
            traversal.range,
        )
        return unknown(), len(traversal.steps)

    def _once(
        self,
        traversal: Traversal,
        name: str,
        make: Callable[[str, Traversal, Diagnostics], Value],
        diagnostics: Diagnostics,
    ) -> Value:
        key = (traversal.root, name)
        if key not in self._known:
            if key in self._open:
                diagnostics.error(
                    "Self-referencing value", f"{traversal} needs itself.", traversal.range
                )
                return unknown()
            self._open.add(key)
            self._known[key] = make(name, traversal, diagnostics)
            self._open.discard(key)
        return self._known[key]

    def _local(self, name: str, traversal: Traversal, diagnostics: Diagnostics) -> Value:
        found = self.module.locals.get(name)
        if found is not None:
            return evaluate(found.expr, self, diagnostics)
        diagnostics.error(
            "Reference to undeclared local value",
            f'A local value with the name "{name}" has not been declared.'
            f"{did_you_mean(name, self.module.locals)}",
            traversal.range,
        )
        return unknown()

    def _variable(self, name: str, traversal: Traversal, diagnostics: Diagnostics) -> Value:
        declared = self.module.variables.get(name)
        if declared is None:
            diagnostics.error(
                "Reference to undeclared input variable",
                f'An input variable with the name "{name}" has not been declared.'
                f"{did_you_mean(name, self.module.variables)}",
                traversal.range,
            )
            return unknown()
        if self.caller is None:
            return given_value(declared, self.given().values.get(name), diagnostics)
        outer, call = self.caller
        given = call.inputs.get(name)
        if given is None:
            return default_value(declared, diagnostics)
        return accept(
            declared,
            evaluate(given.expr, outer, diagnostics),
            diagnostics,
            subject=given.expr.range,
        )


def early_text(expr: Expr, scope: EarlyScope, what: str, diagnostics: Diagnostics) -> str | None:
    """The text that an expression gives before anything is planned; None once it is reported to give none.

    ``what`` names it in messages: ``module source``.
    """
    found = Diagnostics()
    value = evaluate(expr, scope, found)
    diagnostics.extend(found)
    if found.has_errors:
        return None
    reason = "a string is required"
    if value.deep_marks():
        reason = "it is derived from a sensitive or ephemeral value, and would be shown and kept"
    elif not value.is_known:
        reason = "it is not known before the plan"
    else:
        try:
            text = convert(value, STRING)
        except ConversionError as problem:
            reason = str(problem)
        else:
            if isinstance(text.raw, str) and text.raw:
                return text.raw
    diagnostics.error(f"Invalid {what}", f"The {what} is unsuitable: {reason}.", expr.range)
    return None


def check_constants(scope: EarlyScope, child: Module, diagnostics: Diagnostics) -> None:
    """Report what a call gives a ``const`` variable that is not known early.

    ``scope``: the called module's, whose caller gives the values.
    """
    for name, variable in child.variables.items():
        if not variable.const or scope.caller is None or name not in scope.caller[1].inputs:
            continue
        outer, call = scope.caller
        where = call.inputs[name].expr
        found = Diagnostics()
        value = evaluate(where, outer, found)
        if found.has_errors or not value.is_wholly_known:
            why = f": {found.errors[0].detail}" if found.has_errors else "."
            diagnostics.error(
                "Value is not constant",
                f'The variable "{name}" of module "{call.name}" is declared const, so its value must be known before '
                f"anything is planned{why}",
                where.range,
            )


def early_values(
    body: Mapping[str, Expr], scope: EarlyScope, diagnostics: Diagnostics
) -> dict[str, Value]:
    """The arguments of a block that is needed early, such as a backend's; what is sensitive stays marked."""
    return {name: evaluate(expr, scope, diagnostics) for name, expr in body.items()}
