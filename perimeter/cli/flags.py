"""Flags that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perimeter.addresses import AddressError, parse_address, parse_target
from perimeter.cli.command import switch, value, values
from perimeter.cli.failure import refuse
from perimeter.engine.model import Options

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

VARIABLES = (
    values("var", "'NAME=VALUE'", "Set a variable of the root module. May be repeated."),
    values("var-file", "FILE", "Read variables from a file. May be repeated."),
)

STATE = (value("state", "PATH", "Path of the state file, instead of the backend's."),)

LOCKING = (
    switch("lock", "Do not hold a lock on the state. Dangerous if others run, too.", default=True),
    value("lock-timeout", "DURATION", "How long to wait for the lock, such as 5m.", default="0s"),
)

INPUT = (switch("input", "Ask for nothing.", default=True),)

PLANNING = (
    *VARIABLES,
    switch("destroy", "Plan to remove everything that is managed here."),
    switch("refresh", "Plan on what state remembers, without reading.", default=True),
    switch("refresh-only", "Only bring state up to date with the tenants."),
    values(
        "target", "ADDRESS", "Plan only this module or resource and what it needs. May be repeated."
    ),
    values("replace", "ADDRESS", "Replace this resource instance. May be repeated."),
    values("allow-lockout", "ADDRESS", "Go ahead although this change could lock people out."),
    values("allow-mass-change", "TYPE", "Go ahead although many objects of this type are removed."),
    value("max-destroy", "N", "Refuse a plan that removes or replaces more objects.", integer=True),
    value("snapshot", "FILE", "Plan on a snapshot instead of reading the tenants."),
    value("parallelism", "N", "Calls at the same time.", default=10, integer=True),
    switch("compact-warnings", "Show warnings by their summaries only."),
    switch("json", "Print a stream of JSON objects."),
    *STATE,
    *LOCKING,
    *INPUT,
)


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
    for text in given["target"]:
        _address("target", text, parse_target)
    for text in given["replace"]:
        _address("replace", text, parse_address)
    return Options(
        destroy=given["destroy"],
        refresh=given["refresh"],
        refresh_only=given["refresh_only"],
        targets=tuple(given["target"]),
        replace=tuple(given["replace"]),
        allow_lockout=tuple(given["allow_lockout"]),
        allow_mass_change=tuple(given["allow_mass_change"]),
        max_destroy=given["max_destroy"],
    )


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
