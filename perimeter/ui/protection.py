"""Letting the process know which values are sensitive, so that no text shows them under another name.

A tenant, or a type such as one that echoes its input, may show a sensitive value again in an attribute that nobody marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.engine.model import Plan
from perimeter.sdk.redact import SECRETS
from perimeter.state.model import Path, State, StateObject


def protect_plan(plan: Plan) -> None:
    """Have everything sensitive in a plan redacted from now on."""
    for change in (*plan.changes, *plan.drift):
        _protect(change.before, change.sensitive_before)
        _protect(change.after, change.sensitive_after)
        if change.prior is not None:
            protect_object(change.prior)
    for output in plan.outputs:
        if output.sensitive:
            from perimeter.lang.plain import to_plain

            SECRETS.add_all(output.before)
            SECRETS.add_all(to_plain(output.after))


def protect_state(state: State) -> None:
    """Have everything sensitive in a state redacted from now on."""
    for instance in state.resources.values():
        for item in instance.objects:
            protect_object(item)
    for output in state.outputs.values():
        if output.sensitive:
            SECRETS.add_all(output.value)


def protect_object(item: StateObject) -> None:
    """Have everything sensitive in an object redacted from now on."""
    _protect(item.attributes, item.sensitive)


def _protect(values: Mapping[str, Any] | None, paths: Iterable[Path]) -> None:
    if values is None:
        return
    for path in paths:
        found: Any = values
        for step in path:
            if isinstance(found, Mapping):
                found = found.get(step)
            elif isinstance(found, list | tuple) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                break
        else:
            SECRETS.add_all(found)
