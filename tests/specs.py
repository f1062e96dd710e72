"""Where the vendors' own API descriptions and the conformance cases lie, if this machine has them."""

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


def conformance_dir() -> Path | None:
    """The folder with the conformance cases, or None."""
    return _folder("PERIMETER_CONFORMANCE", "conformance")
