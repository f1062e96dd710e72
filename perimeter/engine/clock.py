"""Instants as text: RFC 3339 timestamps and plain dates; pure."""

from __future__ import annotations

from datetime import UTC, datetime


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
