"""Installing the modules of the working directory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from perimeter.cli.command import Invocation
from perimeter.cli.failure import refuse
from perimeter.cli.lockfile import LOCK_FILE, read_modules
from perimeter.config.sources.address import Local, SourceError, parse_address
from perimeter.config.sources.install import Installer
from perimeter.config.sources.manifest import MANIFEST, parse_manifest


def installer(
    invocation: Invocation, root: Path, *, upgrade: bool = False, readonly: bool = False
) -> Installer:
    """What fetches the modules while the configuration is read; it tells the terminal what it does."""
    try:
        known = parse_manifest((root / MANIFEST).read_bytes())
    except OSError:
        known = ()
    return Installer(
        root=root,
        environment=invocation.terminal.environment,
        known=known,
        locked=read_modules(root / LOCK_FILE),
        upgrade=upgrade,
        readonly=readonly,
        say=_said(invocation),
    )


def _said(invocation: Invocation) -> Callable[[str], None]:
    begun = False

    def say(text: str) -> None:
        nonlocal begun
        if not begun:
            title = invocation.terminal.style().bold("Initializing modules...")
            invocation.terminal.print(f"\n{title}\n")
            begun = True
        invocation.terminal.print(f"{text}\n")

    return say


def finish(fetching: Installer) -> None:
    """Write the manifest of what was installed.

    Raises:
        Refused: it cannot be written.
    """
    try:
        fetching.finish()
    except OSError as problem:
        raise refuse("Directory not writable", f"{problem.filename}: {problem.strerror}.") from None


def copy_module(invocation: Invocation, root: Path, source: str) -> None:
    """Copy the files of a module, with the folders below it, into an empty directory.

    Raises:
        Refused: the directory is not empty, or the module cannot be had.
    """
    if any(not item.name.startswith(".perimeter") for item in root.iterdir()):
        raise refuse(
            "Can't populate non-empty directory",
            "The target directory already contains files, so it can't be used as a base for the "
            "-from-module option: they might be overwritten. Choose an empty directory.",
        )
    with tempfile.TemporaryDirectory() as scratch:
        try:
            address = parse_address(source)
            if isinstance(address, Local):
                found = root / address.path
            else:
                fetching = Installer(
                    root=Path(scratch), environment=invocation.terminal.environment
                )
                invocation.terminal.print(f"Copying configuration from {source}...\n")
                found = fetching.locate(("from-module",), source, None).directory
            if root.resolve().is_relative_to(found.resolve(strict=True)):
                raise refuse("Can't copy a module into itself", f'"{source}" holds this directory.')
            shutil.copytree(found, root, symlinks=True, dirs_exist_ok=True)
        except SourceError as problem:
            raise refuse(problem.summary, problem.detail) from None
        except OSError as problem:
            reason = problem.strerror or "some files cannot be copied"
            raise refuse("Failed to copy module", f'"{source}": {reason}.') from None


def write(path: Path, text: str) -> None:
    """Write a file of the working directory.

    Raises:
        Refused: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise refuse("Directory not writable", f"{problem.filename}: {problem.strerror}.") from None
