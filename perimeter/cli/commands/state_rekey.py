"""``perimeter state rekey``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.command import Invocation, command, flags
from perimeter.cli.flags import LOCKING, STATE, VARIABLES
from perimeter.cli.workspace import locked, place_of_directory
from perimeter.ui.style import counted


@command("state rekey")
@flags(VARIABLES, STATE, LOCKING)
def run(invocation: Invocation, **given: Any) -> int:
    """Write state, journal and kept versions anew with the present key.

    After a change of key, or where encryption was just configured: what a
    fallback block can read is written with the primary key, so that the
    block can be taken out. Contents and serial stay. Killed midway, it goes
    on when it is run again.
    """
    found = place_of_directory(given["state"], invocation=invocation)
    keys = found.keys().state
    with locked(invocation, found, "state-rekey", given):
        found.backend.load()
        written = found.backend.recode()
    how = "plain" if keys.primary is None else f'with {keys.primary.kind} "{keys.primary.name}"'
    told = (
        f"Wrote {counted(written, 'file')} {how}. Serials and contents are as they were.\n"
        if written
        else f"All is written {how} already.\n"
    )
    if keys.fallbacks:
        told += "The fallback in the encryption block is needed no more for this state.\n"
    invocation.terminal.print(told)
    return 0
