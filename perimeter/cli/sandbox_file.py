"""Where a running sandbox can be found: ``.perimeter/sandbox.json``, or ``PERIMETER_SANDBOX``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perimeter.cli.failure import refuse

FILE = Path(".perimeter") / "sandbox.json"
VARIABLE = "PERIMETER_SANDBOX"


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox: its root URL, the process that runs it (0 when unknown), and AWS's stand-in beside it, if any."""

    url: str
    pid: int = 0
    aws: str = ""


def note(running: Running) -> None:
    """Remember a sandbox that runs from this directory."""
    FILE.parent.mkdir(exist_ok=True)
    data = {"url": running.url, "pid": running.pid, "aws": running.aws}
    FILE.write_text(json.dumps(data) + "\n", encoding="utf-8")


def forget(running: Running) -> None:
    """Forget it, unless another one took its place."""
    try:
        if json.loads(FILE.read_text(encoding="utf-8")).get("url") == running.url:
            FILE.unlink()
    except (OSError, ValueError):
        pass


def find(environment: Mapping[str, str]) -> Running:
    """The sandbox that commands mean.

    Raises:
        Refused: none is known.
    """
    url = environment.get(VARIABLE)
    if url:
        return Running(url)
    try:
        data = json.loads(FILE.read_text(encoding="utf-8"))
        return Running(str(data["url"]), int(data["pid"]), str(data.get("aws", "")))
    except (OSError, ValueError, KeyError, TypeError):
        raise refuse(
            "No sandbox there",
            f"No sandbox was started from this directory. Start one with perimeter sandbox up, or name the URL of one in "
            f"{VARIABLE}.",
        ) from None
