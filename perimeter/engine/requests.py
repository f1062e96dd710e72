"""What observing cost, and about what applying will."""

from __future__ import annotations

from dataclasses import replace

from perimeter.engine.connections import Connections
from perimeter.engine.model import Action, Change, Requests
from perimeter.engine.plan import Planned

_CALLS = {
    Action.CREATE: 2,  # create, read back
    Action.READ: 1,
    Action.UPDATE: 3,  # look again, update, read back
    Action.DELETE: 3,  # look again, delete, verify
    Action.DELETE_THEN_CREATE: 5,
    Action.FORGET_THEN_CREATE: 2,
    Action.CREATE_THEN_DELETE: 5,
}


def with_requests(planned: Planned, connections: Connections) -> Planned:
    """The plan with its request budget filled in."""
    assert planned.plan is not None
    found = Requests(
        made=sum(connections.made.values()),
        not_modified=sum(connections.not_modified.values()),
        waited=connections.waited,
        to_apply=sum(_calls(planned, change) for change in planned.plan.changes)
        + len(planned.plan.invocations),
        budgets=connections.budgets(),
    )
    return replace(planned, plan=replace(planned.plan, requests=found))


def _calls(planned: Planned, change: Change) -> int:
    instance = planned.instances.get(change.provider)
    kind = instance.provider.resources.get(change.type) if instance is not None else None
    if kind is not None and kind.local:
        return 0
    return _CALLS.get(change.action, 0)
