"""``-show-sensitive``: a plan in which nothing is marked as sensitive; pure.

Secrets (write-only and ephemeral values) are not in it, so they stay hidden.
"""

from __future__ import annotations

from dataclasses import replace

from perimeter.engine.model import Change, Plan
from perimeter.lang.marks import apply_marks, mark_paths, unmark_deep
from perimeter.lang.values import EPHEMERAL, Value


def revealed_plan(plan: Plan) -> Plan:
    """The plan with its sensitive values shown."""
    return replace(
        plan,
        changes=tuple(_revealed(change) for change in plan.changes),
        drift=tuple(_revealed(change) for change in plan.drift),
        outputs=tuple(
            replace(item, sensitive=False, after=revealed_value(item.after))
            for item in plan.outputs
        ),
    )


def _revealed(change: Change) -> Change:
    return replace(change, sensitive_before=(), sensitive_after=())


def revealed_value(value: Value) -> Value:
    """The value without the mark; what is ephemeral stays marked."""
    return apply_marks(unmark_deep(value)[0], mark_paths(value, EPHEMERAL), EPHEMERAL)
