"""``-backup`` and ``-state-out`` of ``apply``: where the earlier state is kept, and where the new one goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from perimeter.cli.command import value
from perimeter.cli.failure import refuse
from perimeter.cli.planning import Made, write_private
from perimeter.engine.session import Session
from perimeter.state.codec import PLAIN
from perimeter.state.local import LocalBackend

STATE_FILES = (
    value("backup", "PATH", "Also write the state as it was to this file."),
    value("state-out", "PATH", "Write the new state to this new file and leave the old one."),
)


def check_state_out(given: Mapping[str, Any]) -> None:
    """Refuse a ``-state-out`` that would overwrite something.

    Raises:
        Refused: the file exists.
    """
    path = given["state_out"]
    if path is not None and Path(path).exists():
        raise refuse(
            "State file exists already",
            f"{path}: -state-out writes a new file, so that no other state is overwritten. Name another one; to go on with "
            "this one, use -state.",
        )


def keep_and_redirect(given: Mapping[str, Any], working: Session, made: Made) -> Made:
    """Write the backup that was asked for, and let the apply work on a copy of the state.

    Raises:
        Refused: a file cannot be written, or the state waits for what an earlier apply left open.
    """
    codec = getattr(working.backend, "codec", PLAIN)
    if given["backup"] not in (None, "-"):
        write_private(given["backup"], codec.encode_state(made.request.state))
    if given["state_out"] is None:
        return made
    if made.request.pending:
        raise refuse(
            "An earlier apply was cut off",
            f"What became of {', '.join(sorted(made.request.pending))} is not known yet, and the journal that knows what was "
            "begun stays with the old state. Run perimeter apply without -state-out first.",
        )
    backend = LocalBackend(given["state_out"], codec=codec)
    backend.write_state(made.request.state, "")
    working.backend = backend
    return replace(made, remembered=backend.load())
