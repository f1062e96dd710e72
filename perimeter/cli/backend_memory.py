"""Which backend the working directory was initialized for: ``.perimeter/backend.json``; it holds no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from perimeter.cli.backend_settings import Configured
from perimeter.cli.failure import refuse
from perimeter.state.places import DEFAULT_WORKSPACE, KINDS

FILE = Path(".perimeter/backend.json")
FORMAT = "perimeter backend"
VERSION = 1


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What ``init`` wrote.

    Attributes:
        settings: all arguments that are no secret, as they counted.
        given: those of them that -backend-config gave.
        withheld: names of the secret ones that it gave: they are not kept.
        secrets: names of all secret arguments that were set.
        place: where the state lies, for people; also tells apart what only secrets would.
    """

    format: str = FORMAT
    format_version: int = VERSION
    type: str
    settings: dict[str, Any] = {}
    given: dict[str, Any] = {}
    withheld: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    place: str = ""


def read() -> Memory | None:
    """Return what ``init`` wrote; None when it wrote nothing.

    Raises:
        Refused: it is damaged, or newer.
    """
    try:
        data = FILE.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise refuse("Backend settings not readable", f"{FILE}: {problem.strerror}.") from None
    try:
        found = msgspec.json.decode(data, type=Memory)
    except ValueError:
        found = None
    if found is None or found.format != FORMAT or found.format_version < 1:
        raise refuse(
            "Damaged backend settings",
            f"{FILE} is not as perimeter writes it. Write it anew: perimeter init -reconfigure",
        )
    if found.format_version > VERSION or found.type not in KINDS:
        raise refuse(
            "Newer backend settings",
            f"{FILE} was written by a newer perimeter. Upgrade, or run: perimeter init -reconfigure",
        )
    return found


def write(chosen: Configured, given: dict[str, Any]) -> None:
    """Remember a backend; ``given``: what -backend-config said.

    Raises:
        Refused: it cannot be written.
    """
    secret = {name for name, item in chosen.kind.settings.items() if item.secret}
    memory = Memory(
        type=chosen.type,
        settings=chosen.public,
        given={name: item for name, item in given.items() if name not in secret},
        withheld=tuple(sorted(secret & given.keys())),
        secrets=tuple(sorted(secret & chosen.settings.keys())),
        place=place_of(chosen),
    )
    text = json.dumps(msgspec.to_builtins(memory), indent=2) + "\n"
    temporary = FILE.with_suffix(".tmp")
    try:
        FILE.parent.mkdir(exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(FILE)
    except OSError as problem:
        raise refuse("Directory not writable", f"{FILE}: {problem.strerror}.") from None


def place_of(chosen: Configured) -> str:
    """Where the state of the default workspace lies, for people."""
    return chosen.kind.describe(chosen.settings, DEFAULT_WORKSPACE)
