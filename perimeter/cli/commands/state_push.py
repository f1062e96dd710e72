"""``perimeter state push``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import LOCKING, STORED
from perimeter.cli.state_writing import BACKUP, keep_backup, tell_neighbours, witnessed
from perimeter.cli.workspace import locked, place_of_directory
from perimeter.state.codec import PLAIN, Codec, decode_state, same_content
from perimeter.state.encryption import is_encrypted
from perimeter.state.journal import replay
from perimeter.state.model import State
from perimeter.state.pushing import check_push, push


@command("state push")
@flags(
    STORED,
    LOCKING,
    BACKUP,
    switch("force", "Write although the state here is newer, or of another lineage."),
)
@click.argument("path")
def run(invocation: Invocation, path: str, **given: Any) -> int:
    """Put the state in PATH in place of the one that lies here; - reads standard input.

    Refuses an older serial and another lineage. What the journal holds and
    the file does not is kept: an apply that was cut off is still taken up.
    No tenant is changed.
    """
    found = place_of_directory(given["state"], invocation=invocation)
    where = "Standard input" if path == "-" else path
    pushed = _decoded(_read(invocation, path), where, getattr(found.backend, "codec", PLAIN))
    with locked(invocation, found, "state-push", given):
        held = found.backend.load()
        state = replay(held.state, held.records).state
        if not given["force"]:
            check_push(held.state, pushed)
        if pushed.lineage == state.lineage and same_content(pushed, state):
            invocation.terminal.print("The state here holds the same already.\n")
            return 0
        keep_backup(found, held.state, given)
        with witnessed(invocation, found, "push", [("state", None)]) as head:
            after = push(found.backend, held, pushed, evidence=head())
        tell_neighbours(found, after.state)
    invocation.terminal.print(f"Wrote the state; its serial is {after.state.serial}.\n")
    return 0


def _read(invocation: Invocation, path: str) -> bytes:
    if path == "-":
        stream = invocation.terminal.input
        buffer = getattr(stream, "buffer", None)
        return buffer.read() if buffer is not None else stream.read().encode()
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        raise refuse("State file not readable", f"{path}: {problem.strerror}.") from None


def _decoded(data: bytes, where: str, codec: Codec) -> State:
    """A state as ``state pull`` prints it, or as a backend keeps it."""
    if not is_encrypted(data) and b'"perimeter state"' in data[:200]:
        return decode_state(data, where=where)
    return codec.decode_state(data, where=where)
