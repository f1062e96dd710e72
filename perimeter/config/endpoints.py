"""What ``moved`` and ``removed`` blocks name: a resource, one of its instances, or a module."""

from __future__ import annotations

from perimeter.addresses import ROOT, Address, InstanceKey, ModulePath, Target
from perimeter.config.literals import traversal_of
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Expr
from perimeter.lang.scope import Traversal

Named = tuple[str, InstanceKey]


def endpoint_of(expr: Expr, diagnostics: Diagnostics) -> Target | None:
    """The resource or module that a static reference names, relative to the module it stands in.

    A resource address has the relative module path as its module. None once the reason is reported.
    """
    traversal = traversal_of(expr, diagnostics)
    if traversal is None:
        return None
    found = _parsed(traversal)
    if isinstance(found, Target):
        return found
    diagnostics.error("Invalid address", found, expr.range)
    return None


def _parsed(traversal: Traversal) -> Target | str:
    """The endpoint, or why there is none."""
    pairs = pairs_of_steps(traversal)
    if pairs is None:
        return "Unexpected extra operators after address."
    module, rest = take_modules(pairs)
    if rest is None:
        return 'The prefix "module." must be followed by a module name.'
    if not rest:
        return Target(module)
    mode = "managed"
    if rest[0] == ("data", None):
        mode, rest = "data", rest[1:]
    if len(rest) < 2 or rest[0][1] is not None:
        return "Resource specification must include a resource type and name."
    if len(rest) > 2:
        return "Unexpected extra operators after address."
    return Target(module, Address(module, rest[0][0], rest[1][0], rest[1][1], mode))


def pairs_of_steps(traversal: Traversal) -> list[Named] | None:
    """The names of a reference, each with the key that follows it; None where two keys follow each other."""
    pairs: list[Named] = [(traversal.root, None)]
    for step in traversal.steps:
        if not step.index:
            pairs.append((str(step.key), None))
            continue
        name, key = pairs[-1]
        if key is not None:
            return None
        pairs[-1] = (name, step.key)
    return pairs


def take_modules(pairs: list[Named]) -> tuple[ModulePath, list[Named] | None]:
    """The leading module steps as a path, and the rest; None for the rest where a module's name is missing."""
    path = ROOT
    while pairs and pairs[0] == ("module", None):
        if len(pairs) < 2:
            return path, None
        path = path.child(*pairs[1])
        pairs = pairs[2:]
    return path, pairs
