"""How an age file takes a credential: encrypted in memory, and put in the old file's place at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from perimeter.sdk import (
    Conflict,
    Delivered,
    DeliverRequest,
    Invalid,
    NotFound,
    SinkRequest,
    SinkType,
    known_payload,
)
from perimeter_age.files import Files, FilesToWrite
from perimeter_age.keys import decrypt, encrypt, recipient
from perimeter_age.ledger import Ledger, Note, decoded


class AgeSink(SinkType):
    """One encrypted file, and the one before it.

    ``readable`` is false though ``fetch`` works where an identity is in the environment: the machine that rotates is not
    meant to have one. The file before is kept as it was encrypted, so that ``restore`` needs no identity.
    """

    versioned = True
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "deliver": ("write on the file's directory",),
        "fetch": ("an identity of a recipient in AGE_IDENTITY",),
        "restore": ("write on the file's directory",),
    }

    def deliver(self, writer: FilesToWrite, request: DeliverRequest) -> Delivered:
        """Encrypt to the recipients, keep the file before, and replace it; the same delivery twice writes once."""
        payload = known_payload(request.payload)
        place = writer.place(request.id)
        content, ledger = held(writer, place)
        if content is None:
            raise NotFound(f"{request.id} does not exist any more.")
        wanted = request.attributes.get("recipients")
        if isinstance(wanted, list | tuple) and _set(wanted) != _set(ledger.recipients):
            raise Conflict(
                f"Somebody else changed the recipients of {request.id} just now; nothing was delivered. Plan again."
            )
        version = hashlib.sha256(request.token.encode()).hexdigest()[:12]
        note = ledger.of(content)
        if note is not None and note.version == version:
            return Delivered(version=version)
        new = encrypt(payload, ledger.recipients, armor=ledger.armor)
        noted = ledger.noting(new, ledger.recipients, version)
        writer.replace(beside(place), noted.encoded())
        writer.replace(previous(place), content)
        writer.replace(place, new)
        return Delivered(version=version)

    def fetch(self, reader: Files, request: SinkRequest) -> str:
        """Decrypt it by the identity in the environment.

        Raises:
            Unsupported: there is none, or it is no recipient's.
        """
        content = reader.content(reader.place(request.id))
        if content is None:
            raise NotFound(f"{request.id} does not exist any more.")
        return known_payload(decrypt(content, reader.identities))

    def restore(self, writer: FilesToWrite, request: SinkRequest) -> Delivered:
        """Put the file before back, as it was encrypted."""
        place = writer.place(request.id)
        content, ledger = held(writer, place)
        if content is None:
            raise NotFound(f"{request.id} does not exist any more.")
        if not request.version:
            raise Invalid(f"No version of {request.id} was named.")
        if _version(ledger.of(content)) == request.version:
            return Delivered(version=request.version)
        earlier = writer.content(previous(place))
        note = None if earlier is None else ledger.of(earlier)
        if earlier is None or note is None or note.version != request.version:
            raise NotFound(
                f"{previous(place).name} does not hold version {request.version} of {request.id}: only the version before is "
                "kept."
            )
        # Its note becomes the newest, so that it is not the first one to be forgotten.
        noted = ledger.noting(earlier, note.readers, note.version)
        writer.replace(beside(place), noted.encoded())
        writer.replace(place, earlier)
        return Delivered(version=request.version)


def held(files: Files, place: Path) -> tuple[bytes | None, Ledger]:
    """A file's content, and what is known of it."""
    content = files.content(place)
    ledger = decoded(files.content(beside(place)), beside(place).name)
    return content, ledger


def beside(place: Path) -> Path:
    """Where it is kept what is known of a file."""
    return place.with_name(place.name + ".json")


def previous(place: Path) -> Path:
    """Where the file before is kept."""
    return place.with_name(place.name + ".previous")


def sealed(*, recipients: Iterable[Any], armor: Any = None, notes: tuple[Note, ...] = ()) -> Ledger:
    """What to know of a file whose recipients are declared."""
    return Ledger(recipients=tuple(sorted(_set(recipients))), armor=armor is True, notes=notes)


def _set(recipients: Iterable[Any]) -> frozenset[str]:
    return frozenset(recipient(str(one)) for one in recipients)


def _version(note: Note | None) -> str:
    return "" if note is None else note.version
