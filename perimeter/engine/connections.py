"""Open clients, one reader and at most one writer per provider instance; opened when first used, closed together."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from perimeter.engine.model import Event
from perimeter.engine.remote import RemoteStates
from perimeter.sdk.budget import Budget
from perimeter.sdk.contract import Attributes, ConnectRequest
from perimeter.sdk.provider import Provider, Reader, StateReader, WritePermit, Writer
from perimeter.sdk.redact import SECRETS


@dataclass(slots=True)
class Connections:
    """Clients by provider instance.

    Attributes:
        providers: by entry-point name.
        on_event: told of waits.
        states: reads other states, for the data sources that look into them.
        made: exchanges so far, by provider instance.
    """

    providers: Mapping[str, Provider]
    on_event: Callable[[Event], None]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    base_dir: str = "."
    states: StateReader = field(default_factory=RemoteStates)
    made: dict[str, int] = field(default_factory=dict)
    not_modified: dict[str, int] = field(default_factory=dict)
    waited: float = 0.0
    _readers: dict[str, Any] = field(default_factory=dict)
    _writers: dict[str, Any] = field(default_factory=dict)
    _known: dict[str, tuple[str, Attributes]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reader(self, key: str, name: str, config: Attributes) -> Reader:
        """The reader of a provider instance."""
        with self._lock:
            self._known[key] = (name, config)
            if key not in self._readers:
                self._protect(name, config)
                self._readers[key] = self.providers[name].reader(self._request(key, config))
            reader: Reader = self._readers[key]
            return reader

    def open_reader(self, key: str) -> Reader:
        """The reader of a provider instance that was opened before.

        Raises:
            KeyError: it was not.
        """
        reader: Reader = self._readers[key]
        return reader

    def is_open(self, key: str) -> bool:
        """Whether the provider instance has a reader: then its tenant was established in this run."""
        return key in self._readers

    def writer(self, key: str, permit: WritePermit) -> Writer:
        """The writer of a provider instance whose tenant was established before."""
        with self._lock:
            if key not in self._writers:
                name, config = self._known[key]
                self._writers[key] = self.providers[name].writer(self._request(key, config), permit)
            writer: Writer = self._writers[key]
            return writer

    def budgets(self) -> Mapping[str, tuple[Budget, ...]]:
        """What is left of each vendor allowance, by provider instance; of clients that keep count."""
        found: dict[str, tuple[Budget, ...]] = {}
        for key, reader in self._readers.items():
            budget = getattr(reader, "budget", None)
            if budget is not None and (left := tuple(budget())):
                found[key] = left
        return found

    def date(self, key: str) -> datetime:
        """The tenant's clock as last seen, else ours."""
        found: datetime | None = getattr(self._readers.get(key), "date", None)
        return found or datetime.now(UTC)

    def close(self) -> None:
        """Close every client."""
        with self._lock:
            for client in (*self._readers.values(), *self._writers.values()):
                client.close()
            self._readers.clear()
            self._writers.clear()

    def _protect(self, name: str, config: Attributes) -> None:
        for path, attribute in self.providers[name].schema.walk():
            if attribute.sensitive or attribute.is_secret:
                _add(config, path)

    def _request(self, key: str, config: Attributes) -> ConnectRequest:
        share = config.get("capacity_share")

        def on_request(method: str, url: str, status: int, seconds: float) -> None:
            with self._count:
                self.made[key] = self.made.get(key, 0) + 1
                if status == 304:
                    self.not_modified[key] = self.not_modified.get(key, 0) + 1
            data = {"method": method, "status": status}
            self.on_event(
                Event(kind="read_progress", provider=key, text=url, seconds=seconds, data=data)
            )

        def on_wait(seconds: float, reason: str) -> None:
            self.waited += seconds
            self.on_event(Event(kind="wait", provider=key, text=reason, seconds=seconds))

        return ConnectRequest(
            config=config,
            environment=self.environment,
            base_dir=self.base_dir,
            capacity_share=float(share) if share is not None else 0.5,
            on_wait=on_wait,
            on_request=on_request,
        )

    @property
    def _count(self) -> threading.Lock:
        return _COUNT


_COUNT = threading.Lock()


def _add(config: Any, path: tuple[str, ...]) -> None:
    if not path:
        SECRETS.add_all(config)
    elif isinstance(config, Mapping):
        _add(config.get(path[0]), path[1:])
    elif isinstance(config, list):
        for item in config:
            _add(item, path)
