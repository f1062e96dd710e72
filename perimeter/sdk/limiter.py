"""Keeping within a vendor's rate limits, fed by the vendor's own headers."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from perimeter.sdk.budget import Budget
from perimeter.sdk.errors import Fatal, RateLimited

OnWait = Callable[[float, str], None]
"""Called with (seconds, reason) when a wait begins."""

LONGEST_WAIT = 3900.0
"""Seconds: an hourly window and a little more."""

_SLICE = 1.0
_MILLISECONDS = 10**11
_EPOCH = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time, replaceable in tests.

    Attributes:
        monotonic: seconds that only grow.
        wall: local seconds since 1970; used only for vendors that send no ``Date``.
        sleep: pause for that many seconds.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one answer said about its rate limit.

    Attributes:
        limit: calls per window.
        remaining: calls left in the window.
        reset: when the window ends, in seconds since 1970 by the vendor's clock.
        retry_after: seconds that the vendor asks to wait.
        now: the vendor's clock, in seconds since 1970.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None
    retry_after: float | None = None
    now: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateHeaders:
    """The names of a vendor's rate headers; an empty name for a header that it does not send.

    Attributes:
        limit: calls per window.
        remaining: calls left.
        reset: the window's end: seconds or milliseconds since 1970, or (small numbers) seconds from
            now.
        retry_after: seconds from now, or an HTTP date.
        not_modified_is_free: whether a 304 does not count against the limit.
    """

    limit: str = "x-ratelimit-limit"
    remaining: str = "x-ratelimit-remaining"
    reset: str = "x-ratelimit-reset"
    retry_after: str = "retry-after"
    not_modified_is_free: bool = False

    def read(self, headers: Mapping[str, str], now: float | None) -> Reading:
        """Read the headers (by lower-case name).

        ``now`` is the vendor's clock. What is malformed counts as absent.
        """
        limit = _number(headers.get(self.limit.lower(), ""))
        remaining = _number(headers.get(self.remaining.lower(), ""))
        if not limit or limit < 0:
            # Some vendors answer 0 of 0 when another limit was exceeded, such as the number
            # of concurrent calls.
            limit = remaining = None
        return Reading(
            limit=None if limit is None else int(limit),
            remaining=None if remaining is None else max(0, int(remaining)),
            reset=_moment(_number(headers.get(self.reset.lower(), "")), now),
            retry_after=_delay(headers.get(self.retry_after.lower(), ""), now),
            now=now,
        )


def http_date(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date, or None."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _number(text: str) -> float | None:
    try:
        number = float(re.split("[,;]", text, maxsplit=1)[0])
    except ValueError:
        return None
    return number if abs(number) < 10**15 else None


def _moment(value: float | None, now: float | None) -> float | None:
    if value is None:
        return None
    if value >= _MILLISECONDS:
        return value / 1000
    return value if value >= _EPOCH else (time.time() if now is None else now) + value


def _delay(text: str, now: float | None) -> float | None:
    seconds = _number(text)
    if seconds is None and (moment := http_date(text)) is not None:
        seconds = moment - (time.time() if now is None else now)
    return None if seconds is None else max(0.0, seconds)


class Limiter:
    """One allowance of one credential; used by several threads at once.

    At most ``capacity_share`` of the window's limit is used by perimeter; then calls wait until the
    window ends, by the vendor's clock. At most ``max_in_flight`` calls run at once; the cap halves
    when the vendor refuses and grows back.
    """

    def __init__(
        self,
        bucket: str,
        *,
        capacity_share: float = 0.5,
        max_in_flight: int = 8,
        clock: Clock | None = None,
        stopped: threading.Event | None = None,
    ) -> None:
        self.bucket = bucket
        self.max_in_flight = max_in_flight
        self._share = _checked_share(capacity_share)
        self._clock = clock or Clock()
        self._stopped = stopped or threading.Event()
        self._condition = threading.Condition()
        self._cap = float(max_in_flight)
        self._in_flight = 0
        self._used = 0
        self._limit: int | None = None
        self._remaining: int | None = None
        self._reset: float | None = None
        self._offset: float | None = None
        self._blocked_until = 0.0
        self._blocked_because = ""
        self._announced = -1.0

    def set_share(self, capacity_share: float) -> None:
        """Change the share of the limit that may be used, in (0, 1]."""
        with self._condition:
            self._share = _checked_share(capacity_share)

    @contextmanager
    def slot(self, on_wait: OnWait | None = None, max_wait: float = LONGEST_WAIT) -> Iterator[None]:
        """Hold the right to make one call; waits for it first.

        Raises:
            RateLimited: a wait would be longer than ``max_wait`` seconds.
            Fatal: the process is stopping.
        """
        self.acquire(on_wait, max_wait)
        try:
            yield
        finally:
            self.release()

    def acquire(self, on_wait: OnWait | None = None, max_wait: float = LONGEST_WAIT) -> None:
        """Wait for the right to make one call; ``release`` it afterwards."""
        while True:
            _check_going(self._stopped)
            with self._condition:
                now = self._clock.monotonic()
                pause, reason = self._pause(now)
                if pause <= 0:
                    if self._has_room():
                        self._in_flight += 1
                        self._used += 1
                        return
                    self._condition.wait(_SLICE)
                    continue
                announce = abs(now + pause - self._announced) > _SLICE
                if announce:
                    self._announced = now + pause
            if pause > max_wait:
                raise RateLimited(f"{reason} That is longer than perimeter waits.", after=pause)
            if announce and on_wait is not None:
                on_wait(pause, reason)
            self._clock.sleep(min(pause, _SLICE))

    def release(self) -> None:
        """Give the right back once the call has ended."""
        with self._condition:
            self._in_flight -= 1
            self._condition.notify_all()

    def observe(self, reading: Reading, *, free: bool = False) -> None:
        """Take in what an answer said; ``free`` when the vendor does not count the call."""
        with self._condition:
            now = self._clock.monotonic()
            if reading.now is not None:
                self._offset = reading.now - now
            self._roll(now)
            if free:
                self._used -= 1
            self._cap = min(float(self.max_in_flight), self._cap + 1 / (4 * self._cap))
            if reading.limit is not None:
                self._limit = reading.limit
            if reading.reset is None or reading.reset <= self._server_now(now):
                return  # an answer out of the window before
            self._reset = max(self._reset or 0.0, reading.reset)
            if reading.remaining is not None:
                known = self._remaining
                self._remaining = (
                    reading.remaining if known is None else min(known, reading.remaining)
                )

    def back_off(self, seconds: float, reason: str) -> None:
        """Let no call begin for that many seconds, and fewer at once afterwards."""
        with self._condition:
            until = self._clock.monotonic() + seconds
            if until > self._blocked_until:
                self._blocked_until, self._blocked_because = until, reason
            self._cap = max(1.0, self._cap / 2)

    def until_reset(self) -> float | None:
        """Seconds until the window ends, by the vendor's clock; None when unknown."""
        with self._condition:
            now = self._clock.monotonic()
            self._roll(now)
            return None if self._reset is None else self._reset - self._server_now(now)

    def budget(self) -> Budget:
        """What is left."""
        reset_in = self.until_reset()
        with self._condition:
            return Budget(
                bucket=self.bucket, limit=self._limit, remaining=self._remaining, reset_in=reset_in
            )

    def _server_now(self, now: float) -> float:
        return self._clock.wall() if self._offset is None else now + self._offset

    def _roll(self, now: float) -> None:
        if self._reset is not None and self._server_now(now) >= self._reset:
            self._reset = self._remaining = None
            self._used = self._in_flight

    def _has_room(self) -> bool:
        cap = int(self._cap) if self._remaining is None else min(int(self._cap), self._remaining)
        return self._in_flight < max(1, cap)

    def _pause(self, now: float) -> tuple[float, str]:
        if now < self._blocked_until:
            return self._blocked_until - now, self._blocked_because
        self._roll(now)
        if self._limit is None or self._reset is None:
            return 0.0, ""
        wait = self._reset - self._server_now(now)
        if self._used >= max(1, int(self._limit * self._share)):
            share = f"{self._share:.0%} share of the {self._limit} calls"
            return wait, f"perimeter has used its {share} that {self.bucket} allows per window."
        if self._remaining == 0:
            return wait, f"All {self._limit} calls that {self.bucket} allows per window are used."
        return 0.0, ""


