"""The hash of a folder's content."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def tree_hash(root: Path) -> str:
    """SHA-256 over the names and contents of all files of a folder: ``h1:…``.

    It is the hash that Go's ``golang.org/x/mod/sumdb/dirhash`` (Hash1) gives, links apart: they
    count by what they point to as text.

    Raises:
        OSError: something cannot be read.
    """
    total = hashlib.sha256()
    for name, path in sorted(_files(root)):
        if path.is_symlink():
            content = hashlib.sha256(f"link {path.readlink()}".encode()).hexdigest()
        else:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{content}  {name}\n".encode("utf-8", "surrogateescape"))
    return "h1:" + base64.b64encode(total.digest()).decode()


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(root):
        base = Path(folder)
        linked = [name for name in folders if (base / name).is_symlink()]
        for name in (*names, *linked):
            path = base / name
            yield path.relative_to(root).as_posix(), path
