"""Flags that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from perimeter.addresses import AddressError, parse_address, parse_target
from perimeter.cli.command import switch, value, values
from perimeter.cli.failure import refuse
from perimeter.cli.invoking import check_invoke
from perimeter.cli.showing import SHOWING
from perimeter.engine.clock import InvalidTimeError, instant, rfc3339
from perimeter.engine.model import Options

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

VARIABLES = (
    values("var", "'NAME=VALUE'", "Set a variable of the root module. May be repeated."),
    values("var-file", "FILE", "Read variables from a file. May be repeated."),
)

STATE = (value("state", "PATH", "Path of the state file, instead of the backend's."),)

STORED = (*STATE, *VARIABLES)
"""For commands that need no more of the configuration than where its state lies, which variables may decide."""

LOCKING = (
    switch("lock", "Do not hold a lock on the state. Dangerous if others run, too.", default=True),
    value("lock-timeout", "DURATION", "How long to wait for the lock, such as 5m.", default="0s"),
)

INPUT = (switch("input", "Ask for nothing.", default=True),)

SCOPE = (
    values(
        "target", "ADDRESS", "Plan only this module or resource and what it needs. May be repeated."
    ),
    values("target-file", "FILE", "Read -target addresses from a file, one a line."),
    values(
        "exclude",
        "ADDRESS",
        "Leave out this module or resource and what needs it. May be repeated.",
    ),
    values("exclude-file", "FILE", "Read -exclude addresses from a file, one a line."),
)

PLANNING = (
    *VARIABLES,
    switch("destroy", "Plan to remove everything that is managed here."),
    switch("refresh", "Plan on what state remembers, without reading.", default=True),
    switch("refresh-only", "Only bring state up to date with the tenants."),
    switch("minimal-refresh", "Read only the objects whose declaration asks for a change."),
    *SCOPE,
    values(
        "invoke",
        "ADDRESS",
        "Invoke this action or rotate this credential now, and change nothing else.",
    ),
    switch("no-overlap", "With -invoke: end the credential before at once. Its users break."),
    values("allow-replace", "ADDRESS", "Let -replace replace this credential under rotation."),
    values("replace", "ADDRESS", "Replace this resource instance. May be repeated."),
    values("allow-lockout", "ADDRESS", "Go ahead although this change could lock people out."),
    values("allow-mass-change", "TYPE", "Go ahead although many objects of this type are removed."),
    values(
        "allow-unregistered",
        "COLLECTION",
        "Let this exclusive collection remove objects although the backend has no registry.",
    ),
    value("max-destroy", "N", "Refuse a plan that removes or replaces more objects.", integer=True),
    value("snapshot", "FILE", "Plan on a snapshot instead of reading the tenants."),
    value("parallelism", "N", "Calls at the same time.", default=10, integer=True),
    *SHOWING,
    *STATE,
    *LOCKING,
    *INPUT,
)


NOW = value(
    "now", "TIMESTAMP", "Plan as of this instant (RFC 3339 or a date). It cannot be applied."
)
"""For ``plan`` alone: the clock is an input."""


def plan_options(given: Mapping[str, Any]) -> Options:
    """The engine's options from a command's parameters.

    Raises:
        Refused: a contradiction, or an address that is none.
    """
    if given["destroy"] and given["refresh_only"]:
        raise refuse(
            "Incompatible plan mode options",
            "The -destroy and -refresh-only options are mutually exclusive.",
        )
    if given["refresh_only"] and given["replace"]:
        raise refuse(
            "Incompatible refresh options", "The -replace option makes no sense with -refresh-only."
        )
    if given["refresh_only"] and not given["refresh"]:
        raise refuse(
            "Incompatible refresh options",
            "It doesn't make sense to use -refresh-only at the same time as -refresh=false, because "
            "there would be nothing to do.",
        )
    if given["parallelism"] < 1:
        raise refuse("Invalid -parallelism", "At least one call at a time is needed.")
    if given["minimal_refresh"] and (given["refresh_only"] or not given["refresh"]):
        other = "-refresh-only" if given["refresh_only"] else "-refresh=false"
        raise refuse(
            "Incompatible refresh options",
            f"-minimal-refresh reads only what a change needs, and {other} decides by itself what is read. Choose one.",
        )
    targets = (*given["target"], *_addresses("target", given["target_file"]))
    excludes = (*given["exclude"], *_addresses("exclude", given["exclude_file"]))
    for flag, texts in (("target", targets), ("exclude", excludes)):
        for text in texts:
            _address(flag, text, parse_target)
    if targets and excludes:
        raise refuse(
            "Invalid combination of arguments",
            "-target and -exclude cannot be used together: a plan names either what it is limited to or what it leaves out.",
        )
    for text in given["replace"]:
        _address("replace", text, parse_address)
    check_invoke(given)
    return Options(
        destroy=given["destroy"],
        invoke=tuple(given["invoke"]),
        refresh=given["refresh"],
        refresh_only=given["refresh_only"],
        targets=targets,
        excludes=excludes,
        minimal_refresh=given["minimal_refresh"],
        replace=tuple(given["replace"]),
        allow_lockout=tuple(given["allow_lockout"]),
        allow_mass_change=tuple(given["allow_mass_change"]),
        allow_unregistered=tuple(given["allow_unregistered"]),
        max_destroy=given["max_destroy"],
        no_overlap=given["no_overlap"],
        allow_replace=tuple(given["allow_replace"]),
        now=given_now(given.get("now")),
    )


def given_now(text: str | None) -> str:
    """The instant that ``-now`` names; empty without.

    Raises:
        Refused: it is none.
    """
    if not text:
        return ""
    try:
        return rfc3339(instant(text))
    except InvalidTimeError as problem:
        raise refuse("Invalid -now", str(problem)) from None


def _addresses(flag: str, paths: Iterable[str]) -> list[str]:
    """The addresses in files, one a line; what follows a ``#`` at a line's beginning is a comment."""
    found: list[str] = []
    for path in paths:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
            raise refuse(f"Invalid -{flag}-file", f"{path} cannot be read: {why}.") from None
        texts = [line.strip() for line in lines]
        addresses = [text for text in texts if text and not text.startswith("#")]
        if not addresses:
            raise refuse(
                f"Invalid -{flag}-file",
                f"{path} names no address. Write one a line, or leave the option away.",
            )
        found += addresses
    return found


def _address(flag: str, text: str, parse: Callable[[str], object]) -> None:
    try:
        parse(text)
    except AddressError as problem:
        raise refuse(f'Invalid {flag} "{text}"', str(problem)) from None


def seconds(text: str) -> float:
    """A duration such as ``90s``, ``5m`` or ``1h30m`` in seconds.

    Raises:
        Refused: it is none.
    """
    import re

    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if text != "0" and "".join(number + unit for number, unit in parts) != text:
        raise refuse(
            "Invalid duration",
            f'"{text}" is not a duration. Write a number and its unit, such as 90s or 5m.',
        )
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
