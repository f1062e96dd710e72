"""Values of input variables: conversion, nullability, marks and validation."""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.config.assignments import Assignments, Given, Origin
from perimeter.config.literals import constant
from perimeter.config.model import Condition, Variable
from perimeter.config.shape import header, place
from perimeter.diagnostics import Diagnostics, Range
from perimeter.hcl.nodes import Block
from perimeter.lang.functions.function import Function
from perimeter.lang.scope import Scope, Traversal
from perimeter.lang.types import BOOL, DYNAMIC, STRING, Primitive
from perimeter.lang.values import (
    EPHEMERAL,
    SENSITIVE,
    Mark,
    Value,
    null,
    object_of,
    unknown,
)

_SILENCE = (
    "To silence these warnings, use PERIMETER_VAR_... environment variables to provide certain "
    '"global" settings to all configurations in your organization. To reduce the verbosity of '
    "these warnings, use the -compact-warnings option."
)


def bind(
    variables: Mapping[str, Variable], assignments: Assignments
) -> tuple[dict[str, Value], Diagnostics]:
    """Give the root module's variables their values.

    Returns:
        A value for every variable (unknown where it could not be decided, so that other errors are
        found too) and everything that is wrong. Validation rules that refer to variables only have
        been checked; the engine checks the others with ``check_rule``.
    """
    diagnostics = Diagnostics()
    _undeclared(variables, assignments, diagnostics)
    values = {
        name: given_value(variable, assignments.values.get(name), diagnostics)
        for name, variable in variables.items()
    }
    for variable in variables.values():
        if variable.deprecated and variable.name in assignments.values:
            diagnostics.warning(
                "Deprecated variable used from the root module",
                f'The root variable "{variable.name}" is deprecated with the following message:\n'
                f"{variable.deprecated}",
                variable.range,
            )
    scope = VariableScope(values)
    for variable in variables.values():
        if values[variable.name].is_known:
            for rule in variable.validations:
                if refers_to_variables_only(rule):
                    given = assignments.values.get(variable.name)
                    subject = given.range if given is not None and given.value is not None else None
                    check_rule(variable, rule, scope, diagnostics, subject=subject)
    return values, diagnostics


def missing(variables: Mapping[str, Variable], assignments: Assignments) -> tuple[Variable, ...]:
    """The variables that need a value and have none: what a terminal may prompt for."""
    return tuple(
        variable
        for variable in variables.values()
        if variable.default is None
        and "default" not in _arguments(variable)
        and variable.name not in assignments.values
    )


def _arguments(variable: Variable) -> Mapping[str, object]:
    return variable.node.body.attributes if isinstance(variable.node, Block) else {}


def _undeclared(
    variables: Mapping[str, Variable], assignments: Assignments, diagnostics: Diagnostics
) -> None:
    in_files = 0
    for name, given in assignments.values.items():
        if name in variables or given.origin is Origin.ENVIRONMENT:
            continue
        if given.origin is Origin.COMMAND_LINE:
            diagnostics.error(
                "Value for undeclared variable",
                f'A variable named "{name}" was assigned on the command line, but the root module '
                "does not declare a variable of that name. To use this value, add a "
                '"variable" block to the configuration.',
            )
            continue
        in_files += 1
        if in_files <= 2:
            diagnostics.warning(
                "Value for undeclared variable",
                f'The root module does not declare a variable named "{name}" but a value was found '
                f'in file "{given.where}". If you meant to use this value, add a "variable" block '
                f"to the configuration.\n\n{_SILENCE}",
            )
    if in_files > 2:
        diagnostics.warning(
            "Values for undeclared variables",
            f"In addition to the other similar warnings shown, {in_files - 2} other variable(s) "
            "defined without being declared.",
        )


def given_value(variable: Variable, given: Given | None, diagnostics: Diagnostics) -> Value:
    """A root variable's value, from what it is given or by default."""
    if given is None:
        return default_value(variable, diagnostics, root=True)
    raw = _evaluated(variable, given, diagnostics)
    if raw is None:
        return _marked(variable, unknown(variable.type))
    return accept(variable, raw, diagnostics, given=given)


def _evaluated(variable: Variable, given: Given, diagnostics: Diagnostics) -> Value | None:
    if given.value is not None:
        return given.value
    if given.expr is not None:
        return constant(given.expr, diagnostics)
    if given.text is None:
        from perimeter.lang.plain import from_plain

        return from_plain(given.plain)
    if isinstance(variable.type, Primitive) and (
        variable.type != DYNAMIC or "type" not in _arguments(variable)
    ):
        from perimeter.lang.text import nfc

        return Value(STRING, nfc(given.text))
    from perimeter.hcl import parse_expression

    expr, problems = parse_expression(given.text, f"<value for var.{variable.name}>")
    if problems or expr is None:
        diagnostics.extend(problems)
        return None
    return constant(expr, diagnostics)


def default_value(variable: Variable, diagnostics: Diagnostics, *, root: bool = False) -> Value:
    """The value of a variable that is given none; a required one is reported and unknown."""
    if variable.default is None:
        if root and "default" not in _arguments(variable):
            diagnostics.error(
                "No value for required variable",
                f'The root module input variable "{variable.name}" is not set, and has no default '
                "value. Use a -var or -var-file command line argument to provide a value for this "
                "variable.",
                variable.range,
            )
        return _marked(variable, unknown(variable.type))
    value = constant(variable.default, diagnostics)
    if value is None:
        return _marked(variable, unknown(variable.type))
    return accept(variable, value, diagnostics)


