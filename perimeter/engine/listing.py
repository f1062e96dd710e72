"""``list`` blocks, evaluated: which type of which provider instance, and what its objects must equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from perimeter.addresses import ROOT, key_text
from perimeter.config.decode import decode_body
from perimeter.config.queries import LIMIT, ListBlock
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.engine.diff import is_wholly_known
from perimeter.engine.repetition import repetition
from perimeter.engine.scope import Each
from perimeter.engine.work import ProviderInstance, Work
from perimeter.hcl.nodes import Expr
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.plain import to_plain
from perimeter.lang.types import BOOL, DYNAMIC, NUMBER, Primitive
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Unknown, Value
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.schema import Attribute, Mode, Schema

WITHIN = "within"

NOT_YET = "until apply"
"""In the detail of every problem that a value yet to come may solve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A list to answer.

    Attributes:
        filters: attribute values that objects must equal.
        settings: the same as people may see it.
        include: whether all attributes are wanted.
        undeclared_only: whether what is declared, or ignored by a collection, is left out.
    """

    address: str
    instance: ProviderInstance
    kind: ResourceType
    filters: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    include: bool = False
    undeclared_only: bool = False


def wanted_lists(work: Work, blocks: Sequence[ListBlock]) -> list[Wanted]:
    """Evaluate list blocks against a finished plan; what is wrong is reported."""
    found: list[Wanted] = []
    for block in blocks:
        problems = Diagnostics()
        scope = work.evaluation.scope(ROOT)
        repeated = repetition(block.count, block.for_each, scope, problems)
        for key in repeated.keys:
            made = _wanted(work, block, key_text(key), repeated.each(key), problems)
            if made is not None:
                found.append(made)
        where = f'list "{block.type}" "{block.name}"'
        work.diagnostics.extend(item.at(block=where) for item in problems)
    return found


def _wanted(
    work: Work, block: ListBlock, suffix: str, each: Each | None, problems: Diagnostics
) -> Wanted | None:
    instance = work.provider_of(ROOT, block.provider, each)
    if instance is None:
        problems.error(
            "Provider configuration not present",
            f'No provider "{block.provider.key}" is configured here. Add a provider block for it, or name another one '
            "with the provider argument.",
            block.range,
        )
        return None
    kinds = {n: k for n, k in instance.provider.resources.items() if not k.local}
    kind = kinds.get(block.type)
    if kind is None:
        problems.error(
            "Invalid list resource",
            f'The provider {instance.name} has no objects of type "{block.type}" to list.'
            f"{did_you_mean(block.type, kinds)}",
            block.range,
        )
        return None
    limit = _number(work, block.limit, each, problems)
    include = _argument(work, block.include_resource, "include_resource", BOOL, each, problems)
    filters, settings = _filters(work, block, kind, each, problems)
    return Wanted(
        address=f"{block.address}{suffix}",
        instance=instance,
        kind=kind,
        filters=filters,
        settings=settings,
        limit=LIMIT if limit is None else limit,
        include=bool(include),
    )


def _number(work: Work, expr: Expr | None, each: Each | None, problems: Diagnostics) -> int | None:
    value = _argument(work, expr, "limit", NUMBER, each, problems)
    if value is None or expr is None:
        return None
    if not isinstance(value, int) or value < 0:
        problems.error(
            "Invalid limit argument",
            'The given "limit" argument value is unsuitable: a whole number, zero or more, is required.',
            expr.range,
        )
        return None
    return value


def _argument(
    work: Work,
    expr: Expr | None,
    name: str,
    kind: Primitive,
    each: Each | None,
    problems: Diagnostics,
) -> Any:
    if expr is None:
        return None
    found = Diagnostics()
    value = work.evaluation.value(expr, ROOT, found, each)
    problems.extend(found)
    if found.has_errors:
        return None
    if {SENSITIVE, EPHEMERAL} & value.deep_marks():
        reason = "it is derived from a sensitive or ephemeral value"
    else:
        try:
            value = convert(value, kind)
        except ConversionError as problem:
            reason = str(problem)
        else:
            if value.is_known:
                return to_plain(value)
            reason = f"it cannot be determined {NOT_YET}"
    problems.error(
        f"Invalid {name} argument",
        f'The given "{name}" argument value is unsuitable: {reason}.',
        expr.range,
    )
    return None


def _filters(
    work: Work, block: ListBlock, kind: ResourceType, each: Each | None, problems: Diagnostics
) -> tuple[dict[str, Any], dict[str, Any]]:
    body = block.settings
    if body is None:
        return {}, {}
    found = Diagnostics()
    schema = _schema(kind)
    decoded = decode_body(body, schema, work.evaluation.scope(ROOT, each), found, node=body)
    values = {
        name: decoded.attributes[name] for name in schema.attributes if name in decoded.configured
    }
    within = values.pop(WITHIN, None)
    if within is not None and not found.has_errors:
        where = body.attributes[WITHIN].expr
        for name, value in _within(within, schema, where, found).items():
            if name in values:
                found.error(
                    "Argument given twice",
                    f'within already gives "{name}". Remove one of the two.',
                    where.range,
                )
            values[name] = value
    filters: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for name, value in values.items():
        plain = to_plain(value)
        if not is_wholly_known(plain):
            given = body.attributes.get(name) or body.attributes.get(WITHIN)
            found.error(
                "Unknown value in a list's config",
                f'The value of "{name}" depends on what cannot be determined {NOT_YET}, so nothing can be looked for. '
                "Apply first, or write the value.",
                given.expr.range if given is not None else block.range,
            )
        filters[name] = plain
        hidden = {SENSITIVE, EPHEMERAL} & value.deep_marks()
        settings[name] = None if hidden else plain
    problems.extend(found)
    return ({}, {}) if found.has_errors else (filters, settings)


def _schema(kind: ResourceType) -> Schema:
    """What a config block may hold: every attribute that a tenant shows, and ``within``."""
    shown = {
        name: replace(
            attribute,
            required=False,
            optional=True,
            computed=False,
            default=None,
            mode=Mode.MANAGED,
        )
        for name, attribute in kind.schema.attributes.items()
        if not attribute.is_secret and attribute.mode is not Mode.LOCAL
    }
    within = Attribute(type=DYNAMIC, doc="Attribute values that bound the scope.", optional=True)
    return Schema(attributes={**shown, WITHIN: within})


def _within(value: Value, schema: Schema, where: Expr, problems: Diagnostics) -> dict[str, Value]:
    raw = value.raw
    if isinstance(raw, Unknown):
        problems.error(
            "Unknown value in a list's config",
            f"What within says cannot be determined {NOT_YET}, so nothing can be looked for. Apply first, or write the values.",
            where.range,
        )
        return {}
    if not isinstance(raw, Mapping):
        problems.error(
            "Invalid within",
            'within is an object of attribute values, such as { group = "sales" }.',
            where.range,
        )
        return {}
    found: dict[str, Value] = {}
    for name, item in raw.items():
        attribute = schema.attributes.get(name)
        if attribute is None or name == WITHIN:
            known = [known for known in schema.attributes if known != WITHIN]
            problems.error(
                "Invalid within",
                f'The objects have no attribute named "{name}".{did_you_mean(str(name), known)}',
                where.range,
            )
            continue
        try:
            converted = convert(item, attribute.type)
        except ConversionError as problem:
            problems.error(
                "Invalid within",
                f'Inappropriate value for attribute "{name}": {problem}.',
                where.range,
            )
            continue
        if not converted.is_null:
            found[str(name)] = converted.with_marks(value.marks)
    return found
