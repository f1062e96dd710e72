"""Marking what state remembers as not fit, and taking the mark back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from perimeter.addresses import AddressError, parse_address
from perimeter.cli.command import Invocation
from perimeter.cli.failure import refuse
from perimeter.cli.state_writing import remember
from perimeter.cli.workspace import locked, place_of_directory
from perimeter.diagnostics import did_you_mean, warning
from perimeter.state.evidence import Command
from perimeter.state.journal import replay
from perimeter.state.model import Instance


def mark(invocation: Invocation, address: str, given: Mapping[str, Any], *, tainted: bool) -> int:
    """Set or clear the mark of one instance's object; returns the exit code."""
    try:
        parsed = parse_address(address)
    except AddressError as problem:
        raise refuse("Invalid address", str(problem)) from None
    name = str(parsed)
    command: Command = "taint" if tainted else "untaint"
    word = f"{command}ed"
    if parsed.mode != "managed":
        raise refuse(
            f"Resource instance cannot be {word}", f"{name} is read anew each time, never replaced."
        )
    found = place_of_directory(given["state"], invocation=invocation)
    with locked(invocation, found, command, given):
        held = found.backend.load()
        state = replay(held.state, held.records).state
        instance = state.resources.get(name)
        if instance is None or instance.current() is None:
            if given["allow_missing"]:
                missing = warning(
                    "No such resource instance",
                    f"Resource instance {name} was not found, but this is not an error because -allow-missing was set.",
                )
                invocation.reporter.diagnostics([missing], {})
                return 0
            raise refuse(
                "No such resource instance",
                f"There is no resource instance in the state with the address {name}."
                f"{did_you_mean(name, state.resources)} If the resource configuration has just been added, you must run "
                f'"perimeter apply" once to create the corresponding instance(s) before they can be {word}.',
            )
        if tainted or any(item.tainted for item in instance.objects):
            resources = {**state.resources, name: _marked(instance, tainted=tainted)}
            after = msgspec.structs.replace(state, resources=resources)
            touched = [(name, instance.current())]
            remember(invocation, found, held, after, command, touched, given)
        else:
            raise refuse(
                "Resource instance is not tainted",
                f"Resource instance {name} is not currently tainted, and so it cannot be untainted.",
            )
    done = "marked as tainted" if tainted else "successfully untainted"
    invocation.terminal.print(f"Resource instance {name} has been {done}.\n")
    return 0


def _marked(instance: Instance, *, tainted: bool) -> Instance:
    objects = tuple(
        msgspec.structs.replace(item, tainted=tainted) if item.role == "current" else item
        for item in instance.objects
    )
    return msgspec.structs.replace(instance, objects=objects)
