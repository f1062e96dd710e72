"""Installing modules: what ``perimeter init`` and ``perimeter get`` do while the configuration is read."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from perimeter.config.sources import download, git, object_store, registry
from perimeter.config.sources.address import (
    KINDS,
    Address,
    Archive,
    Git,
    Local,
    Registry,
    SourceError,
    is_loopback,
    joined,
    parse_address,
)
from perimeter.config.sources.digest import tree_hash
from perimeter.config.sources.limits import LIMITS, Limits
from perimeter.config.sources.lock import LOCK_FILE, LockedModule
from perimeter.config.sources.manifest import FOLDER, MANIFEST, Located, Record, manifest_text
from perimeter.config.sources.unpack import remove, unpack
from perimeter.config.versions import Constraint, Version, VersionError
from perimeter.sdk.urls import joined_query

_HOPS = 5
"""How many addresses may lead to another before one holds the module."""

_TYPES = {
    "application/zip": "zip",
    "application/x-zip-compressed": "zip",
    "application/gzip": "tar.gz",
    "application/x-gzip": "tar.gz",
    "application/x-xz": "tar.xz",
    "application/x-bzip2": "tar.bz2",
    "application/x-tar": "tar",
}


@dataclass(frozen=True, slots=True)
class _Package:
    """A package in its folder: what the lock holds of it, and the folder inside that it starts with."""

    locked: LockedModule
    folder: str
    base: str


@dataclass(slots=True, kw_only=True)
class Installer:
    """Fetches the modules that calls ask for, and notes where it put them.

    What is installed and as locked is used without asking the network.

    Attributes:
        root: the root module's directory.
        environment: the process's.
        known: what the manifest held before.
        locked: what the lock file held before.
        upgrade: take what sources hold now, whatever is locked.
        readonly: refuse what is not locked.
        say: told what is done.
        records: what is installed now, by key.
    """

    root: Path
    environment: Mapping[str, str] = field(repr=False)
    known: tuple[Record, ...] = ()
    locked: tuple[LockedModule, ...] = ()
    upgrade: bool = False
    readonly: bool = False
    say: Callable[[str], None] = lambda _text: None
    limits: Limits = LIMITS
    records: dict[str, Record] = field(default_factory=dict)
    _packages: dict[tuple[str, str], _Package] = field(default_factory=dict)
    _offered: dict[str, list[Version]] = field(default_factory=dict)
    _bases: dict[str, str] = field(default_factory=dict)

    @property
    def modules(self) -> tuple[LockedModule, ...]:
        """What the lock file must hold."""
        return tuple(sorted(item.locked for item in self._packages.values()))

    def locate(self, path: tuple[str, ...], source: str, version: str | None) -> Located:
        """The module that a call leads to, fetched where need be.

        Raises:
            SourceError: it cannot be fetched, or is refused.
        """
        key = ".".join(path)
        address = parse_address(source)
        if isinstance(address, Local):
            raise SourceError("Invalid module source address", f'"{source}" is a local directory.')
        try:
            package = self._package(address, version, key)
        except OSError as problem:
            raise SourceError(
                "Module not installed",
                f'"{problem.filename or FOLDER}" cannot be written: {problem.strerror or problem}.',
            ) from None
        directory = _below(self.root / package.folder, joined(package.base, address.subdir), source)
        shown = directory.relative_to(self.root).as_posix()
        self.records[key] = Record(
            key=key,
            source=source,
            version=package.locked.version,
            package=package.locked.package,
            folder=package.folder,
            base=package.base,
            directory=shown,
        )
        self.say(f"- {key} in {shown}")
        return Located(directory, self.root / package.folder)

    def finish(self) -> None:
        """Write the manifest, and remove packages that no call leads to any more.

        Raises:
            OSError: it cannot be written.
        """
        place = self.root / FOLDER
        if not self.records and not place.exists():
            return
        place.mkdir(parents=True, exist_ok=True)
        (self.root / MANIFEST).write_text(manifest_text(self.records.values()), encoding="utf-8")
        used = {Path(record.folder).name for record in self.records.values()}
        for item in place.iterdir():
            if item.is_dir() and not item.is_symlink() and item.name not in used:
                remove(item)

    # Packages -----------------------------------------------------------------------------------------------------

    def _package(
        self, address: Registry | Git | Archive, version: str | None, key: str
    ) -> _Package:
        chosen = base = host = ""
        name = address.package
        if isinstance(address, Registry):
            host = registry.host_of(address, self.environment)
            name = address.package if address.host else f"{host}/{address.package}"
            chosen, base = self._version(address, host, name, _constraint(version))
        done = self._packages.get((name, chosen))
        if done is not None:
            return done
        wanted = None
        if not self.upgrade:
            found = (x for x in self.locked if (x.package, x.version) == (name, chosen))
            wanted = next(found, None)
        if self.readonly and wanted is None:
            raise SourceError(
                "Lock file would change",
                f'{LOCK_FILE} does not hold "{name}"{f" {chosen}" if chosen else ""}, and '
                "-lockfile=readonly forbids to write it. Run perimeter init and commit the file.",
            )
        made = self._kept(name, wanted)
        if made is None:
            self.say(f"Downloading {name}{f' {chosen}' if chosen else ''} for {key}...")
            start: Address = address
            if isinstance(address, Registry):
                base = base or registry.discover(host, self.environment)
                start = self._location(base, host, address, chosen)
            inside = _subdir(start) if isinstance(address, Registry) else ""
            made = self._fetched(start, inside, name, chosen, wanted)
        self._packages[name, chosen] = made
        return made

    def _kept(self, name: str, wanted: LockedModule | None) -> _Package | None:
        """What is installed already, if it is what the lock file asks for."""
        if wanted is None:
            return None
        folder = (FOLDER / _folder(name, wanted.version)).as_posix()
        record = next((item for item in self.known if item.folder == folder), None)
        place = self.root / folder
        if record is None or not place.is_dir() or tree_hash(place) != wanted.hash:
            return None
        return _Package(wanted, folder, record.base)

    def _version(
        self, address: Registry, host: str, name: str, constraint: Constraint | None
    ) -> tuple[str, str]:
        """The version to take, and the registry's base URL where it had to be asked."""
        if not self.upgrade:
            held = [
                version
                for item in self.locked
                if item.package == name
                and (version := _version(item.version)) is not None
                and (constraint is None or constraint.allows(version))
            ]
            if held:
                return str(max(held)), ""
        if self.readonly:
            raise SourceError(
                "Lock file would change",
                f'{LOCK_FILE} holds no version of "{name}" that the configuration allows, and '
                "-lockfile=readonly forbids to write it. Run perimeter init and commit the file.",
            )
        if name not in self._offered:
            base = self._bases[host] = registry.discover(host, self.environment)
            self._offered[name] = registry.versions(base, host, address, self.environment)
        return str(registry.choose(self._offered[name], constraint, address)), self._bases[host]

    def _location(self, base: str, host: str, address: Registry, version: str) -> Address:
        found = registry.location(base, host, address, version, self.environment)
        try:
            return _led(base, found)
        except SourceError as problem:
            raise SourceError(
                "Error accessing remote module registry",
                f"The module registry {host} gives an address of {address.package} {version} that "
                f"cannot be used. {problem.detail}",
            ) from None

    def _fetched(
        self, address: Address, base: str, name: str, version: str, wanted: LockedModule | None
    ) -> _Package:
        """Fetch a package beside the others, and put it into its place when it is what was asked for."""
        (self.root / FOLDER).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=self.root / FOLDER) as scratch:
            tree = Path(scratch) / "tree"
            commit, base = self._fetch(address, base, tree, wanted)
            found = tree_hash(tree)
            if wanted is not None and found != wanted.hash:
                raise SourceError(
                    "Module differs from the lock file",
                    f'"{name}"{f" {version}" if version else ""} now has the hash {found}, and '
                    f"{LOCK_FILE} asks for {wanted.hash}. What a version or archive holds should "
                    "never change: find out why it did. If that is expected, accept it: perimeter "
                    "init -upgrade",
                )
            folder = (FOLDER / _folder(name, version)).as_posix()
            remove(self.root / folder)
            tree.rename(self.root / folder)
        locked = LockedModule(package=name, version=version, commit=commit, hash=found)
        return _Package(locked, folder, base)

    def _fetch(
        self, address: Address, base: str, tree: Path, wanted: LockedModule | None
    ) -> tuple[str, str]:
        """Follow an address to a tree of files; the commit, and the folder inside it."""
        for hop in range(_HOPS):
            if isinstance(address, Git):
                commit = wanted.commit if wanted is not None else ""
                found = git.fetch(
                    address, tree, self.environment, commit=commit, limits=self.limits
                )
                return found, _globbed(tree, base)
            if not isinstance(address, Archive):
                break
            file = tree.with_name(f"archive{hop}")
            further = self._archive(address, file, tree)
            if further is None:
                return "", _globbed(tree, base)
            address, base = further, joined(_subdir(further), base)
        raise SourceError(
            "Failed to download module",
            "The address leads to another address, and that one to no archive or repository.",
        )

    def _archive(self, address: Archive, file: Path, tree: Path) -> Address | None:
        """Download and unpack an archive; the address that the server answers with instead."""
        kind = address.kind
        match address.store:
            case "s3":
                object_store.save_s3(address, file, self.environment, self.limits)
            case "gcs":
                object_store.save_gcs(address, file, self.environment, self.limits)
            case _:
                # A server tells a person's visit from ours by this parameter.
                url = address.url if kind else joined_query(address.url, {"terraform-get": "1"})
                answer = download.save(url, file, checksum=address.checksum, limits=self.limits)
                elsewhere = answer.headers.get("x-terraform-get")
                if elsewhere is not None and answer.status in (200, 204):
                    if elsewhere.startswith(("/", "./", "../")):
                        elsewhere = urljoin(answer.url, elsewhere)
                    return _led(answer.url, elsewhere)
                if answer.status != 200:
                    raise download.failed(address.url, f"status {answer.status}")
                kind = kind or _kind(answer)
        if not kind:
            raise download.failed(
                address.url,
                'it is no archive by its name or type; if it is one, add "?archive=zip" or another '
                "format",
            )
        unpack(file, kind, tree, self.limits)
        return None


