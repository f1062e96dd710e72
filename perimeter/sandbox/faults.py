"""Faults that the sandbox injects: errors, lost and torn answers, hangs and latency."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

KINDS = ("status", "lost", "torn", "timeout", "latency")
_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, and with which calls.

    Attributes:
        kind: ``status``: the vendor does not handle the call and ``status`` is answered; ``lost``:
            it handles the call, then the connection is cut before the answer; ``torn``: it is cut
            in the middle of the answer's body; ``timeout``: the vendor does not handle the call,
            the connection hangs ``seconds`` and is then cut; ``latency``: the call is handled
            after ``seconds``.
        vendor: name of the vendor, a shell pattern.
        method: in capitals, a shell pattern.
        path: below the vendor's root, a shell pattern in which ``*`` also matches ``/``.
        after: matching calls that pass unharmed first.
        times: matching calls that are hit then; -1 for all.
        status: for ``status``.
        seconds: for ``timeout`` and ``latency``.
    """

    kind: str
    vendor: str = "*"
    method: str = "*"
    path: str = "*"
    after: int = 0
    times: int = 1
    status: int = 500
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'There is no fault "{self.kind}"; there are {", ".join(KINDS)}.')
        if not 400 <= self.status <= 599:
            raise ValueError(f"A fault answers a status from 400 to 599, not {self.status}.")
        if self.seconds < 0 or self.after < 0 or self.times < -1:
            raise ValueError("A fault's seconds, after and times are not negative (times: or -1).")

    @classmethod
    def of(cls, data: Any) -> Fault:
        """A fault from JSON data.

        Raises:
            ValueError: it describes none.
        """
        if not isinstance(data, dict):
            raise ValueError("A fault is a JSON object.")
        types: dict[str, str] = {field.name: str(field.type) for field in fields(cls)}
        for name, value in data.items():
            if name not in types:
                raise ValueError(f'A fault has no "{name}"; it has {", ".join(types)}.')
            if isinstance(value, bool) or not isinstance(value, _TYPES[types[name]]):
                raise ValueError(f'A fault\'s "{name}" must be of type {types[name]}.')
        if "kind" not in data:
            raise ValueError(f'A fault needs a "kind": {", ".join(KINDS)}.')
        return cls(**data)

    def concerns(self, vendor: str, method: str, path: str) -> bool:
        """Whether a call matches."""
        return (
            fnmatchcase(vendor, self.vendor)
            and fnmatchcase(method, self.method)
            and fnmatchcase(path, self.path)
        )


class Faults:
    """The faults in force; used by several threads at once."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Armed] = [_Armed(fault) for fault in faults]

    @property
    def pending(self) -> tuple[Fault, ...]:
        """The faults that can still hit."""
        with self._lock:
            return tuple(armed.fault for armed in self._faults if armed.left != 0)

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._faults.append(_Armed(fault))

    def clear(self) -> None:
        """Take all faults out of force."""
        with self._lock:
            self._faults.clear()

    def take(self, vendor: str, method: str, path: str) -> tuple[Fault, ...]:
        """The faults that hit this call: any latency, and at most one of another kind.

        Each matching fault counts the call; a fault that would hit beside an earlier one waits for
        the next call.
        """
        hits: list[Fault] = []
        with self._lock:
            for armed in self._faults:
                fault = armed.fault
                if armed.left == 0 or not fault.concerns(vendor, method, path):
                    continue
                if armed.passed < fault.after:
                    armed.passed += 1
                    continue
                if fault.kind != "latency" and any(hit.kind != "latency" for hit in hits):
                    continue
                if armed.left > 0:
                    armed.left -= 1
                hits.append(fault)
        return tuple(hits)


class _Armed:
    __slots__ = ("fault", "left", "passed")

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times
        self.passed = 0
