"""Timestamps: RFC 3339 with nanoseconds, Go's durations, and ``formatdate``'s verbs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby

from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    simple,
    text,
)
from perimeter.lang.functions.moments import Moment, parse_duration, parse_moment, zone_text
from perimeter.lang.text import quote
from perimeter.lang.types import NUMBER, STRING
from perimeter.lang.values import Unknown, Value, unknown

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def _moment(content: str, argument: int | None) -> Moment:
    try:
        return parse_moment(content)
    except ValueError as error:
        raise FunctionError(str(error), argument) from None


def _timeadd(timestamp: str, duration: str) -> str:
    moment = _moment(timestamp, None)
    try:
        added = parse_duration(duration)
    except ValueError as error:
        raise FunctionError(str(error)) from None
    seconds = (moment.nanoseconds + added) // 1_000_000_000
    try:
        return Moment(moment.time + timedelta(seconds=seconds)).rfc3339()
    except OverflowError:
        raise FunctionError("the result is outside the years 1 to 9999") from None


def _timecmp(first: str, second: str) -> int:
    left, right = _moment(first, 0).order, _moment(second, 1).order
    return (left > right) - (left < right)


def _formatdate(pattern: str, timestamp: str) -> str:
    time = _moment(timestamp, 1).time
    out, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("''", at):
            out.append("'")
            at += 2
            continue
        if char == "'":
            literal, at = _literal(pattern, at + 1)
            out.append(literal)
            continue
        verb = next("".join(group) for _, group in groupby(pattern[at:]))
        at += len(verb)
        if not (char.isascii() and char.isalpha()):
            out.append(verb)
            continue
        out.append(_verb(verb, time))
    return "".join(out)


def _literal(pattern: str, at: int) -> tuple[str, int]:
    out = []
    while True:
        end = pattern.find("'", at)
        if end < 0:
            raise FunctionError("unterminated literal '", 0)
        out.append(pattern[at:end])
        if pattern[end + 1 : end + 2] != "'":
            return "".join(out), end + 1
        out.append("'")
        at = end + 2


_RULES = {
    "Y": 'year must either be "YY" or "YYYY"',
    "M": 'month must be "M", "MM", "MMM", or "MMMM"',
    "D": 'day of month must either be "D" or "DD"',
    "E": 'day of week must either be "EEE" or "EEEE"',
    "h": '24-hour must either be "h" or "hh"',
    "H": '12-hour must either be "H" or "HH"',
    "A": 'must be "AA"',
    "a": 'must be "aa"',
    "m": 'minute must either be "m" or "mm"',
    "s": 'second must either be "s" or "ss"',
    "Z": "timezone must be Z, ZZZ, ZZZZ, or ZZZZZ",
}


def _verb(verb: str, time: datetime) -> str:
    twelve = time.hour % 12 or 12
    half = "AM" if time.hour < 12 else "PM"
    is_utc = not time.utcoffset()
    found = {
        "YY": f"{time.year % 100:02d}",
        "YYYY": f"{time.year:04d}",
        "M": str(time.month),
        "MM": f"{time.month:02d}",
        "MMM": _MONTHS[time.month - 1][:3],
        "MMMM": _MONTHS[time.month - 1],
        "D": str(time.day),
        "DD": f"{time.day:02d}",
        "EEE": _DAYS[time.weekday()][:3],
        "EEEE": _DAYS[time.weekday()],
        "h": str(time.hour),
        "hh": f"{time.hour:02d}",
        "H": str(twelve),
        "HH": f"{twelve:02d}",
        "AA": half,
        "aa": half.lower(),
        "m": str(time.minute),
        "mm": f"{time.minute:02d}",
        "s": str(time.second),
        "ss": f"{time.second:02d}",
        "Z": "Z" if is_utc else zone_text(time),
        "ZZZ": "UTC" if is_utc else zone_text(time, ""),
        "ZZZZ": zone_text(time, ""),
        "ZZZZZ": zone_text(time),
    }.get(verb)
    if found is None:
        rule = _RULES.get(verb[0])
        detail = f": {rule}" if rule else ""
        raise FunctionError(f"invalid date format verb {quote(verb)}{detail}", 0)
    return found


def _timestamp(_values: list[Value], context: Context) -> Value:
    if context.planning:
        return unknown(STRING, Unknown(not_null=True))
    return text(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _plantimestamp(_values: list[Value], context: Context) -> Value:
    assert context.now is not None
    return text(context.now)


_TIME = Parameter("timestamp", STRING)

FUNCTIONS: dict[str, Function] = {
    "formatdate": simple(
        [Parameter("format", STRING), Parameter("time", STRING)], STRING, _formatdate
    ),
    "timeadd": simple([_TIME, Parameter("duration", STRING)], STRING, _timeadd),
    "timecmp": simple(
        [Parameter("timestamp_a", STRING), Parameter("timestamp_b", STRING)], NUMBER, _timecmp
    ),
    "timestamp": Function(returns=STRING, call=_timestamp),
    "plantimestamp": Function(
        returns=STRING,
        call=_plantimestamp,
        available=lambda scope: bool(getattr(scope, "now", None)),
    ),
}
