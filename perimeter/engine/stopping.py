"""How an apply is asked to stop, and what the process leaves behind when it is killed."""

from __future__ import annotations

import threading
from contextlib import suppress


class StopSignal:
    """Asks an apply to start nothing new; what runs is finished and remembered."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def stop(self) -> None:
        """Start no further call."""
        self._event.set()

    @property
    def stopped(self) -> bool:
        """Whether a stop was asked for."""
        return self._event.is_set()


def without_core_files() -> None:
    """Let the process write no core file from here on: its memory will hold secrets."""
    try:
        import resource
    except ImportError:
        return
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
