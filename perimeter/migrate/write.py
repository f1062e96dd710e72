"""Writing what a migration came to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perimeter.diagnostics import Diagnostics


def write_files(files: Mapping[str, str], out: Path, diagnostics: Diagnostics) -> None:
    """Write all files or, when one of them is there already or a folder cannot be made, none."""
    taken = [name for name in files if (out / name).exists()]
    if taken:
        diagnostics.error(
            "Files exist already",
            f"{', '.join(taken)} in {out} would be overwritten. Give an empty directory with -out.",
        )
        return
    try:
        for name, text in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as failure:
        diagnostics.error(
            "Failed to write file",
            f'"{failure.filename}" could not be written: {failure.strerror}.',
        )
