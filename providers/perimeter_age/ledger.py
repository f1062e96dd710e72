"""What age files do not tell: who can read them. Kept beside each file, in ``FILE.json``; it holds no secret.

An age file names its readers to nobody. So each writing notes beside the file's digest whom it was encrypted to. The note
is written before the file: whichever of the two survives a crash, the digest tells which note is true.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from perimeter.sdk import Retryable

FORMAT = 1
_KEPT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One writing of a file.

    Attributes:
        digest: SHA-256 of the encrypted file.
        readers: whom it was encrypted to.
        version: names the delivery; empty for a file without a secret.
    """

    digest: str
    readers: tuple[str, ...]
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What is known of a file.

    Attributes:
        recipients: whom the next delivery is encrypted to.
        armor: whether as text.
        notes: of its newest writings, the newest last.
    """

    recipients: tuple[str, ...] = ()
    armor: bool = False
    notes: tuple[Note, ...] = ()

    def of(self, content: bytes) -> Note | None:
        """The note of a file's content; None when somebody else wrote it."""
        found = digest(content)
        return next((note for note in reversed(self.notes) if note.digest == found), None)

    def noting(self, content: bytes, readers: Iterable[str], version: str) -> Ledger:
        """With the note of another writing."""
        note = Note(digest=digest(content), readers=tuple(readers), version=version)
        return replace(self, notes=(*self.notes, note)[-_KEPT:])

    def encoded(self) -> bytes:
        """As the file beside holds it."""
        data = {
            "format": FORMAT,
            "recipients": list(self.recipients),
            "armor": self.armor,
            "files": [
                {"sha256": n.digest, "readers": list(n.readers), "version": n.version}
                for n in self.notes
            ],
        }
        return json.dumps(data, indent=2).encode() + b"\n"


def decoded(content: bytes | None, name: str) -> Ledger:
    """What the file beside holds; an empty one where there is none.

    Raises:
        Retryable: somebody changed it so that it cannot be read.
    """
    if content is None:
        return Ledger()
    try:
        data: Any = json.loads(content)
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}")
        return Ledger(
            recipients=tuple(map(str, data["recipients"])),
            armor=data["armor"] is True,
            notes=tuple(
                Note(
                    digest=str(item["sha256"]),
                    readers=tuple(map(str, item["readers"])),
                    version=str(item["version"]),
                )
                for item in data["files"]
            ),
        )
    except (ValueError, KeyError, TypeError):
        raise Retryable(
            f"{name} cannot be read: perimeter keeps there who can read the file beside it. Restore it from version control, "
            "or remove it; then it is made anew."
        ) from None


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
