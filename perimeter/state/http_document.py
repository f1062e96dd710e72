"""What an HTTP server keeps for a workspace: state, journal and evidence in one JSON document.

::

    {
     "serial": 12,
     "lineage": "…",
     "format": "perimeter remote state",
     "format_version": 1,
     "checksum": "sha256:…",
     "content": {
      "serial": 12,
      "state": { …, as a state file has it },
      "records": [ … ],
      "archive": [ "…" ],
      "evidence": [ "{…}", … ]
     }
    }

``serial`` rises by one with each write, journal records included: GitLab orders the versions of a
state by it and refuses one that it has seen. The state has a serial of its own. ``version`` is left
out, so that Terraform refuses the document instead of reading it as a state without resources.

Evidence is never dropped. The newest lines stand as they are; older ones lie in ``archive``,
``ARCHIVED`` to an item, compressed (zlib) in base64.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from perimeter.state.envelope import UNREADABLE, Upgrade, unwrap, wrap
from perimeter.state.errors import state_error

KIND = "remote state"
UPGRADES: tuple[Upgrade, ...] = ()
"""Steps between formats, oldest first."""
VERSION = len(UPGRADES) + 1
ARCHIVED = 500
"""Lines of evidence that are compressed together."""

_NONE = msgspec.Raw(b"null")


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content; states and records are as the codec wrote them, without white space.

    Attributes:
        serial: of the document; 0 when there is none.
        records: by sequence, the oldest first.
        archive: older evidence.
        evidence: the newest lines, without newlines.
    """

    serial: int = 0
    lineage: str = ""
    state: msgspec.Raw = _NONE
    records: tuple[tuple[int, msgspec.Raw], ...] = ()
    archive: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no state."""
        return bytes(self.state) == b"null"

    @property
    def etag(self) -> str:
        """Names the version of the state; empty when there is none."""
        return "" if self.is_empty else hashlib.sha256(bytes(self.state)).hexdigest()

    def with_evidence(self, data: bytes) -> Document:
        """Return the document with whole lines of evidence added."""
        archive, lines = list(self.archive), [*self.evidence, *data.decode().splitlines()]
        while len(lines) >= 2 * ARCHIVED:
            text = "".join(f"{line}\n" for line in lines[:ARCHIVED])
            archive.append(base64.b64encode(zlib.compress(text.encode(), 9)).decode())
            del lines[:ARCHIVED]
        return msgspec.structs.replace(self, archive=tuple(archive), evidence=tuple(lines))

    def evidence_lines(self, where: str) -> Iterator[bytes]:
        """Yield all evidence with newlines, the oldest first.

        Raises:
            StateError: the archive is damaged.
        """
        for item in self.archive:
            try:
                text = zlib.decompress(base64.b64decode(item, validate=True))
            except (ValueError, zlib.error):
                raise state_error(
                    "Damaged evidence log",
                    f"An archived part of the evidence in {where} is damaged.",
                ) from None
            yield from text.splitlines(keepends=True)
        for line in self.evidence:
            yield line.encode() + b"\n"


def compressed(data: bytes) -> msgspec.Raw:
    """JSON without white space, to be embedded."""
    return msgspec.Raw(msgspec.json.format(data, indent=-1).strip())


def encode_document(document: Document) -> bytes:
    """Return what the server is sent.

    Raises:
        StateError: it has no JSON form.
    """
    members: dict[str, Any] = msgspec.json.decode(
        wrap(KIND, VERSION, document, indent=-1), type=dict[str, msgspec.Raw]
    )
    return msgspec.json.encode({"serial": document.serial, "lineage": document.lineage, **members})


def decode_document(data: bytes, where: str) -> Document:
    """Read what the server returned.

    Raises:
        StateError: it is damaged, newer, or something else, such as a Terraform state.
    """
    try:
        members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except UNREADABLE:
        return unwrap(KIND, data, UPGRADES, into=Document, where=where)  # says what is wrong
    if "format" in members:
        members = {key: item for key, item in members.items() if key not in ("serial", "lineage")}
        data = msgspec.json.encode(members)
    return unwrap(KIND, data, UPGRADES, into=Document, where=where)
