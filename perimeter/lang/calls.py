"""Function calls: arguments, their number and types, what is unknown or marked, and whose function it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from perimeter.diagnostics import did_you_mean
from perimeter.hcl.nodes import Call, Expr
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.environment import Environment
from perimeter.lang.functions.function import Context, Function, FunctionError, Parameter
from perimeter.lang.marks import is_secret, unknown_from, unmark_deep
from perimeter.lang.types import DYNAMIC, List, Set, Tuple
from perimeter.lang.values import NO_MARKS, Mark, Unknown, Value, unknown

Evaluator = Callable[[Any, Environment], Value]
_Argument = tuple[Value, Expr]


def call_expression(expr: Call, env: Environment, evaluate: Evaluator) -> Value:
    """Evaluate a call; never raise."""
    special = _SPECIAL.get(expr.name)
    if special is not None:
        return special(expr, env, evaluate)
    functions = _functions()
    name = expr.name.removeprefix("core::")
    function = functions.get(name) or (env.scope.function(name) if "::" in name else None)
    if function is None or not function.available(env.scope):
        _unknown_function(expr, env, [*functions, "try", "can"])
        return unknown()
    before = len(env.diagnostics)
    arguments = _arguments(expr, env, evaluate)
    if arguments is None:
        return unknown()
    if isinstance(arguments, Value):
        return arguments
    failed = len(env.diagnostics) > before
    if not _arity_fits(expr, function, len(arguments), env) or failed:
        return unknown()
    return _call(expr, function, arguments, env)


@cache
def _functions() -> dict[str, Function]:
    """The table, loaded with the first call."""
    from perimeter.lang.functions.table import FUNCTIONS

    return FUNCTIONS


def _arguments(expr: Call, env: Environment, evaluate: Evaluator) -> list[_Argument] | Value | None:
    """Evaluate arguments; a value instead when the expanded one is unknown, None once it is reported wrong."""
    given = [(evaluate(arg, env), arg) for arg in expr.args]
    if not expr.expand:
        return given
    last, where = given.pop()
    if last.raw is None:
        env.diagnostics.error(
            "Invalid expanding argument value",
            "The expanding argument (indicated by ...) must not be null.",
            where.range,
        )
        return None
    if last.type == DYNAMIC and isinstance(last.raw, Unknown):
        return unknown_from((last,), marks=last.marks)
    if not isinstance(last.type, List | Set | Tuple):
        env.diagnostics.error(
            "Invalid expanding argument value",
            "The expanding argument (indicated by ...) must be of a tuple, list, or set type.",
            where.range,
        )
        return None
    if isinstance(last.raw, Unknown):
        return unknown_from((last,), marks=last.marks)
    given += [(item.with_marks(last.marks), where) for item in last.raw]
    return given


def _arity_fits(expr: Call, function: Function, count: int, env: Environment) -> bool:
    parameters = function.parameters
    if count < len(parameters):
        missing = parameters[count]
        qualifier = " at least" if function.variadic is not None else ""
        env.diagnostics.error(
            "Not enough function arguments",
            f'Function "{expr.name}" expects{qualifier} {len(parameters)} argument(s). Missing value '
            f'for "{missing.name}".',
            expr.src.range(expr.end - 1, expr.end),
            context=expr.range,
        )
        return False
    if count > len(parameters) and function.variadic is None:
        extra = expr.args[min(len(parameters), len(expr.args) - 1)]
        env.diagnostics.error(
            "Too many function arguments",
            f'Function "{expr.name}" expects only {len(parameters)} argument(s).',
            expr.src.range(extra.start, expr.args[-1].end),
            context=expr.range,
        )
        return False
    return True


def _unknown_function(expr: Call, env: Environment, known: Any) -> None:
    """Report a function that neither the language nor the scope has."""
    where = expr.src.range(expr.start, expr.name_end)
    space, colons, rest = expr.name.partition("::")
    if not colons:
        space, rest = "core", expr.name
    summary = "Unknown provider function"
    if space == "core":
        if not colons:
            summary = "Call to unknown function"
        detail = f'There is no function named "{expr.name}".{did_you_mean(rest, known)}'
    elif space == "provider":
        provider, _, name = rest.partition("::")
        detail = (
            f'There is no function named "{expr.name}". Ensure that provider name "{provider}" is '
            f"declared in this module's required_providers block, and that this provider offers a "
            f'function named "{name}".'
            if name
            else 'The function call must include the provider name after the "provider::" prefix.'
        )
    else:
        detail = (
            f'The function namespace "{space}" is not valid. Provider function calls must use the '
            '"provider::" namespace prefix.'
        )
    env.diagnostics.error(summary, detail, where, context=expr.range)


def _call(expr: Call, function: Function, arguments: list[_Argument], env: Environment) -> Value:
    context = Context(env.scope)
    try:
        if function.unsuitable is not None and (reason := function.unsuitable(expr.args[0])):
            raise FunctionError(reason, 0, discreet=True)
        return _apply(function, [value for value, _ in arguments], context)
    except FunctionError as error:
        message = error.message
        if not error.discreet and any(is_secret(value) for value, _ in arguments):
            message = "the reason is not shown, because an argument is sensitive"
        if error.argument is None:
            env.diagnostics.error(
                "Error in function call",
                f'Call to function "{expr.name}" failed: {message}.',
                expr.range,
            )
            return unknown()
        position = min(error.argument, len(arguments) - 1)
        where = arguments[position][1].range if arguments else expr.range
        parameter = function.parameter(error.argument)
        detail = f'Invalid value for "{parameter.name}" parameter: {message}.'
        env.diagnostics.error("Invalid function argument", detail, where, context=expr.range)
        return unknown()


def _apply(function: Function, values: list[Value], context: Context) -> Value:
    """Convert, let what is unknown or marked pass by where the function does not want it, and call."""
    marks: frozenset[Mark] = NO_MARKS
    ready: list[Value] = []
    undecided: list[Value] = []
    untyped = False
    for position, value in enumerate(values):
        parameter = function.parameter(position)
        value = _fitted(value, parameter, position)
        if not parameter.allow_marked:
            value, found = unmark_deep(value)
            marks |= found
        if value.type == DYNAMIC and not parameter.allow_dynamic and parameter.type == DYNAMIC:
            untyped = True
            undecided.append(value)
        elif not parameter.allow_unknown and not (
            value.is_wholly_known if parameter.whole else value.is_known
        ):
            undecided.append(value)
        ready.append(value)
    if untyped:
        return unknown_from(undecided, marks=marks)
    if undecided:
        return unknown_from(undecided, function.result_type(ready), function.refine(ready), marks)
    return function.call(ready, context).with_marks(marks)


def _fitted(value: Value, parameter: Parameter, position: int) -> Value:
    if value.raw is None and not parameter.allow_null:
        raise FunctionError("argument must not be null", position, discreet=True)
    try:
        return convert(value, parameter.type)
    except ConversionError as error:
        raise FunctionError(str(error), position, discreet=True) from None


def _try(expr: Call, env: Environment, evaluate: Evaluator) -> Value:
    """``try``: the first argument that evaluates without errors; what is unseen stays unseen."""
    if expr.expand or not expr.args:
        return _try_misused(expr, env)
    problems: list[tuple[Expr, Environment]] = []
    for argument in expr.args:
        inner = env.trial()
        value = evaluate(argument, inner)
        if not inner.diagnostics.has_errors:
            return value
        problems.append((argument, inner))
    lines = []
    for argument, inner in problems:
        for problem in inner.diagnostics.errors:
            where = problem.subject or argument.range
            lines.append(f"- {problem.summary} (at {where})\n  {problem.detail}")
    env.diagnostics.error(
        "Error in function call",
        'Call to function "try" failed: no expression succeeded:\n'
        + "\n".join(lines)
        + "\n\nAt least one expression must produce a successful result.",
        expr.range,
    )
    return unknown()


def _try_misused(expr: Call, env: Environment) -> Value:
    if expr.expand:
        env.diagnostics.error(
            "Error in function call",
            f'Call to function "{expr.name}" failed: its arguments are evaluated one by one, so they '
            "cannot be expanded with ....",
            expr.range,
        )
    else:
        env.diagnostics.error(
            "Error in function call",
            f'Call to function "{expr.name}" failed: at least one argument is required.',
            expr.range,
        )
    return unknown()


def _can(expr: Call, env: Environment, evaluate: Evaluator) -> Value:
    """``can``: whether its argument evaluates without errors; unseen when that is unseen."""
    from perimeter.lang.types import BOOL
    from perimeter.lang.values import FALSE, TRUE

    if len(expr.args) != 1 or expr.expand:
        if not expr.args:
            env.diagnostics.error(
                "Not enough function arguments",
                f'Function "{expr.name}" expects 1 argument(s). Missing value for "expression".',
                expr.range,
            )
        else:
            env.diagnostics.error(
                "Too many function arguments",
                f'Function "{expr.name}" expects only 1 argument(s).',
                expr.range,
            )
        return unknown(BOOL)
    inner = env.trial()
    value = evaluate(expr.args[0], inner)
    if inner.diagnostics.has_errors:
        return FALSE
    if not value.is_wholly_known:
        return unknown_from((value,), BOOL, Unknown(not_null=True))
    return TRUE


_SPECIAL: dict[str, Callable[[Call, Environment, Evaluator], Value]] = {
    "try": _try,
    "core::try": _try,
    "can": _can,
    "core::can": _can,
}
