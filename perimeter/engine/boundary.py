"""Which files expressions may read: a module's own folder and the root module's, and what is allowed besides."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path

from perimeter.config.model import Config

VARIABLE = "PERIMETER_ALLOW_OUTSIDE_FILES"
_ALL = frozenset({"1", "true"})


def allowed_outside(environment: Mapping[str, str], cwd: str) -> tuple[str, ...]:
    """The folders that the environment allows besides the modules' own, absolute; ``/`` for every file."""
    text = environment.get(VARIABLE, "")
    if text.lower() in _ALL:
        return ("/",)
    return tuple(_absolute(part, cwd) for part in text.split(os.pathsep) if part)


def folders_of(config: Config, module: tuple[str, ...], cwd: str) -> tuple[str, ...]:
    """The folders that a module may read: its own (or the package it was installed with) and the root module's."""
    root, own = config.root, config.modules[module]
    return tuple(
        dict.fromkeys(
            _absolute(folder, cwd)
            for folder in (root.source_dir, own.package_dir or own.source_dir)
        )
    )


def every_folder(config: Config, cwd: str) -> tuple[str, ...]:
    """The folders of all modules."""
    found = (folder for path in config.modules for folder in folders_of(config, path, cwd))
    return tuple(dict.fromkeys(found))


def check_path(path: str, folders: Iterable[str], cwd: str, *, listed: bool = False) -> None:
    """Refuse a path that leads elsewhere as it is written; ``listed`` where it is a folder.

    Raises:
        PermissionError: it does; the message says how to allow it.
    """
    found = _absolute(path, cwd)
    if not any(_is_below(found, folder) for folder in folders):
        raise PermissionError(1, refusal(found if listed else posixpath.dirname(found)))


def is_really_below(path: str, folders: Iterable[str]) -> bool:
    """Whether a path stays in folders once symbolic links are followed. Asks the disk.

    Raises:
        OSError: the links cannot be followed.
    """
    try:
        real = Path(path).resolve()
        return any(real.is_relative_to(Path(folder).resolve()) for folder in folders)
    except RuntimeError:
        raise OSError(40, "too many levels of symbolic links") from None


def refusal(folder: str) -> str:
    """Why what is in a folder is not read, and what to do about it."""
    return (
        "it is outside the module's own folder and the root module's, where expressions may not "
        f"read. If this is intended, allow its folder: {VARIABLE}={folder}"
    )


def _absolute(path: str, cwd: str) -> str:
    return posixpath.normpath(posixpath.join(cwd, path or "."))


def _is_below(path: str, folder: str) -> bool:
    if folder == ".":
        return not path.startswith(("/", "../")) and path != ".."
    return path == folder or path.startswith(folder.rstrip("/") + "/")
