"""References to attributes that a resource's type does not have."""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.config.model import Module
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.lang.scope import Traversal
from perimeter.sdk.schema import Schema

Schemas = Mapping[tuple[str, str], Schema]
"""By mode (``managed``, ``data``) and type name."""


def check_attributes(
    module: Module, traversal: Traversal, schemas: Schemas, diagnostics: Diagnostics
) -> None:
    """Report an attribute that the type of the declared resource referred to does not have."""
    steps = traversal.steps
    mode = "data" if traversal.root == "data" else "managed"
    names = [str(step.key) for step in steps[:2]]
    if traversal.root not in ("data", "resource"):
        names = [traversal.root, *names[:1]]
    at = 2 if traversal.root in ("data", "resource") else 1
    if len(names) < 2 or (mode, *names) not in module.resources:
        return
    schema = schemas.get((mode, names[0]))
    if len(steps) > at and steps[at].index:
        at += 1
    if schema is None or len(steps) <= at or steps[at].index:
        return
    name = str(steps[at].key)
    known = {*schema.attributes, *schema.blocks}
    if name not in known:
        diagnostics.error(
            "Unsupported attribute",
            "This object has no argument, nested block, or exported attribute named "
            f'"{name}".{did_you_mean(name, known)}',
            steps[at].range,
        )
