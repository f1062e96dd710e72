"""A state that the runs of a test file share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from perimeter.config.model import Config, ProviderConfig
from perimeter.hcl.source import SourceFile
from perimeter.lang.values import Value
from perimeter.sdk.provider import Provider
from perimeter.state.journal import replay
from perimeter.state.memory import MemoryBackend
from perimeter.state.model import State


@dataclass(slots=True, kw_only=True)
class Basis:
    """What the last run on a state was made from, and what a teardown needs again."""

    directory: Path
    config: Config
    sources: Mapping[str, SourceFile]
    inputs: Mapping[str, Value] = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Held:
    """A state in memory.

    Attributes:
        runs: names of the runs that worked on it, in order.
        basis: of the last one that came as far as planning.
        providers: of all runs, by entry-point name; those that stand in included.
        configs: provider configurations that the tests brought, by key.
    """

    backend: MemoryBackend = field(default_factory=MemoryBackend)
    runs: list[str] = field(default_factory=list)
    basis: Basis | None = None
    providers: dict[str, Provider] = field(default_factory=dict)
    configs: dict[str, ProviderConfig] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """The state as it is now, journal included."""
        found = self.backend.load()
        return replay(found.state, found.records).state

    @property
    def has_objects(self) -> bool:
        """Whether anything is left to remove."""
        return any(True for _ in self.objects())

    def objects(self) -> Iterator[tuple[str, str]]:
        """Printed address and vendor id of every object."""
        for address, instance in sorted(self.state.resources.items()):
            for item in instance.objects:
                yield address, item.id

    def unprotect(self) -> None:
        """Let everything be removed: what a test made goes, whatever ``prevent_destroy`` says."""
        found = self.backend.load()
        resources = {
            address: msgspec.structs.replace(
                instance,
                objects=tuple(
                    msgspec.structs.replace(item, protected=False) for item in instance.objects
                ),
            )
            for address, instance in found.state.resources.items()
        }
        state = msgspec.structs.replace(found.state, resources=resources)
        self.backend.write_state(state, found.etag)
