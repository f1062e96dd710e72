"""Which files of a directory are configuration, and how files are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from perimeter.diagnostics import Diagnostics, Range
from perimeter.hcl.source import SourceFile

FOREIGN = {
    "terragrunt.hcl": "Terragrunt",
    "terragrunt.stack.hcl": "Terragrunt",
    "*.pkr.hcl": "Packer",
    "*.pkrvars.hcl": "Packer",
    "*.nomad.hcl": "Nomad",
    "waypoint.hcl": "Waypoint",
    "sentinel.hcl": "Sentinel",
    "docker-bake.hcl": "Docker Buildx",
    "docker-bake.override.hcl": "Docker Buildx",
    "*.tftest.hcl": "Terraform",
    "*.tfmock.hcl": "Terraform",
    "*.tfquery.hcl": "Terraform",
    "*.tfcomponent.hcl": "Terraform",
    "*.tfdeploy.hcl": "Terraform",
}
"""Names of other tools' files, as patterns, and the tool."""

_OURS = (".vars.hcl", ".test.hcl", ".mock.hcl", ".query.hcl")


class Reader(Protocol):
    """Where files come from."""

    def names(self, directory: Path) -> list[str]:
        """The names of the files in a directory; raises OSError."""
        ...

    def read(self, path: Path) -> bytes:
        """The content of a file; raises OSError."""
        ...

    def resolve(self, directory: Path) -> Path:
        """One name for a directory, however it was reached; raises OSError."""
        ...


class Disk:
    """Files of the file system."""

    def names(self, directory: Path) -> list[str]:
        """The names of the files in a directory; raises OSError."""
        with os.scandir(directory) as entries:
            return [entry.name for entry in entries if not entry.is_dir()]

    def read(self, path: Path) -> bytes:
        """The content of a file; raises OSError."""
        return path.read_bytes()

    def resolve(self, directory: Path) -> Path:
        """The directory without symbolic links; raises OSError when it does not exist."""
        return directory.resolve(strict=True)


DISK = Disk()


@dataclass(frozen=True, slots=True)
class Memory:
    """Files held in memory, for tests and for configuration that comes from elsewhere."""

    files: Mapping[str, bytes] = field(default_factory=dict)

    def names(self, directory: Path) -> list[str]:
        """The names of the files in a directory; raises OSError."""
        prefix = _normal(directory)
        found = [Path(name).name for name in self.files if _normal(Path(name).parent) == prefix]
        if not found:
            raise FileNotFoundError(2, "No such file or directory", str(directory))
        return found

    def read(self, path: Path) -> bytes:
        """The content of a file; raises OSError."""
        wanted = _normal(path)
        for name, content in self.files.items():
            if _normal(Path(name)) == wanted:
                return content
        raise FileNotFoundError(2, "No such file or directory", str(path))

    def resolve(self, directory: Path) -> Path:
        """The directory without ``..``; raises OSError when it holds no file."""
        self.names(directory)
        return _normal(directory)


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The configuration files of a directory, sorted by name.

    Attributes:
        primary: files whose blocks are declared.
        overrides: files whose blocks are merged into them, in order.
        skipped: names of other tools' files, with the tool.
    """

    primary: tuple[str, ...]
    overrides: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def is_ignored(name: str) -> bool:
    """Whether editors and people mean a name to be left alone: hidden, backup or lock files."""
    return name.startswith(".") or name.endswith("~") or (name[:1] == "#" and name[-1:] == "#")


def tool_of(name: str) -> str | None:
    """The other tool whose file a name says it is."""
    return next((tool for known, tool in FOREIGN.items() if fnmatchcase(name, known)), None)


def select(names: list[str]) -> Listing:
    """Tell a directory's configuration files from everything else in it."""
    primary, overrides, skipped = [], [], []
    for name in sorted(names):
        if is_ignored(name) or not name.endswith((".hcl", ".hcl.json")):
            continue
        stem = name.removesuffix(".json")
        tool = tool_of(stem)
        if tool is not None:
            skipped.append((name, tool))
        elif stem.endswith(_OURS):
            continue
        elif stem == "override.hcl" or stem.endswith("_override.hcl"):
            overrides.append(name)
        else:
            primary.append(name)
    return Listing(primary=tuple(primary), overrides=tuple(overrides), skipped=tuple(skipped))


def shown(path: Path) -> str:
    """A path as people see it: relative to where the command runs where that is shorter."""
    if path.is_absolute():
        here = Path.cwd()
        if path.is_relative_to(here):
            path = path.relative_to(here)
    return Path(os.path.normpath(path)).as_posix()


def read_text(path: Path, reader: Reader, diagnostics: Diagnostics) -> SourceFile | None:
    """Read a file as UTF-8; what prevents it is reported."""
    name = shown(path)
    try:
        content = reader.read(path)
    except OSError as failure:
        diagnostics.error(
            "Failed to read file",
            f'The file "{name}" could not be read: {reason(failure)}.',
        )
        return None
    try:
        return SourceFile(name, content.decode("utf-8"))
    except UnicodeDecodeError as failure:
        before = content[: failure.start]
        readable = SourceFile(name, before.decode("utf-8", "replace"))
        at = readable.pos(len(readable.text))
        diagnostics.error(
            "Invalid character encoding",
            "All input files must be UTF-8 encoded. Ensure that UTF-8 encoding is selected in your "
            "editor.",
            Range(name, at, at),
        )
        return None


def reason(failure: OSError) -> str:
    """An operating system's reason without the path it repeats."""
    return (failure.strerror or str(failure) or type(failure).__name__).lower()
