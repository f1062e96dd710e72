"""Whether a run ended as its test file says: assertions, and the failures that it expects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from perimeter.config.model import Condition, Config
from perimeter.config.shape import place
from perimeter.diagnostics import Diagnostic, Diagnostics, Range, Severity
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.evaluate import evaluate
from perimeter.lang.types import BOOL
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Value
from perimeter.trial.model import Assertion, Run
from perimeter.trial.results import Status
from perimeter.trial.scope import AssertionScope
from perimeter.trial.wording import involved

CHECK_FAILED = "Check block assertion failed"
_RULE_AT = "This was checked by the validation rule at "
_UNKNOWN = (
    "Condition expression could not be evaluated at this time. This means you have executed a `run` "
    "block with `command = plan` and one of the values your condition depended on is not known until "
    "after the plan has been applied. Either remove this value from your condition, or execute an "
    "`apply` command from this `run` block. Alternatively, if there is an override for this value, "
    "you can make it available during the plan phase by setting `override_during = plan` in the "
    "`override_` block."
)


@dataclass(slots=True)
class Judgement:
    """How a run's assertions ended."""

    status: Status = Status.PASS
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    failed: list[str] = field(default_factory=list)


def judge(assertions: Iterable[Assertion], scope: AssertionScope) -> Judgement:
    """Evaluate every assertion of a run."""
    made = Judgement()
    for item in assertions:
        made.status = made.status.merge(_judge(item, scope, made))
    return made


def _judge(item: Assertion, scope: AssertionScope, made: Judgement) -> Status:
    problems = Diagnostics()
    held = evaluate(item.condition, scope, problems)
    values = involved(item.condition, scope)
    message = evaluate(item.error_message, scope, problems)
    made.diagnostics.extend(
        replace(found, values=found.values or _values(found, item, scope)) for found in problems
    )
    if problems.has_errors:
        return Status.ERROR
    where = item.condition.range
    if not held.is_known:
        made.diagnostics.error("Unknown condition value", _UNKNOWN, where)
        return Status.ERROR
    verdict, problem = _verdict(held)
    if problem:
        made.diagnostics.error(
            "Invalid condition run",
            f"Invalid condition run value: {problem}.",
            where,
            values=values,
        )
        return Status.ERROR
    if verdict:
        return Status.PASS
    marks = message.deep_marks()
    if SENSITIVE in marks:
        text = "The error message included a sensitive value, so it will not be displayed."
    elif EPHEMERAL in marks:
        text = "The error message included an ephemeral value, so it will not be displayed."
    elif isinstance(message.raw, str):
        text = message.raw.strip()
    else:
        text = "The error message is not a known string, so it cannot be displayed."
    made.failed.append(text)
    made.diagnostics.error("Test assertion failed", text, where, values=values)
    return Status.FAIL


def _verdict(held: Value) -> tuple[bool, str]:
    """What a known condition says, or what is wrong with it."""
    if held.is_null:
        return False, "a bool is required, not null"
    try:
        return convert(held, BOOL).raw is True, ""
    except ConversionError as problem:
        return False, str(problem)


def _values(
    found: Diagnostic, item: Assertion, scope: AssertionScope
) -> tuple[tuple[str, str], ...]:
    subject = found.subject
    if subject is None or found.summary.startswith("Reference to "):
        return ()
    inside = item.condition if _within(subject, item.condition.range) else item.error_message
    return involved(inside, scope)


def _within(inner: Range, outer: Range) -> bool:
    return (
        inner.filename == outer.filename
        and outer.start.byte <= inner.start.byte
        and inner.end.byte <= outer.end.byte
    )


# Expected failures ----------------------------------------------------------------------------------------------------


class Expectations:
    """Tells failures of checkable objects that a run expects from all other problems."""

    def __init__(self, run: Run, config: Config) -> None:
        self.run = run
        self.met: set[str] = set()
        self._conditions = dict(_conditions(config))
        self._rules = {
            place(rule.range): f"var.{name}"
            for name, variable in config.root.variables.items()
            for rule in variable.validations
        }

    def object_of(self, item: Diagnostic) -> str:
        """The checkable object of the root module whose condition did not hold; empty for other problems."""
        _, at, rule = item.detail.rpartition(_RULE_AT)
        if at and not item.address:
            return self._rules.get(rule.removesuffix("."), "")
        declared = self._conditions.get(item.subject) if item.subject is not None else None
        if declared is None or item.summary.startswith("Check block assertion known"):
            return ""
        is_instance = item.address and (
            item.address == declared or item.address.startswith(f"{declared}[")
        )
        return str(item.address) if is_instance else declared

    def sort(self, found: Iterable[Diagnostic]) -> tuple[list[Diagnostic], list[Diagnostic]]:
        """The failures that the run expects, and everything else; a failed check is an error in a test."""
        expected: list[Diagnostic] = []
        others: list[Diagnostic] = []
        for item in found:
            name = self.object_of(item)
            fitting = [entry.object for entry in self.run.expected if name and entry.covers(name)]
            if fitting:
                self.met.update(fitting)
                expected.append(item)
            elif item.summary == CHECK_FAILED and item.severity is Severity.WARNING:
                others.append(replace(item, severity=Severity.ERROR))
            else:
                others.append(item)
        return expected, others

    def missing(self) -> Iterator[Diagnostic]:
        """An error for each expected failure that did not come."""
        found = Diagnostics()
        for entry in self.run.expected:
            if entry.object not in self.met:
                found.error(
                    "Missing expected failure",
                    f"The checkable object, {entry.object}, was expected to report an error but did "
                    "not.",
                    entry.range,
                )
        return iter(found)

    def too_early(self, expected: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        """What to say when an expected failure kept a run from applying."""
        for item in expected:
            name = self.object_of(item)
            yield Diagnostic(
                severity=Severity.WARNING,
                summary="Expected failure while planning",
                detail=f"A custom condition within {name} failed during the planning stage and "
                "prevented the requested apply operation. While this was an expected failure, the "
                "apply operation could not be executed and so the overall test case will be marked "
                "as a failure and the original diagnostic included in the test report.",
            )
            yield item


def _conditions(config: Config) -> Iterator[tuple[Range, str]]:
    root = config.root
    for name, output in root.outputs.items():
        yield from _ranges(output.preconditions, f"output.{name}")
    for name, check in root.checks.items():
        yield from _ranges(check.asserts, f"check.{name}")
    for block in root.resources.values():
        lifecycle = block.lifecycle
        yield from _ranges((*lifecycle.preconditions, *lifecycle.postconditions), block.address)


def _ranges(conditions: Iterable[Condition], name: str) -> Iterator[tuple[Range, str]]:
    for item in conditions:
        yield item.condition.range, name
