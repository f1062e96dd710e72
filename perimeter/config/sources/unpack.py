"""Unpacking archives that nobody vouches for. Nothing is executed, nothing lands outside the folder."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from perimeter.config.sources.address import SourceError
from perimeter.config.sources.limits import LIMITS, Limits, check_links, too_large, unsafe

_CHUNK = 1024 * 1024
_XZ_MEMORY = 256 * 1024 * 1024


def unpack(archive: Path, kind: str, target: Path, limits: Limits = LIMITS) -> None:
    """Unpack an archive into a new folder.

    Paths that leave the folder, absolute paths, links that lead out of it, devices, the same path
    twice and more than the limits are refused. Files lose their execute bits.

    Args:
        archive: the file.
        kind: ``zip``, ``tar``, ``tar.gz``, ``tar.xz`` or ``tar.bz2``.
        target: a folder that does not exist.
        limits: what it may hold.

    Raises:
        SourceError: it is refused, or damaged.
        OSError: the folder cannot be written.
    """
    target.mkdir()
    room = _Room(target, limits)
    try:
        with archive.open("rb") as file:
            if kind == "zip":
                _zip(file, room)
            else:
                _tar(file, kind, room)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        gzip.BadGzipFile,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as problem:
        raise SourceError(
            "Damaged module package", f"The {kind} archive cannot be read: {problem}."
        ) from None
    except OSError as problem:
        if problem.errno is not None:
            raise
        raise SourceError(  # bz2 and gzip have no error of their own
            "Damaged module package", f"The {kind} archive cannot be read: {problem}."
        ) from None
    for name, pointed in room.links.items():
        room.parent(name)
        try:
            (target / name).symlink_to(pointed)
        except FileExistsError:
            raise _twice(name) from None
    check_links(target)


@dataclass(slots=True)
class _Room:
    """What has been unpacked so far; links are made at the end, so that nothing is written through one."""

    target: Path
    limits: Limits
    size: int = 0
    entries: int = 0
    links: dict[str, str] = field(default_factory=dict)

    def count(self) -> None:
        self.entries += 1
        if self.entries > self.limits.entries:
            raise too_large(f"holds over {self.limits.entries} files")

    def take(self, amount: int) -> None:
        self.size += amount
        if self.size > self.limits.content:
            raise too_large(f"unpacks to over {self.limits.content} bytes")

    def parent(self, name: str) -> None:
        self.folder(posixpath.dirname(name))

    def folder(self, name: str) -> None:
        try:
            (self.target / name).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise _twice(name) from None

    def file(self, name: str, content: IO[bytes]) -> None:
        self.parent(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            made = os.open(self.target / name, flags, 0o644)
        except (FileExistsError, NotADirectoryError):
            raise _twice(name) from None
        with os.fdopen(made, "wb") as out:
            while chunk := content.read(_CHUNK):
                self.take(len(chunk))
                out.write(chunk)

    def link(self, name: str, pointed: str) -> None:
        beyond = posixpath.normpath(posixpath.join(posixpath.dirname(name), pointed))
        if pointed.startswith("/") or beyond == ".." or beyond.startswith("../") or not pointed:
            raise unsafe(f'"{name}" is a link that leads out of the package.')
        if name in self.links:
            raise _twice(name)
        self.links[name] = pointed

    def copy(self, name: str, pointed: str) -> None:
        """A hard link becomes a copy of what was unpacked before."""
        source = self.target / _safe(pointed)
        if source.is_symlink() or not source.is_file():
            raise unsafe(f'"{name}" is a link to "{pointed}", which the package does not hold.')
        with source.open("rb") as content:
            self.file(name, content)


def _twice(name: str) -> SourceError:
    return unsafe(f'The package holds "{name}" twice, or as different things.')


def _safe(name: str) -> str:
    """A member's path, normalised; empty for the folder itself."""
    if name.startswith("/") or "\\" in name or "\0" in name or name[1:2] == ":":
        raise unsafe(f'"{name}" is not a relative path.')
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise unsafe(f'"{name}" leads out of the package.')
    return "/".join(parts)


def _zip(file: IO[bytes], room: _Room) -> None:
    with zipfile.ZipFile(file) as archive:
        for item in archive.infolist():
            room.count()
            name = _safe(item.filename)
            kind = stat.S_IFMT(item.external_attr >> 16) if item.create_system == 3 else 0
            if not name:
                continue
            if item.is_dir():
                room.folder(name)
            elif kind == stat.S_IFLNK:
                if item.file_size > 4096:
                    raise unsafe(f'"{name}" is a link with a name that is too long.')
                room.link(name, archive.read(item).decode())
            elif kind not in (0, stat.S_IFREG):
                raise unsafe(f'"{name}" is neither a file nor a folder.')
            else:
                with archive.open(item) as content:
                    room.file(name, content)


def _tar(file: IO[bytes], kind: str, room: _Room) -> None:
    plain = _Bounded(_decompressed(file, kind), room.limits)
    stream = cast("IO[bytes]", plain)
    with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
        for item in archive:
            room.count()
            name = _safe(item.name)
            if not name:
                continue
            if item.isdir():
                room.folder(name)
            elif item.issym():
                room.link(name, item.linkname)
            elif item.islnk():
                room.copy(name, item.linkname)
            elif item.isreg():
                content = archive.extractfile(item)
                assert content is not None
                room.file(name, content)
            else:
                raise unsafe(f'"{name}" is neither a file nor a folder.')


def _decompressed(file: IO[bytes], kind: str) -> IO[bytes]:
    match kind:
        case "tar.gz":
            return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        case "tar.bz2":
            return cast("IO[bytes]", bz2.BZ2File(file))
        case "tar.xz":
            return cast("IO[bytes]", io.BufferedReader(_Xz(file)))
    return file


class _Xz(io.RawIOBase):
    """An .xz stream, decompressed within bounded memory: ``lzma.open`` has no limit."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data.lstrip(b"\0") or self._file.read(_CHUNK)
                if not rest.strip(b"\0"):
                    return 0
                self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            elif self._decoder.needs_input:
                rest = self._file.read(_CHUNK)
                if not rest:
                    raise EOFError("it ends too early")
            else:
                rest = b""
            data = self._decoder.decompress(rest, len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)


class _Bounded:
    """A stream that gives up where headers and files together grow past the limit."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._left = limits.content + limits.entries * 1024

    def read(self, amount: int = -1) -> bytes:
        if amount < 0 or amount > self._left:
            amount = self._left + 1
        data = self._file.read(amount)
        self._left -= len(data)
        if self._left < 0:
            raise too_large(f"unpacks to over {self._limits.content} bytes")
        return data


def remove(folder: Path) -> None:
    """Remove a folder of our own, whatever it holds; missing is fine."""
    shutil.rmtree(folder, ignore_errors=True)
