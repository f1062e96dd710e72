"""Allowances that an emulated vendor advertises and enforces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an allowance says about one call.

    Attributes:
        allowed: whether the call may be made.
        limit: calls per window.
        remaining: calls left after this one.
        reset: when the window ends, in seconds since 1970.
    """

    allowed: bool
    limit: int
    remaining: int
    reset: float

    @property
    def used(self) -> int:
        """Calls made in this window."""
        return self.limit - self.remaining


class Bucket:
    """So many calls per fixed window; a window begins with its first call. Not thread-safe.

    Args:
        name: what the vendor calls it.
        limit: calls (or points) per window.
        window: seconds.
    """

    def __init__(self, name: str, limit: int, window: float) -> None:
        self.name = name
        self.limit = limit
        self.window = window
        self._used = 0
        self._reset = 0.0

    def peek(self, now: float) -> Taken:
        """How it stands, without counting a call; ``allowed`` tells whether one would pass."""
        self._roll(now)
        return self._taken(self._used < self.limit)

    def take(self, now: float, cost: int = 1) -> Taken:
        """Count a call of that cost, unless the window is used up."""
        self._roll(now)
        if self._used >= self.limit:
            return self._taken(allowed=False)
        self._used = min(self.limit, self._used + cost)
        return self._taken(allowed=True)

    def _roll(self, now: float) -> None:
        if now >= self._reset:
            self._used = 0
            self._reset = now + self.window

    def _taken(self, allowed: bool) -> Taken:
        return Taken(
            allowed=allowed,
            limit=self.limit,
            remaining=self.limit - self._used,
            reset=self._reset,
        )
