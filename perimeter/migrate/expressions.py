"""Expressions carried over: the language is the same, only what they refer to has other names."""

from __future__ import annotations

import json
from typing import Any

from perimeter.hcl.writer import value_text
from perimeter.migrate.scope import Declared, Scope
from perimeter.migrate.tree import Expr, Reference
from perimeter.sdk.migration import Dropped, Flattened, Nested, Renamed, Secret, TypeMapping


def carried(expr: Expr, scope: Scope) -> tuple[str, list[str]]:
    """An expression with our names, and why it cannot stand (nothing: it can)."""
    edits: list[tuple[int, int, str]] = []
    problems: list[str] = []
    for reference in expr.references:
        problem = _reference(reference, scope, edits)
        if problem and problem not in problems:
            problems.append(problem)
    if any(word.kind == "COLONS" for word in expr.words):
        problems.append("it calls a function of a Terraform provider")
    return expr.rewritten(edits), problems


def _reference(reference: Reference, scope: Scope, edits: list[tuple[int, int, str]]) -> str:
    names = reference.names
    if scope.is_gone(names):
        what = "left out" if names[0] == "local" else "not translated"
        return f"it refers to {'.'.join(names[: 3 if names[0] == 'data' else 2])}, which is {what}"
    steps = reference.steps[1:] if names[0] == "data" else reference.steps
    declared = scope.declared.get(names[:3] if names[0] == "data" else names[:2])
    if declared is None or declared.known is None:
        return ""
    mapping = declared.known.mapping
    where = f"{mapping.foreign}.{steps[1].text}"
    if mapping.into or mapping.spread or mapping.split:
        return f"it refers to {where}, which is not one object here"
    edits += [
        (steps[0].start, steps[0].end, mapping.type),
        (steps[1].start, steps[1].end, declared.name),
    ]
    if len(steps) < 3:
        return ""
    attribute = steps[2]
    ours = attribute_name(mapping, attribute.text, declared.known.schema.attributes)
    if ours is None:
        more = mapping.withheld.get(attribute.text, f"{mapping.type} has no such attribute")
        return f"it refers to {where}.{attribute.text}: {more}"
    edits.append((attribute.start, attribute.end, ours))
    return ""


def attribute_name(mapping: TypeMapping, foreign: str, ours: Any) -> str | None:
    """Our name of a foreign attribute; None without."""
    if foreign in mapping.withheld:
        return None
    if foreign in mapping.attributes:
        return mapping.attributes[foreign]
    rule = mapping.arguments.get(foreign)
    match rule:
        case str():
            return rule
        case Renamed():
            return rule.name
        case Dropped() | Secret():
            return None
    block = mapping.blocks.get(foreign)
    if isinstance(block, Nested):
        return block.name
    return foreign if foreign == "id" and "id" in ours else None


def argument_path(mapping: TypeMapping, ours: str) -> tuple[str, ...] | None:
    """Where the foreign state holds the value of one of our arguments, unconverted; None if nowhere."""
    for name, rule in mapping.arguments.items():
        if rule == ours:
            return (name,)
    for type_, block in mapping.blocks.items():
        if isinstance(block, Flattened):
            for name, rule in block.arguments.items():
                if rule == ours:
                    return (type_, name)
    return None


def value_of(plain: Any, indent: int = 2) -> str:
    """A value of the state as an expression; a JSON document as what makes it."""
    if isinstance(plain, str) and plain.lstrip().startswith(("{", "[")):
        try:
            return f"jsonencode({value_text(json.loads(plain), indent)})"
        except (ValueError, RecursionError):
            pass
    return value_text(plain, indent)


def owner_of(expr: Expr, scope: Scope, foreign: str) -> Declared | None:
    """The resource of a foreign type that an expression names by its id: ``okta_policy_signon.staff.id``."""
    references = list(expr.references)
    if len(references) != 1:
        return None
    names = references[0].names
    whole = expr.text.replace(" ", "") in (
        f"{foreign}.{names[1]}.id",
        f'"${{{foreign}.{names[1]}.id}}"',
    )
    found = scope.declared.get(names[:2])
    return found if whole and found is not None else None
