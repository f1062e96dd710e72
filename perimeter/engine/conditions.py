"""Pre- and postconditions: judged while planning, and again at apply where a value was not decided."""

from __future__ import annotations

from collections.abc import Iterable

from perimeter.config.model import Check, Condition
from perimeter.diagnostics import Diagnostics
from perimeter.engine.model import CheckResult
from perimeter.engine.scope import ModuleScope
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.evaluate import evaluate
from perimeter.lang.types import BOOL
from perimeter.lang.values import Value

PRECONDITION = "Resource precondition failed"
POSTCONDITION = "Resource postcondition failed"


def judge(
    conditions: Iterable[Condition],
    scope: ModuleScope,
    subject: str,
    summary: str,
    diagnostics: Diagnostics,
) -> tuple[CheckResult, ...]:
    """Judge conditions; one that does not hold is reported as an error under ``summary``."""
    return tuple(_judge(item, scope, subject, summary, diagnostics) for item in conditions)


def judge_check(
    check: Check, scope: ModuleScope, diagnostics: Diagnostics, *, planning: bool = True
) -> tuple[CheckResult, ...]:
    """Judge a check block's assertions; one that does not hold is a warning, as one that is not decided yet.

    ``planning``: whether what is not decided yet will be, at apply.
    """
    prefix = f"{scope.module}." if scope.module.steps else ""
    subject = f"{prefix}check.{check.name}"
    block = f'check "{check.name}"'
    found: list[CheckResult] = []
    for item in check.asserts:
        problems = Diagnostics()
        held = evaluate(item.condition, scope, problems)
        where = item.condition.range
        message = ""
        status = "unknown"
        if problems.has_errors:
            status = "error"
        elif not held.is_known:
            if planning:
                problems.warning(
                    "Check block assertion known after apply",
                    "The condition could not be evaluated at this time, a result will be known when this plan is applied.",
                    where,
                )
        elif _verdict(held) is None:
            status = "error"
            problems.error(
                "Invalid condition result",
                "Condition expression must return either true or false.",
                where,
            )
        elif _verdict(held):
            status = "pass"
        else:
            status = "fail"
            said = evaluate(item.error_message, scope, problems)
            shown = isinstance(said.raw, str) and not said.deep_marks()
            message = str(said.raw).strip() if shown else _HIDDEN
            problems.warning("Check block assertion failed", message, where)
        diagnostics.extend(problem.at(block=block) for problem in problems)
        texts = (message,) if message else ()
        found.append(CheckResult(address=subject, kind="check", status=status, problems=texts))
    return tuple(found)


_HIDDEN = "This check failed, but its message holds a sensitive value or is not known."


def _verdict(held: Value) -> bool | None:
    try:
        result = convert(held, BOOL)
    except ConversionError:
        return None
    return result.raw if isinstance(result.raw, bool) else None


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
