"""A document that the states of one directory share, as a file beside them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from perimeter.state.errors import state_error


class FileRegistry:
    """See ``perimeter.state.backend.Registry``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        """The file's path."""
        return str(self.path)

    def load(self) -> tuple[bytes, str]:
        """Return the document and its etag; both are empty when there is none.

        Raises:
            StateError: it cannot be read.
        """
        with self._explaining("read"):
            data = self._read()
        return data, _etag(data)

    def write(self, data: bytes, expected_etag: str) -> str:
        """Replace the document and return its etag.

        Raises:
            StateError: somebody else wrote meanwhile, or it cannot be written.
        """
        with self._explaining("written"), self._turn():
            if _etag(self._read()) != expected_etag:
                raise state_error(
                    "Registry changed",
                    f"{self.path} was written by another run since this one read it. Run again.",
                )
            temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}.tmp")
            try:
                fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(fd, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self.path)
            finally:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
        return _etag(data)

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # Comparing and replacing are two steps for a file system.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(
            self.path.with_name(f"{self.path.name}.lock"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            0o600,
        )
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    @contextmanager
    def _explaining(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise state_error(
                f"Registry cannot be {done}",
                f"{self.path}: {problem.strerror}. It is shared by the states of this directory: "
                "check its owner and mode. Nothing was changed.",
            ) from None


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if data else ""
