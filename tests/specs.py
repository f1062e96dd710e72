"""Where the vendors' own API descriptions lie, if this machine has them."""

from __future__ import annotations

import os
from pathlib import Path

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


def _folder(variable: str, name: str) -> Path | None:
    path = Path(os.environ[variable]) if variable in os.environ else _BESIDE / name
    return path if path.is_dir() else None


def specs_dir() -> Path | None:
    """The folder with the vendors' descriptions, or None."""
    return _folder("PERIMETER_SPECS", "specs")
