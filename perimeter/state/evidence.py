"""The evidence log: who let what happen, hash-chained, one JSON object per line."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec

from perimeter.state.backend import Backend
from perimeter.state.envelope import UNREADABLE, canonical
from perimeter.state.errors import state_error
from perimeter.state.journal import Head
from perimeter.state.model import Operation, Seal

Command = Literal[
    "attest", "import", "push", "replace-provider", "state-mv", "state-rm", "taint", "untaint"
]
"""What somebody did to the state itself, by a command; nothing happened to an object."""


VERSION = 1
"""Of an entry's format. Entries are never rewritten, so that those of every version must be read."""

ABSENT = "absent"
"""``read_back`` of a removal that was verified."""


class Evidence(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One thing that was done, or refused.

    Attributes:
        at: when, RFC 3339.
        run: id of the apply.
        address: of the resource instance.
        object: vendor id.
        tenant: the tenant's immutable id.
        operation: what was done to the object, or to the state.
        config: ``file:line`` of the declaration.
        commit: of the configuration.
        fingerprint: of the change, as approved.
        approver: who approved it.
        request_id: the vendor's id of the exchange.
        result: how the call ended.
        read_back: digest of what was read after the write (``KEY:HMAC`` where state is encrypted, else SHA-256), or
            ``absent``.
        sequence: rises by one; set by ``EvidenceLog``.
        previous: hash of the entry before; set by ``EvidenceLog``.
        hash: SHA-256 (hex) of the entry without this field; set by ``EvidenceLog``.
        version: of the entry's format.
    """

    at: str
    run: str
    address: str
    object: str = ""
    tenant: str = ""
    operation: Operation | Command
    config: str = ""
    commit: str = ""
    fingerprint: str = ""
    approver: str = ""
    request_id: str = ""
    result: Literal["done", "failed", "unknown", "refused"]
    read_back: str = ""
    sequence: int = 0
    previous: str = ""
    hash: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Verified:
    """The log is as it was written.

    Attributes:
        head: its last entry.
        sealed: how many entries the state vouches for; those after it are chained but could have
            been cut.
        unsealed: the entries after those.
    """

    head: Head
    sealed: int
    unsealed: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """The log is not as it was written.

    Attributes:
        entry: the first entry (1-based) that cannot be trusted, with all after it.
        reason: what is wrong with it, as a sentence.
    """

    entry: int
    reason: str


class EvidenceLog:
    """Appends to a backend's evidence log. Threads may share it.

    Raises:
        StateError: the log's last entry cannot be read.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._turn = threading.Lock()
        tail = backend.evidence_tail()
        self._head = Head()
        if tail:
            last = _decode(tail)
            if _is_newer(tail):
                raise state_error(
                    "Newer evidence format",
                    f"The evidence log was written by a newer perimeter; this one reads format {VERSION} and cannot chain "
                    "to it. Upgrade perimeter here. Nothing was changed.",
                )
            if last is None:
                raise state_error(
                    "Damaged evidence log",
                    "The last line of the evidence log is no entry, so nothing can be chained to "
                    "it. "
                    "Restore the log from a copy, or move it away to begin a new one.",
                )
            self._head = Head(last.sequence, last.hash)

    @property
    def head(self) -> Head:
        """The last entry, for ``compact`` to seal."""
        return self._head

    def append(self, *entries: Evidence) -> None:
        """Chain entries and write them together.

        Raises:
            StateError: they could not be written; the log is as it was.
        """
        if not entries:
            return
        with self._turn:
            head = self._head
            lines: list[bytes] = []
            for entry in entries:
                chained = _chained(msgspec.structs.replace(entry, version=VERSION), head)
                head = Head(chained.sequence, chained.hash)
                lines.append(canonical(chained) + b"\n")
            self._backend.append_evidence(b"".join(lines))
            self._head = head


def verify(lines: Iterable[bytes], seal: Seal) -> Verified | Broken:
    """Check a log's lines (with their newlines) against their own chain and the head sealed in state.

    Raises:
        StateError: the log cannot be read.
    """
    head = Head()
    unsealed: list[Evidence] = []
    for line in lines:
        entry = _decode(line[:-1]) if line.endswith(b"\n") else None
        number = head.sequence + 1
        if entry is None and _is_newer(line):
            return Broken(
                number,
                f"Entry {number} was written by a newer perimeter; this one reads format {VERSION}. Upgrade perimeter to "
                "verify the log.",
            )
        if entry is None:
            return Broken(number, f"Line {number} is half-written or no entry.")
        if entry != _chained(entry, head):
            return Broken(number, _what_is_wrong(entry, number))
        head = Head(number, entry.hash)
        if number > seal.evidence_sequence:
            unsealed.append(entry)
        if number == seal.evidence_sequence and entry.hash != seal.evidence_head:
            return Broken(number, f"Entry {number} is not the one that the state sealed.")
    if head.sequence < seal.evidence_sequence:
        return Broken(
            head.sequence + 1,
            f"The log ends after {head.sequence} entries; the state sealed "
            f"{seal.evidence_sequence}. Its tail was cut.",
        )
    return Verified(head, seal.evidence_sequence, tuple(unsealed))


def _what_is_wrong(entry: Evidence, number: int) -> str:
    """Why an entry does not stand where it should, as far as it tells itself."""
    own = _chained(entry, Head(entry.sequence - 1, entry.previous))
    if own.hash != entry.hash:
        return f"Entry {number} was changed: its hash is not that of what it says."
    if entry.sequence > number:
        gone = (
            f"entry {number} was"
            if entry.sequence == number + 1
            else (f"entries {number} to {entry.sequence - 1} were")
        )
        return (
            f"Entry {entry.sequence} stands where entry {number} should: {gone} removed or moved."
        )
    if entry.sequence < number:
        return (
            f"Entry {entry.sequence} stands where entry {number} should: it was repeated or moved."
        )
    return (
        f"Entry {number} does not follow from entry {number - 1}: one of the two was exchanged for another, or comes from "
        "another log."
    )


class _Versioned(msgspec.Struct, frozen=True):
    version: int = 1


def _is_newer(line: bytes) -> bool:
    """Whether a line was written in a format that this perimeter does not know."""
    try:
        return msgspec.json.decode(line, type=_Versioned).version > VERSION
    except UNREADABLE:
        return False


def read_entry(line: bytes) -> Evidence | None:
    """One line of a log, with or without its newline; None where it is no entry."""
    return _decode(line.removesuffix(b"\n"))


def _chained(entry: Evidence, head: Head) -> Evidence:
    bare = msgspec.structs.replace(entry, sequence=head.sequence + 1, previous=head.digest, hash="")
    digest = hashlib.sha256(canonical(bare)).hexdigest()
    return msgspec.structs.replace(bare, hash=digest)


def _decode(line: bytes) -> Evidence | None:
    """Read a line; one that was not written exactly so is no entry."""
    try:
        entry = msgspec.json.decode(line, type=Evidence)
    except UNREADABLE:
        return None
    return entry if canonical(entry) == line else None
