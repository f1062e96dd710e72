"""How large a module may be, and that its links stay inside."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from perimeter.config.sources.address import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a package may hold.

    Attributes:
        download: bytes of an archive as it is sent.
        content: bytes of all its files.
        entries: files, folders and links.
    """

    download: int = 256 * 1024 * 1024
    content: int = 512 * 1024 * 1024
    entries: int = 50_000


LIMITS = Limits()


def unsafe(detail: str) -> SourceError:
    """A package that is refused for what it holds."""
    return SourceError("Unsafe module package", detail)


def too_large(what: str) -> SourceError:
    """A package that is refused for its size."""
    return unsafe(
        f"The package {what}, more than a module may. If it is a module among many other things, "
        "put it into a repository or archive of its own."
    )


def check_links(root: Path) -> None:
    """Refuse a folder that holds a link out of it, or anything but files, folders and links.

    Raises:
        SourceError: it does.
    """
    real = root.resolve()
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder) / name
            shown = path.relative_to(root).as_posix()
            if path.is_symlink():
                try:
                    inside = path.resolve().is_relative_to(real)
                except (OSError, RuntimeError):
                    inside = False
                if path.readlink().is_absolute() or not inside:
                    raise unsafe(f'"{shown}" is a link that leads out of the package, or nowhere.')
            elif not path.is_file() and not path.is_dir():
                raise unsafe(f'"{shown}" is neither a file nor a folder.')
