"""Which workspace is selected, and what it may be called."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from perimeter.cli.failure import refuse
from perimeter.config.load import DEFAULT_WORKSPACE

VARIABLE = "PERIMETER_WORKSPACE"
FILE = Path(".perimeter/environment")

_NAME = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,89}")


def check_name(name: str) -> str:
    """Return the name.

    Raises:
        Refused: no workspace may be called that.
    """
    if not _NAME.fullmatch(name):
        raise refuse(
            "Invalid workspace name",
            f'The workspace name "{name}" is not allowed. It becomes a part of paths and URLs: up to 90 letters, '
            "digits, dots, hyphens, underscores and tildes, not beginning with a dot.",
        )
    return name


def overridden(environment: Mapping[str, str] | None = None) -> str:
    """What the environment selects; empty when it does not."""
    return (os.environ if environment is None else environment).get(VARIABLE, "")


def current(environment: Mapping[str, str] | None = None) -> str:
    """The selected workspace: by environment variable, or by ``perimeter workspace select``.

    Raises:
        Refused: no workspace may be called that.
    """
    name = overridden(environment)
    if not name:
        try:
            name = FILE.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            name = ""
        except (OSError, ValueError) as problem:
            raise refuse(
                "Selected workspace not readable",
                f'{FILE}: {problem}. Remove it, then run "perimeter workspace select NAME".',
            ) from None
    return check_name(name) if name else DEFAULT_WORKSPACE


def select(name: str) -> None:
    """Remember the selected workspace.

    Raises:
        Refused: it cannot be written.
    """
    try:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(name, encoding="utf-8")
    except OSError as problem:
        raise refuse("Directory not writable", f"{FILE}: {problem.strerror}.") from None