def accept(
    variable: Variable,
    value: Value,
    diagnostics: Diagnostics,
    *,
    given: Given | None = None,
    subject: Range | None = None,
) -> Value:
    """Convert a value for a variable to its type; null becomes the default where null is refused.

    Args:
        variable: which one.
        value: what the caller or the user gives it.
        diagnostics: where problems go.
        given: where a root variable's value was written.
        subject: the argument in a ``module`` block, for a child module's variable.
    """
    from perimeter.lang.convert import ConversionError, convert

    if value.is_null and not variable.nullable:
        if variable.default is not None and (given is not None or subject is not None):
            return default_value(variable, diagnostics)
        diagnostics.error(
            "Required variable not set",
            f"Unsuitable value for var.{variable.name} {_written(given)}: required variable may not "
            "be set to null.",
            subject or (given.range if given else None) or variable.range,
        )
        return _marked(variable, unknown(variable.type))
    try:
        converted = convert(value, variable.type)
    except ConversionError as failure:
        problem = "a sensitive value of the wrong type was given" if _hidden(value) else failure
        if given is not None and given.range is None:
            detail = f"Unsuitable value for var.{variable.name} {_written(given)}: {problem}."
            where = variable.range
        else:
            detail = (
                f"The given value is not suitable for var.{variable.name} declared at "
                f"{place(variable.range)}: {problem}."
            )
            where = subject or (given.range if given and given.range else variable.range)
        diagnostics.error("Invalid value for input variable", detail, where)
        converted = unknown(variable.type)
    return _marked(variable, converted)


def _hidden(value: Value) -> bool:
    return bool(value.deep_marks())


def _written(given: Given | None) -> str:
    if given is None:
        return "from its default"
    if given.origin is Origin.ENVIRONMENT:
        return f"set using the {given.where} environment variable"
    if given.origin is Origin.FILE:
        return f'set from "{given.where}"'
    return f"set using {given.where}"


def _marked(variable: Variable, value: Value) -> Value:
    marks: set[Mark] = set()
    if variable.sensitive:
        marks.add(SENSITIVE)
    if variable.ephemeral:
        marks.add(EPHEMERAL)
    return value.with_marks(marks)


class VariableScope:
    """A scope in which only ``var`` exists."""

    base_dir = "."

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Return a variable's value; anything else is reported."""
        if traversal.root == "var" and traversal.steps:
            value = self._values.get(str(traversal.steps[0].key))
            if value is not None:
                return value, 1
        if traversal.root == "var" and not traversal.steps:
            return object_of(dict(self._values)), 0
        diagnostics.error(
            "Invalid reference in variable validation",
            f'"{traversal}" cannot be referred to here.',
            traversal.range,
        )
        return unknown(), len(traversal.steps)

    def function(self, name: str) -> Function | None:
        """Know no functions besides the language's."""
        return None


def refers_to_variables_only(rule: Condition) -> bool:
    """Whether a validation rule can be checked as soon as all variables have their values."""
    from perimeter.lang.references import references

    used = [*references(rule.condition), *references(rule.error_message)]
    return all(traversal.root == "var" for traversal in used)


def check_rule(
    variable: Variable,
    rule: Condition,
    scope: Scope,
    diagnostics: Diagnostics,
    *,
    subject: Range | None = None,
    address: str | None = None,
) -> bool:
    """Check one validation rule of a variable; answer whether it is known to hold.

    Args:
        variable: whose rule it is.
        rule: the rule.
        scope: resolves ``var`` and whatever else the rule refers to.
        diagnostics: where problems go.
        subject: the argument that gave the value, for a child module's variable.
        address: the module instance's address.
    """
    from perimeter.lang.evaluate import evaluate

    found = Diagnostics()
    result = evaluate(rule.condition, scope, found)
    block = header(variable.node) if isinstance(variable.node, Block) else None
    diagnostics.extend(item.at(block=block) for item in found)
    if found.has_errors or not result.is_known:
        return False
    problem = _not_a_verdict(result)
    if problem is not None:
        diagnostics.error(
            "Invalid variable validation result",
            problem,
            rule.condition.range,
            block=block,
        )
        return False
    if _is_true(result):
        return True
    diagnostics.error(
        "Invalid value for variable",
        f"{_message(rule, scope, diagnostics)}\n\nThis was checked by the validation rule at "
        f"{place(rule.range)}.",
        subject or variable.range,
        address=address,
    )
    return False


def _not_a_verdict(result: Value) -> str | None:
    from perimeter.lang.convert import ConversionError, convert

    if result.is_null:
        return "Validation condition expression must return either true or false, not null."
    try:
        convert(result, BOOL)
    except ConversionError as failure:
        return f"Invalid validation condition result value: {failure}."
    return None


def _is_true(result: Value) -> bool:
    from perimeter.lang.convert import convert

    return convert(result, BOOL).raw is True


def _message(rule: Condition, scope: Scope, diagnostics: Diagnostics) -> str:
    """The rule's error message, or what stands for it when it cannot be shown."""
    from perimeter.lang.convert import ConversionError, convert
    from perimeter.lang.evaluate import evaluate

    found = Diagnostics()
    value = evaluate(rule.error_message, scope, found)
    diagnostics.extend(found)
    try:
        text = null(STRING) if found.has_errors else convert(value, STRING)
    except ConversionError:
        text = null(STRING)
    if SENSITIVE in value.deep_marks():
        return "The error message included a sensitive value, so it will not be displayed."
    if EPHEMERAL in value.deep_marks():
        return "The error message included an ephemeral value, so it will not be displayed."
    if isinstance(text.raw, str):
        return text.raw.strip()
    return "The rule does not hold, and its error message could not be evaluated."
