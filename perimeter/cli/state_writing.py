"""Commands that change the state itself: who did it is put into the evidence log, and the state seals it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from perimeter.cli.command import Invocation, switch, value
from perimeter.cli.planning import write_private
from perimeter.cli.provenance import approver, commit
from perimeter.cli.workspace import HERE, Place
from perimeter.engine.exclusivity import publish
from perimeter.state.backend import Remembered
from perimeter.state.codec import PLAIN
from perimeter.state.errors import StateError
from perimeter.state.evidence import Command, Evidence, EvidenceLog
from perimeter.state.journal import Head, compact, utc_now
from perimeter.state.model import State, StateObject

BACKUP = (
    value("backup", "PATH", "Also write the state before the change to this file."),
    switch("ignore-remote-version", "Accepted as in Terraform; there is no remote version here."),
)

Touched = Iterable[tuple[str, StateObject | None]]
"""Printed addresses, each with the object that is meant."""


def remember(
    invocation: Invocation,
    found: Place,
    held: Remembered,
    state: State,
    command: Command,
    touched: Touched,
    given: Mapping[str, Any],
) -> Remembered:
    """Write a state under its lock, its serial rising by one.

    Raises:
        StateError: it cannot be written; the evidence log says that it failed.
    """
    keep_backup(found, held.state, given)
    with witnessed(invocation, found, command, touched) as head:
        after = compact(found.backend, held, state, evidence=head())
    tell_neighbours(found, after.state)
    return after


def tell_neighbours(found: Place, state: State) -> None:
    """Let the states beside this one know what it manages now, lest their exclusive collections remove it.

    Raises:
        StateError: the registry cannot be written.
    """
    publish(found.backend, state, place=found.path, at=utc_now())


def keep_backup(found: Place, state: State, given: Mapping[str, Any]) -> None:
    """Write the state before a change to where ``-backup`` says.

    Raises:
        Refused: it cannot be written.
    """
    if given.get("backup") not in (None, "-"):
        codec = getattr(found.backend, "codec", PLAIN)
        write_private(given["backup"], codec.encode_state(state))


@contextmanager
def witnessed(
    invocation: Invocation, found: Place, command: Command, touched: Touched
) -> Iterator[Callable[[], Head]]:
    """Put into the evidence log what is about to be done to the state; the head is to be sealed."""
    log = EvidenceLog(found.backend)
    environment = invocation.terminal.environment
    run, at = str(uuid.uuid4()), utc_now()
    who, which = approver(environment, automatic=False), commit(environment, HERE)
    entries = [
        Evidence(
            at=at,
            run=run,
            address=address,
            object=item.id if item is not None else "",
            tenant=item.tenant if item is not None else "",
            operation=command,
            commit=which,
            approver=who,
            result="done",
        )
        for address, item in touched
    ]
    log.append(*entries)
    try:
        yield lambda: log.head
    except StateError:
        log.append(*(msgspec.structs.replace(entry, result="failed") for entry in entries))
        raise
