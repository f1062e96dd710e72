"""How much of a collection one plan may remove: by count, by share, and from which size on the share counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from perimeter.config.model import Collection
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Expr

SHARE = 30
"""Percent of a collection's objects; more removed or replaced by one plan is refused …"""
POPULATION = 10
"""… where the collection has at least this many objects. Both as octoDNS has proved them for DNS zones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one plan may remove of a collection.

    Attributes:
        count: most objects; None for no limit.
        percent: most of its objects, in percent.
        population: from how many objects on ``percent`` counts.
    """

    count: int | None = None
    percent: int = SHARE
    population: int = POPULATION


def limits_of(block: Collection, value: Callable[[Expr], Any], diagnostics: Diagnostics) -> Limits:
    """The limits of a collection block; ``value`` evaluates an argument to plain data."""
    found: dict[str, int] = {}
    arguments = (
        ("count", "max_removals", block.max_removals, None),
        ("percent", "max_removal_percent", block.max_removal_percent, 100),
        ("population", "min_population", block.min_population, None),
    )
    for name, written, expr, most in arguments:
        if expr is None:
            continue
        number = value(expr)
        whole = isinstance(number, int) and not isinstance(number, bool) and number >= 0
        if not whole or (most is not None and number > most):
            upto = f" and at most {most}" if most is not None else ""
            diagnostics.error(
                "Invalid collection limit",
                f"{written} must be a known whole number of at least 0{upto}.",
                expr.range,
            )
            continue
        found[name] = number
    return Limits(**found)
