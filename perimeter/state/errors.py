"""The error of this layer."""

from __future__ import annotations

from perimeter.diagnostics import Diagnostic, DiagnosticError, error


class StateError(DiagnosticError):
    """State, journal, evidence or lock cannot be used; carries the diagnostics that say why."""

    @property
    def diagnostic(self) -> Diagnostic:
        """The first (as a rule the only) diagnostic."""
        return self.diagnostics[0]


def state_error(summary: str, detail: str) -> StateError:
    """Make a ``StateError`` of one diagnostic."""
    return StateError(error(summary, detail))
