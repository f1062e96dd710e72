"""The log of what was asked of the emulated vendors: the oracle of tests about calls."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, answered or not.

    Attributes:
        seq: counts from 1 within one log, in the order in which the vendor handled the calls.
        vendor: the vendor's name.
        method: in capitals.
        path: below the vendor's root.
        query: as sent, without secrets having been removed: the sandbox holds no real ones.
        status: what was answered, or would have been had the connection not been cut; 0 when the
            vendor never handled the call.
        committed: whether the vendor carried out a write, even if nobody heard of it.
        fault: the kind of the injected fault, or nothing.
        at: seconds since 1970 by the sandbox's clock.
    """

    seq: int = 0
    vendor: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    status: int
    committed: bool = False
    fault: str = ""
    at: float = 0.0


class CallLog:
    """Calls in order; used by several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Call] = []
        self._last = 0

    @property
    def entries(self) -> tuple[Call, ...]:
        """All calls so far."""
        with self._lock:
            return tuple(self._entries)

    def add(self, call: Call) -> Call:
        """Append a call; returns it numbered."""
        with self._lock:
            self._last += 1
            call = replace(call, seq=self._last)
            self._entries.append(call)
        return call

    def select(self, *, vendor: str = "*", method: str = "*", path: str = "*") -> tuple[Call, ...]:
        """The calls that match; ``path`` is a shell pattern in which ``*`` also matches ``/``."""
        return tuple(
            call
            for call in self.entries
            if fnmatchcase(call.vendor, vendor)
            and fnmatchcase(call.method, method)
            and fnmatchcase(call.path, path)
        )

    def count(self, *, vendor: str = "*", method: str = "*", path: str = "*") -> int:
        """How many calls match; see ``select``."""
        return len(self.select(vendor=vendor, method=method, path=path))

    def committed(
        self, *, vendor: str = "*", method: str = "*", path: str = "*"
    ) -> tuple[Call, ...]:
        """The writes that were carried out, heard of or not."""
        found = self.select(vendor=vendor, method=method, path=path)
        return tuple(call for call in found if call.committed)

    def clear(self) -> None:
        """Forget all calls; numbers go on."""
        with self._lock:
            self._entries.clear()