def _led(origin: str, text: str) -> Address:
    """The address that a server names; one that is far away may not name what is on this machine."""
    address = parse_address(text)
    url = address.url if isinstance(address, Git | Archive) else ""
    if url.startswith(("http:", "file:")) and not is_loopback(origin):
        raise download.failed(origin, "it leads to something on this machine")
    return address


def _kind(answer: download.Answer) -> str:
    path = urlsplit(answer.url).path.lower()
    named = next((kind for end, kind in KINDS.items() if path.endswith(end)), "")
    return named or _TYPES.get(answer.headers.get("content-type", "").partition(";")[0].strip(), "")


def _subdir(address: Address) -> str:
    return "" if isinstance(address, Local) else address.subdir


def _globbed(tree: Path, base: str) -> str:
    """The folder that a pattern means: archives of hosted repositories have one at the top, named by commit."""
    if "*" not in base:
        return base
    found = sorted(
        path.relative_to(tree).as_posix()
        for path in tree.glob(base)
        if path.is_dir() and not path.is_symlink()
    )
    if len(found) != 1:
        raise SourceError(
            "Unreadable module directory",
            f'The package should hold one folder "{base}", and holds {len(found)}.',
        )
    return found[0]


def _below(folder: Path, subdir: str, source: str) -> Path:
    directory = folder / subdir
    if not directory.is_dir():
        raise SourceError(
            "Unreadable module directory", f'What "{source}" leads to holds no folder "{subdir}".'
        )
    return directory


def _constraint(text: str | None) -> Constraint | None:
    if text is None:
        return None
    try:
        return Constraint.parse(text)
    except VersionError:
        raise SourceError(
            "Invalid version constraint",
            f'"{text}" does not use correct version constraint syntax, such as ~> 1.2.',
        ) from None


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except VersionError:
        return None


def _folder(name: str, version: str) -> str:
    """A folder's name: readable, and different for different packages."""
    readable = re.sub(r"^(?:\w+::)?(?:\w+://)?(?:[^@/]*@)?", "", name)
    readable = re.sub(r"[^A-Za-z0-9]+", "-", readable)
    digest = hashlib.sha256(f"{name}\n{version}".encode()).hexdigest()[:10]
    return f"{readable.strip('-')[:60].lower()}-{digest}"
