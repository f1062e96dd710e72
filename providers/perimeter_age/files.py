"""Files below the working directory: read whole, replaced at once, never followed outside."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from perimeter.sdk import Conflict, Fatal, Forbidden, Invalid

SUFFIX = ".age"
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
_LARGEST = 16 * 1024 * 1024


class Files:
    """What a reader is; ``FilesToWrite`` is a writer.

    Args:
        base: the working directory.
        outside: whether paths may lead out of it.
        identities: an identity file's content, empty where nothing can be decrypted.
    """

    def __init__(self, base: Path, *, outside: bool = False, identities: str = "") -> None:
        self.base = base.resolve()
        self.outside = outside
        self.identities = identities

    def place(self, path: str) -> Path:
        """Where a path leads.

        Raises:
            Invalid: out of the working directory, or it is no name of an age file.
        """
        if not path.endswith(SUFFIX) or "\0" in path or Path(path).name == SUFFIX:
            raise Invalid(f"{path}: the name must end in {SUFFIX}.", path=("path",))
        found = self.base / path
        # The folder is resolved, so that no link in it leads away; the file itself is never followed.
        real = found.parent.resolve() / found.name
        if not self.outside and not real.is_relative_to(self.base):
            raise Invalid(
                f"{path} leads out of the working directory. Choose a path in it, or set allow_outside = true in the provider "
                "block.",
                path=("path",),
            )
        return real

    def content(self, place: Path) -> bytes | None:
        """A file's content; None when there is none.

        Raises:
            Conflict: it is a link, a folder or the like.
            Forbidden: it may not be read.
        """
        try:
            about = place.lstat()
            if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
                raise Conflict(f"{place.name} is no regular file of a usual size; move it away.")
            return place.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Forbidden(
                f"{place.name} cannot be read: {error.strerror}.",
                needs="read on the file",
                status=None,
            ) from None

    def names(self) -> Iterator[str]:
        """Paths of all files with the suffix below the working directory, hidden folders left out."""
        failed: list[OSError] = []
        for folder, folders, files in os.walk(self.base, onerror=failed.append):
            folders[:] = sorted(
                name for name in folders if not name.startswith(".") and name not in _SKIPPED
            )
            for name in sorted(files):
                if name.endswith(SUFFIX) and name != SUFFIX:
                    yield (Path(folder) / name).relative_to(self.base).as_posix()
        if failed:
            raise Forbidden(
                f"A folder cannot be listed: {failed[0].strerror}.",
                needs="list on the folder",
                status=None,
            )

    def close(self) -> None:
        """Nothing is held open."""


class FilesToWrite(Files):
    """A writer."""

    def replace(self, place: Path, content: bytes) -> None:
        """Put a whole file in another's place at once; readers see the old or the new one.

        Raises:
            Fatal: the disk refuses; the old one is still there, unless ``committed`` is None.
        """
        temporary = ""
        replaced = False
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).chmod(stat.S_IMODE(place.lstat().st_mode))
            Path(temporary).replace(place)
            temporary, replaced = "", True
            _settled(place.parent)
        except OSError as error:
            raise Fatal(
                f"{place.name} cannot be written: {error.strerror}.",
                committed=None if replaced else False,
            ) from None
        finally:
            if temporary:
                Path(temporary).unlink(missing_ok=True)

    def remove(self, place: Path) -> None:
        """Remove a file; what is gone already counts as removed."""
        try:
            place.unlink(missing_ok=True)
        except OSError as error:
            raise Fatal(f"{place.name} cannot be removed: {error.strerror}.") from None


def _settled(folder: Path) -> None:
    """Make a rename last through a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
