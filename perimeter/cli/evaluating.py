"""Evaluating a configuration without reading any tenant: for ``validate`` and ``console``."""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.engine.boundary import allowed_outside
from perimeter.engine.clock import rfc3339
from perimeter.engine.connections import Connections
from perimeter.engine.model import Options
from perimeter.engine.observe import Driver
from perimeter.engine.plan import Planned, PlanRequest
from perimeter.engine.session import Loaded, ignore
from perimeter.engine.snapshot import Snapshot
from perimeter.state.model import State


def evaluated(
    configuration: Loaded, environment: Mapping[str, str], state: State | None = None
) -> Planned:
    """Plan with every tenant unseen; files are read. Variables without a value are unknown."""
    from datetime import UTC, datetime
    from pathlib import Path

    config, graph = configuration.config, configuration.graph
    assert config is not None
    assert graph is not None
    connections = Connections(
        providers=configuration.providers, on_event=ignore, environment=environment
    )
    request = PlanRequest(
        config=config,
        graph=graph,
        inputs=configuration.inputs,
        snapshot=Snapshot(),
        state=state or State(),
        providers=configuration.providers,
        now=rfc3339(datetime.now(UTC)),
        options=Options(),
        cwd=str(Path.cwd()),
        outside_files=allowed_outside(environment, str(Path.cwd())),
    )
    planned, _ = Driver(connections=connections, on_event=ignore, offline=True).plan(request)
    return planned
