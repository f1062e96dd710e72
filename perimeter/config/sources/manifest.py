"""``.perimeter/modules/modules.json``: which installed folder each module call leads to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from perimeter.config.files import Reader
from perimeter.config.sources.address import Local, Registry, SourceError, parse_address
from perimeter.config.sources.digest import tree_hash
from perimeter.config.sources.lock import LOCK_FILE, LockedModule, parse_locked
from perimeter.config.versions import Constraint, Version, VersionError

FOLDER = Path(".perimeter") / "modules"
MANIFEST = FOLDER / "modules.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One module call that is installed.

    Attributes:
        key: the names of the calls that lead to it, joined by dots.
        source: as the call writes it.
        version: of a registry module; empty for others.
        package: what the lock file calls the package.
        folder: the package, relative to the root module.
        base: the folder inside the package that its address names by itself.
        directory: the module, relative to the root module.
    """

    key: str
    source: str
    version: str = ""
    package: str
    folder: str
    base: str = ""
    directory: str


@dataclass(frozen=True, slots=True)
class Located:
    """A module on disk: its directory, and the root of the installed package that it is a part of, if any."""

    directory: Path
    package: Path | None


class Locator(Protocol):
    """Where the modules that are not local are."""

    def locate(self, path: tuple[str, ...], source: str, version: str | None) -> Located:
        """The module that the call at a path of names leads to; raises SourceError."""
        ...


def parse_manifest(data: bytes) -> tuple[Record, ...]:
    """The records of a manifest; none where it is damaged, which ``perimeter init`` repairs."""
    try:
        entries: list[dict[str, Any]] = json.loads(data)["Modules"]
        records = [
            Record(
                key=str(entry["Key"]),
                source=str(entry["Source"]),
                version=str(entry.get("Version", "")),
                package=str(entry["Package"]),
                folder=str(entry["Folder"]),
                base=str(entry.get("Base", "")),
                directory=str(entry["Dir"]),
            )
            for entry in entries
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        return ()
    return tuple(item for item in records if _inside(item))


def manifest_text(records: Iterable[Record]) -> str:
    """A manifest with those records, in a fixed order."""
    entries = []
    for item in sorted(records, key=lambda record: record.key):
        entry = {"Key": item.key, "Source": item.source}
        if item.version:
            entry["Version"] = item.version
        entry |= {"Dir": item.directory, "Package": item.package, "Folder": item.folder}
        if item.base:
            entry["Base"] = item.base
        entries.append(entry)
    return json.dumps({"Modules": entries}, indent=2) + "\n"


def _inside(item: Record) -> bool:
    """Whether a record stays where modules are installed: the file is not to be trusted."""
    folder, directory = PurePosixPath(item.folder), PurePosixPath(item.directory)
    return (
        folder.parent == PurePosixPath(FOLDER.as_posix())
        and directory.is_relative_to(folder)
        and ".." not in directory.parts
    )


@dataclass(slots=True)
class Installed:
    """What ``perimeter init`` installed in a directory; follows the manifest and trusts the lock file."""

    root: Path
    records: Mapping[str, Record] = field(default_factory=dict)
    locked: tuple[LockedModule, ...] = ()
    verified: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, root: Path, reader: Reader) -> Installed:
        """The modules installed below a root module."""
        records = parse_manifest(_read(reader, root / MANIFEST))
        locked = parse_locked(_read(reader, root / LOCK_FILE).decode("utf-8", "replace"))
        return cls(root, {item.key: item for item in records}, locked)

    def locate(self, path: tuple[str, ...], source: str, version: str | None) -> Located:
        """The module that a call leads to.

        Raises:
            SourceError: it is not installed, or not what the call and the lock file ask for.
        """
        address = parse_address(source)
        record = self.records.get(".".join(path))
        if record is None:
            raise _install(
                "Module not installed",
                f'Module "{".".join(path)}", from "{source}", is not yet installed.',
            )
        if record.source != source:
            raise _install(
                "Module source has changed",
                f'The source address of module "{record.key}" was changed since it was installed.',
            )
        if isinstance(address, Registry) and not _fits(record.version, version):
            raise _install(
                "Module version requirements have changed",
                f'The version requirements of module "{record.key}" have changed since it was '
                f"installed, and the installed version ({record.version}) is no longer acceptable.",
            )
        assert not isinstance(address, Local)
        self._verify(record)
        return Located(self.root / record.directory, self.root / record.folder)

    def _verify(self, record: Record) -> None:
        """Compare a package with the lock file, once."""
        if record.folder in self.verified:
            return
        folder = self.root / record.folder
        if not folder.is_dir():
            raise _install("Module not installed", f'The folder "{record.folder}" is missing.')
        wanted = next(
            (
                item
                for item in self.locked
                if (item.package, item.version) == (record.package, record.version)
            ),
            None,
        )
        if wanted is None:
            raise _install(
                "Module not in the lock file",
                f'{LOCK_FILE} does not hold "{record.package}", so nothing says what it must be.',
            )
        try:
            found = tree_hash(folder)
        except OSError as problem:
            raise _install(
                "Module not readable", f'"{record.folder}": {problem.strerror}.'
            ) from None
        if found != wanted.hash:
            raise SourceError(
                "Installed module differs from the lock file",
                f'"{record.folder}" has the hash {found}, and {LOCK_FILE} asks for {wanted.hash} of '
                f'"{record.package}". Somebody changed the files, or the lock file. To put back '
                "what is locked, run: perimeter init",
            )
        self.verified.add(record.folder)


def _read(reader: Reader, path: Path) -> bytes:
    try:
        return reader.read(path)
    except OSError:
        return b""


def _install(summary: str, detail: str) -> SourceError:
    return SourceError(
        summary,
        f'{detail} Run "perimeter init" to install all modules required by this configuration.',
    )


def _fits(version: str, constraint: str | None) -> bool:
    try:
        return constraint is None or Constraint.parse(constraint).allows(Version.parse(version))
    except VersionError:
        return False
