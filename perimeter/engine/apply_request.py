"""What an apply is asked with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from perimeter.engine.connections import Connections
from perimeter.engine.model import Event
from perimeter.engine.plan import Planned, PlanRequest
from perimeter.engine.snapshot import Snapshot
from perimeter.engine.stopping import StopSignal
from perimeter.state.backend import Backend, Failpoint, Remembered, no_failpoint
from perimeter.state.journal import utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What an apply needs.

    Attributes:
        planned: the plan with the evaluation it was made by.
        request: what the plan was made from.
        backend: held under its lock.
        place: where it lies, for the states beside it.
        keyed: whether it encrypts; then secrets are remembered by digest.
        remembered: what it held when the plan was made.
        approver: who approved, for the evidence log.
        commit: of the configuration, for the evidence log.
        failpoint: called between the steps; a test kills the process there.
    """

    planned: Planned
    request: PlanRequest
    snapshot: Snapshot
    connections: Connections
    backend: Backend
    place: str = ""
    keyed: bool = False
    remembered: Remembered
    parallelism: int = 10
    on_event: Callable[[Event], None] = lambda _event: None
    stop: StopSignal = field(default_factory=StopSignal)
    approver: str = ""
    commit: str = ""
    failpoint: Failpoint = no_failpoint
    now: Callable[[], str] = utc_now
