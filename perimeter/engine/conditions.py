"""Pre- and postconditions: judged while planning, and again at apply where a value was not decided."""

from __future__ import annotations

from collections.abc import Iterable

from perimeter.config.model import Condition
from perimeter.diagnostics import Diagnostics
from perimeter.engine.model import CheckResult
from perimeter.engine.scope import ModuleScope
from perimeter.lang.evaluate import evaluate


def judge(
    conditions: Iterable[Condition],
    scope: ModuleScope,
    subject: str,
    summary: str,
    diagnostics: Diagnostics,
) -> tuple[CheckResult, ...]:
    """Judge conditions; one that does not hold is reported as an error under ``summary``."""
    return tuple(_judge(item, scope, subject, summary, diagnostics) for item in conditions)


def _judge(
    condition: Condition,
    scope: ModuleScope,
    subject: str,
    summary: str,
    diagnostics: Diagnostics,
) -> CheckResult:
    problems = Diagnostics()
    held = evaluate(condition.condition, scope, problems)
    diagnostics.extend(problems)
    if not held.is_known or problems.has_errors:
        return CheckResult(address=subject, kind="resource", status="unknown")
    if held.raw is True:
        return CheckResult(address=subject, kind="resource", status="pass")
    message = evaluate(condition.error_message, scope, problems)
    hidden = message.deep_marks() or not isinstance(message.raw, str)
    text = (
        "This check failed, but its message holds a sensitive value."
        if hidden
        else str(message.raw)
    )
    diagnostics.error(summary, text, condition.condition.range, address=subject)
    return CheckResult(address=subject, kind="resource", status="fail", problems=(text,))
