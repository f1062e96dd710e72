"""Times as RFC 3339 writes them, with nanoseconds, and durations as Go writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

from perimeter.lang.text import quote

_PARTS = (
    (re.compile(r"\d{4}", re.ASCII), "year", "", 0, 9999),
    (re.compile(r"\d{2}", re.ASCII), "month", "-", 1, 12),
    (re.compile(r"\d{2}", re.ASCII), "day", "-", 1, 31),
    (re.compile(r"\d{2}", re.ASCII), "hour", "T", 0, 23),
    (re.compile(r"\d{2}", re.ASCII), "minute", ":", 0, 59),
    (re.compile(r"\d{2}", re.ASCII), "second", ":", 0, 59),
)


_FRACTION = re.compile(r"\.(\d+)", re.ASCII)


_ZONE = re.compile(r"Z|([+-])(\d{2}):(\d{2})", re.ASCII)


_DURATION = re.compile(r"(\d*)(\.\d*)?([a-zµμ]*)", re.ASCII | re.IGNORECASE)


_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of day with its offset, to the second, and the nanoseconds beyond."""

    time: datetime
    nanoseconds: int = 0

    @property
    def order(self) -> tuple[datetime, int]:
        """What orders moments, whatever their offsets."""
        return self.time, self.nanoseconds

    def rfc3339(self) -> str:
        """The text without a fraction of a second."""
        shown = self.time.strftime("%Y-%m-%dT%H:%M:%S").zfill(19)
        return shown + (zone_text(self.time) if self.time.utcoffset() else "Z")


def zone_text(time: datetime, colon: str = ":") -> str:
    """An offset as ``+02:00``."""
    offset = time.utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}{colon}{abs(minutes) % 60:02d}"


def parse_moment(content: str) -> Moment:
    """Parse RFC 3339 text.

    Raises:
        ValueError: it is none; the message says where.
    """
    problem = "not a valid RFC3339 timestamp: "
    at, found = 0, []
    for pattern, name, introducer, low, high in _PARTS:
        if introducer:
            if content[at : at + 1] != introducer:
                kind = {"T": "required time introducer 'T'"}.get(
                    introducer, f"required separator {introducer!r}"
                )
                raise ValueError(f"{problem}missing {kind}")
            at += 1
        match = pattern.match(content, at)
        if match is None:
            where = "end of string before" if at >= len(content) else "invalid"
            raise ValueError(f"{problem}{where} {name}")
        part = int(match[0])
        if not low <= part <= high:
            raise ValueError(f"{problem}{name} must be between {low} and {high} inclusive")
        found.append(part)
        at = match.end()
    nanoseconds = 0
    fraction = _FRACTION.match(content, at)
    if fraction is not None:
        nanoseconds = int(fraction[1][:9].ljust(9, "0"))
        at = fraction.end()
    zone = _ZONE.fullmatch(content, at)
    if zone is None:
        raise ValueError(f"{problem}missing or invalid UTC offset; it is Z, or like +02:00")
    offset = timedelta()
    if zone[1]:
        if int(zone[2]) > 23 or int(zone[3]) > 59:
            raise ValueError(f"{problem}the UTC offset is out of range")
        offset = timedelta(hours=int(zone[2]), minutes=int(zone[3]))
        offset = -offset if zone[1] == "-" else offset
    try:
        time = datetime(*found, tzinfo=timezone(offset) if offset else UTC)  # type: ignore[misc, arg-type]
        return Moment(time, nanoseconds)
    except ValueError as error:
        raise ValueError(f"{problem}{error}") from None


def parse_duration(content: str) -> int:
    """Parse a duration such as ``-1h30m`` into nanoseconds.

    Raises:
        ValueError: it is none.
    """
    rest = content
    negative = rest.startswith("-")
    rest = rest[1:] if rest[:1] in ("+", "-") else rest
    if rest == "0":
        return 0
    total = Fraction(0)
    if not rest:
        raise ValueError(f"invalid duration {quote(content)}")
    while rest:
        match = _DURATION.match(rest)
        assert match is not None
        amount = (match[1] or "") + (match[2] or "")
        if amount in ("", "."):
            raise ValueError(f"invalid duration {quote(content)}")
        if not match[3]:
            raise ValueError(f"missing unit in duration {quote(content)}")
        unit = _UNITS.get(match[3])
        if unit is None:
            raise ValueError(f"unknown unit {quote(match[3])} in duration {quote(content)}")
        total += Fraction(f"0{amount}" if amount[0] == "." else amount.rstrip(".")) * unit
        rest = rest[match.end() :]
    nanoseconds = int(total)
    if nanoseconds >= 2**63:
        raise ValueError(f"invalid duration {quote(content)}")
    return -nanoseconds if negative else nanoseconds
