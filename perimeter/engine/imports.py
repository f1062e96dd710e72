"""Import blocks, evaluated: which instances take which objects over; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from perimeter.addresses import ROOT, Address, ModulePath
from perimeter.config.model import Import
from perimeter.diagnostics import Diagnostics
from perimeter.engine.repetition import repetition
from perimeter.engine.scope import Each
from perimeter.engine.work import Block, ImportId, Work
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.plain import to_plain
from perimeter.lang.types import STRING
from perimeter.lang.values import Value


def imports_by_block(imports: Iterable[Import]) -> dict[Block, list[Import]]:
    """Import blocks by the resource block that they are about."""
    found: dict[Block, list[Import]] = {}
    for item in imports:
        found.setdefault((item.to.module.names, item.to.type, item.to.name), []).append(item)
    return found


def expand_imports(work: Work, imports: Iterable[Import]) -> None:
    """Evaluate the import blocks about one resource block, before its instances are planned."""
    for item in imports:
        found = repetition(None, item.for_each, work.evaluation.scope(ROOT), work.diagnostics)
        for key in found.keys:
            _expand(work, item, found.each(key))


def _expand(work: Work, item: Import, each: Each | None) -> None:
    problems = Diagnostics()
    address = _target(work, item, each, problems)
    if address is not None:
        text = str(address)
        known = work.imports.get(text)
        if known is not None and known.block is not item:
            problems.error(
                f'Duplicate import configuration for "{text}"',
                f"Another import block already imports an object to {text}.",
                item.range,
            )
        else:
            work.imports[text] = ImportId(block=item, id=identifier(work, item, each, problems))
        work.diagnostics.extend(problem.at(address=text) for problem in problems)
    else:
        work.diagnostics.extend(problems)


def _target(work: Work, item: Import, each: Each | None, problems: Diagnostics) -> Address | None:
    steps = list(item.to.module.steps)
    own = item.to.key
    for place, expr in item.keys.items():
        value = work.evaluation.value(expr, ROOT, problems, each)
        key = value.raw
        if not isinstance(key, str | int) or isinstance(key, bool) or value.deep_marks():
            if not problems.has_errors:
                problems.error(
                    "Invalid import address expression",
                    "An instance key must be a string or a whole number that is known while planning and not sensitive.",
                    expr.range,
                )
            return None
        if place < 0:
            own = key
        else:
            steps[place] = (steps[place][0], key)
    return replace(item.to, module=ModulePath(tuple(steps)), key=own)


def identifier(
    work: Work, item: Import, each: Each | None, problems: Diagnostics
) -> str | Mapping[str, Any] | None:
    """The id, or the identifying attributes, that an import block names; None once it is reported as unsuitable."""
    found = Diagnostics()
    value = work.evaluation.value(item.id, ROOT, found, each)
    problems.extend(found)
    if found.has_errors:
        return None
    reason = _unsuitable(value)
    if reason is None and item.by_identity:
        plain = to_plain(value)
        if isinstance(plain, dict) and plain and all(part is not None for part in plain.values()):
            return plain
        reason = "an object of the attributes that identify the object is required"
    elif reason is None:
        try:
            text = convert(value, STRING)
        except ConversionError as problem:
            reason = str(problem)
        else:
            if isinstance(text.raw, str) and text.raw:
                return text.raw
            reason = "the id must not be null or empty"
    name = "identity" if item.by_identity else "id"
    problems.error(
        f"Invalid import {name} argument",
        f"The import {name} is unsuitable: {reason}.",
        item.id.range,
    )
    return None


def _unsuitable(value: Value) -> str | None:
    if value.deep_marks():
        return "a sensitive or ephemeral value cannot be an id"
    return None if value.is_wholly_known else "the id must be known while planning"


def check_imports(work: Work, declared: frozenset[str]) -> None:
    """Report imports to instances that nothing declares."""
    if not work.options.declares:
        return
    missing = {text: found.block for text, found in work.imports.items() if text not in declared}
    for item in work.config.root.imports.values():
        if item.to.module.names and not work.evaluation.modules.get(item.to.module.names):
            missing.setdefault(str(item.to), item)
    for text, block in missing.items():
        work.diagnostics.error(
            "Configuration for import target does not exist",
            f"The configuration for the given import {text} does not exist. All target instances must have an associated "
            "configuration to be imported.",
            block.range,
        )
