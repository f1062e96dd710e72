"""``count`` and ``for_each``: how often a block stands, and under which keys; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perimeter.addresses import InstanceKey
from perimeter.diagnostics import Diagnostics
from perimeter.engine.scope import Each, ModuleScope
from perimeter.hcl.nodes import Expr
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.evaluate import evaluate
from perimeter.lang.types import BOOL, NUMBER, STRING, Map, Object, Set
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Unseen, Value


@dataclass(frozen=True, slots=True)
class Repetition:
    """How a block is repeated: keys in order, and values of ``for_each``.

    ``kind`` is ``single``, ``count``, ``each``, ``disabled`` or ``unknown`` (an error was reported).
    """

    kind: str
    keys: tuple[InstanceKey, ...] = (None,)
    values: Mapping[InstanceKey, Value] = field(default_factory=dict)

    @property
    def repeated(self) -> bool:
        """Whether instances have keys."""
        return self.kind not in ("single", "disabled")

    def each(self, key: InstanceKey) -> Each | None:
        """What ``each`` or ``count`` is for one instance."""
        return Each(key, self.values.get(key)) if self.repeated else None


SINGLE = Repetition("single")
DISABLED = Repetition("disabled", ())
UNDECIDED = Repetition("unknown", ())


def repetition(
    count: Expr | None,
    for_each: Expr | None,
    scope: ModuleScope,
    diagnostics: Diagnostics,
    enabled: Expr | None = None,
) -> Repetition:
    """Evaluate ``count``, ``for_each`` or ``enabled``; what is wrong is reported as Terraform words it."""
    if enabled is not None:
        return _enabled(enabled, scope, diagnostics)
    if count is not None:
        return _count(count, scope, diagnostics)
    if for_each is not None:
        return _for_each(for_each, scope, diagnostics)
    return SINGLE


def _enabled(expr: Expr, scope: ModuleScope, diagnostics: Diagnostics) -> Repetition:
    value = evaluate(expr, scope, diagnostics)
    marks = value.deep_marks()
    if EPHEMERAL in marks or SENSITIVE in marks:
        problem = "is derived from a sensitive or ephemeral value, and would be shown by the plan"
    else:
        try:
            value = convert(value, BOOL)
        except ConversionError as failure:
            problem = f"is unsuitable: {failure}"
        else:
            if isinstance(value.raw, bool):
                return SINGLE if value.raw else DISABLED
            if not value.is_known:
                _undecided(value, expr, diagnostics, "enabled")
                return UNDECIDED
            problem = "is null; true or false is required"
    diagnostics.error(
        "Invalid enabled argument", f'The given "enabled" value {problem}.', expr.range
    )
    return UNDECIDED


def _count(expr: Expr, scope: ModuleScope, diagnostics: Diagnostics) -> Repetition:
    problems = Diagnostics()
    value = evaluate(expr, scope, problems)
    diagnostics.extend(problems)
    if problems.has_errors:
        return UNDECIDED
    marks = value.deep_marks()
    if EPHEMERAL in marks:
        diagnostics.error(
            "Invalid count argument",
            'The given "count" is derived from an ephemeral value, which means '
            "that perimeter cannot persist it between plan and apply. Use only non-ephemeral values.",
            expr.range,
        )
        return UNDECIDED
    try:
        value = convert(value, NUMBER)
    except ConversionError as problem:
        diagnostics.error(
            "Incorrect value type", f"Invalid expression value: {problem}.", expr.range
        )
        return UNDECIDED
    if not value.is_known:
        _undecided(value, expr, diagnostics, "count")
        return UNDECIDED
    if value.is_null:
        diagnostics.error(
            "Invalid count argument",
            'The given "count" argument value is null. An integer is required.',
            expr.range,
        )
        return UNDECIDED
    if not isinstance(value.raw, int):
        diagnostics.error(
            "Invalid count argument",
            'The given "count" argument value is unsuitable: a whole number is required.',
            expr.range,
        )
        return UNDECIDED
    if value.raw < 0:
        diagnostics.error(
            "Invalid count argument",
            'The given "count" argument value is unsuitable: must be greater '
            "than or equal to zero.",
            expr.range,
        )
        return UNDECIDED
    return Repetition("count", tuple(range(value.raw)))


def _for_each(expr: Expr, scope: ModuleScope, diagnostics: Diagnostics) -> Repetition:
    problems = Diagnostics()
    value = evaluate(expr, scope, problems)
    diagnostics.extend(problems)
    if problems.has_errors:
        return UNDECIDED
    own = value.marks
    if isinstance(value.raw, tuple):
        own = value.deep_marks()
    if SENSITIVE in own:
        diagnostics.error(
            "Invalid for_each argument",
            "Sensitive values, or values derived from sensitive values, cannot be "
            "used as for_each arguments. If used, the sensitive value could be exposed as a resource instance "
            "key.",
            expr.range,
        )
        return UNDECIDED
    if EPHEMERAL in own:
        diagnostics.error(
            "Invalid for_each argument",
            'The given "for_each" value is derived from an ephemeral value, '
            "which means that perimeter cannot persist it between plan and apply.",
            expr.range,
        )
        return UNDECIDED
    if not value.is_known:
        _undecided(value, expr, diagnostics, "for_each")
        return UNDECIDED
    if value.is_null:
        diagnostics.error(
            "Invalid for_each argument",
            'The given "for_each" argument value is null. A map, or set of strings is allowed.',
            expr.range,
        )
        return UNDECIDED
    if isinstance(value.type, Map | Object):
        parts = {str(key): item.with_marks(value.marks) for key, item in dict(value.raw).items()}
        keys: tuple[InstanceKey, ...] = tuple(sorted(parts))
        return Repetition("each", keys, {key: parts[str(key)] for key in keys})
    if isinstance(value.type, Set):
        unknown = next((item for item in value.raw if not item.is_known), None)
        if unknown is not None:
            _undecided(unknown, expr, diagnostics, "for_each")
            return UNDECIDED
        if any(item.is_null for item in value.raw):
            diagnostics.error(
                "Invalid for_each set argument",
                'The given "for_each" argument value is unsuitable: "for_each" sets must not contain '
                "null values.",
                expr.range,
            )
            return UNDECIDED
        if any(item.type != STRING for item in value.raw):
            diagnostics.error(
                "Invalid for_each set argument",
                'The given "for_each" argument value is unsuitable: '
                '"for_each" supports maps and sets of strings, but you have provided a set containing '
                f"type {value.type.element.friendly}.",
                expr.range,
            )
            return UNDECIDED
        return Repetition(
            "each", tuple(item.raw for item in value.raw), {item.raw: item for item in value.raw}
        )
    diagnostics.error(
        "Invalid for_each argument",
        'The given "for_each" argument value is unsuitable: the "for_each" '
        "argument must be a map, or set of strings, and you have provided a value of type "
        f"{value.type.friendly}.",
        expr.range,
    )
    return UNDECIDED


def _undecided(value: Value, expr: Expr, diagnostics: Diagnostics, name: str) -> None:
    if isinstance(value.raw, Unseen):
        diagnostics.error(
            f"Invalid {name} argument",
            f'The "{name}" value depends on something the tenant did not show '
            f"({value.raw}). Grant the read scope, or set the value from configuration.",
            expr.range,
        )
        return
    diagnostics.error(
        f"Invalid {name} argument",
        f'The "{name}" value depends on resource attributes that cannot be determined until apply, so perimeter cannot '
        "predict how many instances will be created. To work around this, use the -target argument to first apply only the "
        f"resources that the {name} depends on.",
        expr.range,
    )
