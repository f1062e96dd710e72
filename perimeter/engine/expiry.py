"""Until when a declaration holds: a date, or a time from its first apply on; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from perimeter.addresses import Address
from perimeter.config.graph import Graph, Node
from perimeter.config.model import Resource
from perimeter.diagnostics import Diagnostics
from perimeter.engine.clock import InvalidDurationError, InvalidTimeError, instant
from perimeter.engine.ends import end_of
from perimeter.engine.model import Action, Change, Plan
from perimeter.engine.work import Work
from perimeter.lang.values import Value
from perimeter.state.model import Instance

SOON = timedelta(days=14)
"""How long before an expiry a plan warns of what refers to it."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Until when an instance's declaration holds.

    Attributes:
        at: the end (RFC 3339 or a date as declared); empty when there is none.
        counted: whether it is counted from the first apply on, so that state has to remember the start.
        since: when that was; empty while it was never applied.
        passed: whether it has come.
    """

    at: str = ""
    counted: bool = False
    since: str = ""
    passed: bool = False


NO_END = Expiry()
"""What goes on until it is taken away."""


def expiry(
    work: Work,
    block: Resource,
    own: Value | None,
    integration: Value | None,
    address: Address,
    problems: Diagnostics,
) -> Expiry:
    """The earlier of a resource's own end and its integration's.

    ``own``, ``integration``: the evaluated ``expires_at`` arguments, None where there is none.
    """
    found: list[Expiry] = []
    for value, may_count in ((own, True), (integration, False)):
        if value is None or value.is_null or not value.is_known:
            continue
        try:
            found.append(_end(work, str(value.raw), address, may_count=may_count))
        except (InvalidTimeError, InvalidDurationError) as problem:
            problems.error("Invalid expires_at", str(problem), block.range)
    return min(found, key=lambda item: instant(item.at), default=NO_END)


def _end(work: Work, text: str, address: Address, *, may_count: bool) -> Expiry:
    known = work.state.resources.get(str(address))
    start = known.first_applied_at if known is not None else ""
    if not may_count:
        instant(text)
    at, counted = end_of(text, start, work.now)
    return Expiry(
        at=at,
        counted=counted,
        since=start if counted else "",
        passed=instant(at) <= instant(work.now),
    )


def warn_of_expiry(work: Work, graph: Graph) -> None:
    """Tell which declarations refer to an instance that will soon be gone."""
    soon = {
        change.address.block: change
        for change in work.changes
        if change.address is not None
        and change.expires_at
        and _is_soon(change.expires_at, work.now)
    }
    if not soon:
        return
    needed_by: dict[Node, list[str]] = {}
    for node, needed in graph.edges.items():
        for other in needed:
            if node.kind in ("resource", "data", "output", "local") and other.kind == "resource":
                needed_by.setdefault(other, []).append(_named(node))
    for block, change in soon.items():
        names = needed_by.get(Node(block.module.names, "resource", f"{block.type}.{block.name}"))
        if names:
            listed = ", ".join(sorted(names)[:10])
            work.diagnostics.warning(
                "References to an instance that expires",
                f"{change.name} expires at {change.expires_at}; from then on it is gone, and what refers to it finds nothing: "
                f"{listed}. Move the date, or take the references away before.",
                address=change.name,
            )


def _is_soon(text: str, now: str) -> bool:
    return instant(now) < instant(text) <= instant(now) + SOON


def _named(node: Node) -> str:
    prefix = "".join(f"module.{name}." for name in node.path)
    kind = "" if node.kind in ("resource", "data") else f"{node.kind}."
    return f"{prefix}{kind}{node.name}"


def record_starts(
    resources: dict[str, Instance], plan: Plan, touched: frozenset[str] = frozenset()
) -> None:
    """Remember when what has a counted end was first applied: instances, with the end that follows, and nested blocks.

    ``touched``: printed addresses of the instances that this run changed.
    """
    if plan.options.refresh_only:
        return
    counted: Mapping[str, Change] = {
        str(change.address): change
        for change in plan.changes
        if change.address is not None and change.expiry_counted
    }
    for address, change in counted.items():
        known = resources.get(address)
        if known is None or not (known.objects or known.expired_at):
            continue
        start = known.first_applied_at or change.expiry_since or plan.timestamp
        resources[address] = msgspec.structs.replace(
            known, first_applied_at=start, expires_at=change.expires_at
        )
    _record_blocks(resources, plan, touched)
    if plan.options.restricted:
        return
    for address, known in list(resources.items()):
        if known.first_applied_at and address not in counted:
            resources[address] = msgspec.structs.replace(known, first_applied_at="", expires_at="")


def _record_blocks(resources: dict[str, Instance], plan: Plan, touched: frozenset[str]) -> None:
    for change in plan.changes:
        address = str(change.address)
        known = resources.get(address)
        if change.address is None or change.deposed or known is None:
            continue
        holds = change.action is Action.NO_OP and not (change.deferred or change.manual)
        begins = plan.timestamp if holds or address in touched else ""
        starts = {
            end.name: start
            for end in change.ends
            if end.counted and (start := known.starts.get(end.name) or end.since or begins)
        }
        if starts != known.starts:
            resources[address] = msgspec.structs.replace(known, starts=starts)