class Limiters:
    """The limiters of a process.

    One per credential and bucket, shared by all clients that use that credential.
    """

    def __init__(self, *, clock: Clock | None = None, max_in_flight: int = 8) -> None:
        self.clock = clock or Clock()
        self.max_in_flight = max_in_flight
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._limiters: dict[tuple[str, str], Limiter] = {}

    def get(self, credential: str, bucket: str, capacity_share: float) -> Limiter:
        """The limiter of a credential (a fingerprint, not the secret itself) and a bucket."""
        with self._lock:
            limiter = self._limiters.get((credential, bucket))
            if limiter is None:
                limiter = self._limiters[credential, bucket] = Limiter(
                    bucket,
                    capacity_share=capacity_share,
                    max_in_flight=self.max_in_flight,
                    clock=self.clock,
                    stopped=self._stopped,
                )
        limiter.set_share(capacity_share)
        return limiter

    def budgets(self, credential: str) -> tuple[Budget, ...]:
        """What is left of each of the credential's allowances, by bucket."""
        with self._lock:
            found = sorted(key for key in self._limiters if key[0] == credential)
        return tuple(self._limiters[key].budget() for key in found)

    def sleep(self, seconds: float) -> None:
        """Pause; raises ``Fatal`` within a second when the process is stopping."""
        while seconds > 0:
            _check_going(self._stopped)
            self.clock.sleep(min(seconds, _SLICE))
            seconds -= _SLICE

    def stop(self) -> None:
        """Let no further call begin: waiting ones raise ``Fatal`` within a second."""
        self._stopped.set()

    def resume(self) -> None:
        """Undo ``stop``."""
        self._stopped.clear()


LIMITERS = Limiters()
"""The process's limiters.

One for all, because the reader and the writer of one credential draw on the same allowance.
"""


def _check_going(stopped: threading.Event) -> None:
    if stopped.is_set():
        raise Fatal("Stopped before the call was made.")


def _checked_share(share: float) -> float:
    if not 0 < share <= 1:
        raise Fatal(f"capacity_share must be above 0 and at most 1, not {share}.")
    return share
