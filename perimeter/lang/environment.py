"""What an expression is evaluated in: the scope, a for expression's variables, and where problems go."""

from __future__ import annotations

from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Expr, SplatItem
from perimeter.lang.scope import Scope
from perimeter.lang.values import Value


class Environment:
    """One level of evaluation.

    Attributes:
        scope: resolves what no variable names.
        diagnostics: where problems go.
        variables: for variables by name, and a splat's current element by its node.
        resolved: what the scope answered in this evaluation, by expression.
    """

    __slots__ = ("diagnostics", "resolved", "scope", "variables")

    def __init__(
        self,
        scope: Scope,
        diagnostics: Diagnostics,
        variables: dict[str | SplatItem, Value] | None = None,
        resolved: dict[Expr, Value] | None = None,
    ) -> None:
        self.scope = scope
        self.diagnostics = diagnostics
        self.variables: dict[str | SplatItem, Value] = {} if variables is None else variables
        self.resolved: dict[Expr, Value] = {} if resolved is None else resolved

    def nested(self) -> Environment:
        """Return a level whose variables may be set without touching this one's."""
        return Environment(self.scope, self.diagnostics, dict(self.variables), self.resolved)

    def trial(self) -> Environment:
        """Return a level with diagnostics of its own, whose findings may be thrown away."""
        return Environment(self.scope, Diagnostics(), self.variables)
