"""Where the evidence commands find log and state: in the backend, or in files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from perimeter.cli.command import Invocation, value
from perimeter.cli.failure import refuse
from perimeter.cli.workspace import place_of_directory
from perimeter.state.backend import Remembered
from perimeter.state.evidence import Evidence, read_entry

FILE = (value("file", "PATH", "Read the log from this file, such as a copy of it."),)


def lines_of(invocation: Invocation, given: Mapping[str, Any]) -> Iterator[bytes]:
    """The log's lines with their newlines.

    Raises:
        Refused: the file cannot be read.
    """
    if given["file"] is None:
        return place_of_directory(given["state"], invocation=invocation).backend.evidence_lines()
    try:
        return iter(Path(given["file"]).read_bytes().splitlines(keepends=True))
    except OSError as problem:
        raise refuse(
            "Evidence log not readable", f"{given['file']}: {problem.strerror}. Check the path."
        ) from None


def sealed_by(invocation: Invocation, given: Mapping[str, Any]) -> Remembered | None:
    """The state that vouches for the log; None where a file is read and no state is named.

    Raises:
        Refused: there is no such state.
    """
    if given["file"] is not None and given["state"] is None:
        return None
    if given["state"] is not None and not Path(given["state"]).exists():
        raise refuse("State file not readable", f"{given['state']}: there is no such file.")
    return place_of_directory(given["state"], invocation=invocation).backend.load()


def entries_of(invocation: Invocation, given: Mapping[str, Any]) -> Iterator[Evidence]:
    """The log's entries.

    Raises:
        Refused: a line is none.
    """
    for number, line in enumerate(lines_of(invocation, given), 1):
        entry = read_entry(line)
        if entry is None:
            raise refuse(
                "Damaged evidence log",
                f"Line {number} is half-written or no entry. To find out what else is wrong: perimeter evidence verify",
            )
        yield entry
