"""Waiting for a lock that a server keeps, and what to say to those who do not get it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from perimeter.state.backend import Waiting
from perimeter.state.lockinfo import LockError, LockInfo

L = TypeVar("L")

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
_WHY_LOCKED = (
    "perimeter locks the state so that two runs do not write it at the same time. Wait for the other "
    'run to end, or wait for it with "-lock-timeout=5m".'
)


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else has the lock; ``holder`` where it can be told."""

    holder: LockInfo | None = None


def poll(
    attempt: Callable[[], L | Held],
    timeout: float,
    waiting: Waiting | None,
    where: str,
    *,
    pause: float = FIRST_PAUSE,
) -> L:
    """Try until the lock is had or ``timeout`` seconds are over.

    Args:
        attempt: tries once.
        timeout: seconds.
        waiting: called before the first pause and then about once a second.
        where: the state, for people.
        pause: seconds after the first try; it doubles.

    Raises:
        LockError: somebody else holds it all that time.
    """
    start = time.monotonic()
    told = -1.0
    while True:
        outcome = attempt()
        if not isinstance(outcome, Held):
            return outcome
        waited = time.monotonic() - start
        if waited >= timeout:
            raise _refused(outcome.holder, where)
        if waiting is not None and (told < 0 or waited - told >= 1.0):
            waiting(outcome.holder, waited)
            told = waited
        time.sleep(min(pause, timeout - waited))
        pause = min(pause * 2, LONGEST_PAUSE)


def table_of(holder: LockInfo | None) -> str:
    """The Lock Info lines, or that there are none."""
    return holder.table() if holder else "Lock Info: not readable"


def _refused(holder: LockInfo | None, where: str) -> LockError:
    how = _WHY_LOCKED
    if holder is not None:
        how += (
            " If that run is surely dead, remove its lock with "
            f'"perimeter force-unlock {holder.id}".'
        )
    return LockError(
        "Error acquiring the state lock",
        f"Another run holds {where}.\n\n{table_of(holder)}\n\n{how}",
        holder,
    )
