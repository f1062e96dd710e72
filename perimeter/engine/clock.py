"""Instants and durations as text: RFC 3339 timestamps, plain dates, ``90d``; pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class InvalidTimeError(ValueError):
    """The text is neither a date nor an RFC 3339 timestamp; the message says so."""


def instant(text: str) -> datetime:
    """The instant that a timestamp names; a plain date is its first moment in UTC.

    Raises:
        InvalidTimeError: the text is neither.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidTimeError(
            f'"{text}" is neither a date such as 2027-06-30 nor an RFC 3339 timestamp.'
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def rfc3339(moment: datetime) -> str:
    """An instant as RFC 3339 text in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class InvalidDurationError(ValueError):
    """A text that is no duration such as ``14d`` or ``36h``."""


def duration(text: str) -> timedelta:
    """A duration such as ``90d``, ``36h`` or ``1h30m``.

    Raises:
        InvalidDurationError: it is none; the message is a sentence.
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise InvalidDurationError(
            f'"{text}" is not a duration. Write whole numbers with their units, such as 14d, 36h or 1h30m.'
        )
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
