"""The envelope around everything perimeter persists: what it is, its format version, its checksum.

::

    {
     "format": "perimeter state",
     "format_version": 1,
     "checksum": "sha256:…",
     "content": { … }
    }

The checksum covers kind, version and the content without insignificant white space, so a file may
be
re-indented but not edited. It is checked before the content is understood, and before any upgrade.

Numbers: an integer literal is read as ``int``, any other number as ``Decimal``, exactly as written;
a ``float`` that was written therefore comes back as the ``Decimal`` of its shortest notation.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from perimeter.state.errors import StateError, state_error

T = TypeVar("T")

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""A pure step to the next format version; step ``i`` leads from version ``i + 1``."""

UNREADABLE = (ValueError, ArithmeticError, RecursionError)
"""What decoding raises for bad bytes (``msgspec.DecodeError`` is a ``ValueError``)."""

ADVICE = {
    "state": "Restore the last good copy (beside a local state lies PATH.backup) and run again.",
    "journal record": (
        "It may name changes that state does not hold yet: restore the file from a copy. If there "
        "is "
        "none, move it and all later records away, plan again, and look for undeclared objects."
    ),
    "plan": 'Make a new one with "perimeter plan -out=FILE".',
    "snapshot": 'Make a new one with "perimeter observe -out FILE".',
}
"""What to do about an unreadable file, by kind; other kinds say nothing."""

_ENCODER = msgspec.json.Encoder(decimal_format="number", order="deterministic")


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    format_version: int
    checksum: str
    content: msgspec.Raw


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the cyclic collector off while many values are made that cannot form cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def canonical(content: object) -> bytes:
    """Encode as JSON without white space, maps sorted by key, classes in field order.

    Raises:
        StateError: the value has no JSON form.
    """
    try:
        with collector_paused():
            return _ENCODER.encode(content)
    except (TypeError, *UNREADABLE) as problem:
        # The message of an encoding error may quote the text that failed.
        raise state_error(
            "Value cannot be written",
            f"A value has no JSON form ({type(problem).__name__}). Nothing was written. "
            "This is a fault of perimeter or of a provider; please report it.",
        ) from None


def wrap(kind: str, version: int, content: object, *, indent: int = 1) -> bytes:
    """Return the persisted form of ``content``, ending in a newline.

    Args:
        kind: ``state``, ``plan``, ``snapshot``, …
        version: of the content's format.
        content: anything msgspec can encode: a Struct or plain data.
        indent: spaces per level; -1 writes a single line.

    Raises:
        StateError: the value has no JSON form.
    """
    body = canonical(content)
    envelope = _Envelope(
        format=f"perimeter {kind}",
        format_version=version,
        checksum=_checksum(kind, version, body),
        content=msgspec.Raw(body),
    )
    try:
        data = msgspec.json.format(_ENCODER.encode(envelope), indent=indent)
    except UNREADABLE:
        raise state_error(
            "Value cannot be written",
            f"The {kind} holds a number that is not finite, or is nested too deeply. Nothing was "
            "written.",
        ) from None
    return data + b"\n"


def unwrap(
    kind: str, data: bytes, upgrades: Sequence[Upgrade] = (), *, into: type[T], where: str
) -> T:
    """Return the content of a persisted form, upgraded to the newest version.

    Args:
        kind: what the caller expects to read.
        data: the bytes as read.
        upgrades: all steps since version 1; the newest version is ``len(upgrades) + 1``.
        into: type of the content.
        where: the file or place, for messages.

    Raises:
        StateError: empty, truncated, damaged, foreign, of another kind or newer.
    """
    with collector_paused():
        envelope = _open(kind, data, where)
        newest = len(upgrades) + 1
        version = envelope.format_version
        if version > newest:
            raise state_error(
                f"Newer {kind} format",
                f"{where} has format version {version}; this perimeter reads up to {newest}. It "
                "was "
                "written by a newer perimeter: upgrade perimeter here. Nothing was changed.",
            )
        if version < 1:
            raise damaged(kind, where, f"format version {version} does not exist")
        body = bytes(envelope.content)
        try:
            body = msgspec.json.format(body, indent=-1)
        except UNREADABLE as problem:
            raise malformed(kind, data, where, problem) from None
        if envelope.checksum != _checksum(kind, version, body):
            raise state_error(
                f"Checksum mismatch in {kind}",
                f"{where} was changed after perimeter wrote it: by hand, by a merge, or by a "
                "failing "
                f"disk. {ADVICE.get(kind, '')}".rstrip(),
            )
        try:
            if version == newest:
                return _decoder(into).decode(body)
            value: dict[str, Any] = _decoder(dict).decode(body)
            for step in upgrades[version - 1 :]:
                value = step(value)
            return msgspec.convert(value, into)
        except UNREADABLE as problem:
            raise damaged(kind, where, f"the content is not valid: {_reason(problem)}") from None


def _checksum(kind: str, version: int, body: bytes) -> str:
    digest = hashlib.sha256(f"perimeter {kind} {version}\n".encode())
    digest.update(body)
    return f"sha256:{digest.hexdigest()}"


def _decoder(into: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(into, float_hook=Decimal)


def _open(kind: str, data: bytes, where: str) -> _Envelope:
    if not data or data.isspace():
        raise state_error(
            f"Empty {kind}",
            f"{where} holds nothing. perimeter never writes it empty: something else did, or the "
            "disk "
            f"lost it. {ADVICE.get(kind, '')}".rstrip(),
        )
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
    except msgspec.ValidationError:
        raise _foreign(kind, data, where) from None
    except UNREADABLE as problem:
        raise malformed(kind, data, where, problem) from None
    if envelope.format != f"perimeter {kind}":
        raise state_error(
            f"Not {_one(kind)}",
            f'{where} is a "{envelope.format}", and {_one(kind)} is needed here. Check the path.',
        )
    return envelope


def _foreign(kind: str, data: bytes, where: str) -> StateError:
    """Name what a JSON file without our envelope is, as far as it can be told."""
    try:
        value = _decoder(object).decode(data)
    except UNREADABLE as problem:
        return malformed(kind, data, where, problem)
    members = value if isinstance(value, dict) else {}
    if str(members.get("format", "")).startswith("perimeter "):
        return damaged(kind, where, "its first members are not as perimeter writes them")
    whose = _owner(members)
    if not whose:
        return state_error(
            f"Not {_one(kind)}",
            f"{where} is JSON but was not written by perimeter. Check the path. Nothing was "
            "changed.",
        )
    return state_error(
        f"Not a perimeter {kind}",
        f"{where} is {whose}. perimeter leaves it alone: keep perimeter's state under another "
        "path, "
        "and bring existing objects in with import blocks.",
    )


def _owner(members: dict[str, Any]) -> str:
    if "terraform_version" in members and "version" in members:
        return f"a Terraform or OpenTofu state (version {members['version']})"
    if "encrypted_data" in members and "encryption_version" in members:
        return "an encrypted OpenTofu state"
    if "deployment" in members or "checkpoint" in members:
        return "a Pulumi state"
    return ""


def malformed(kind: str, data: bytes, where: str, problem: Exception) -> StateError:
    """What is no JSON: cut off, or damaged."""
    # A cut in the middle of a character is reported as bad UTF-8, not as truncation.
    if "truncated" in str(problem) or (data[:1] == b"{" and data[-100:].rstrip()[-1:] != b"}"):
        return state_error(
            f"Truncated {kind}",
            f"{where} ends too early: a part of it is missing. {ADVICE.get(kind, '')}".rstrip(),
        )
    return damaged(kind, where, f"it is not valid JSON: {_reason(problem)}")


def damaged(kind: str, where: str, why: str) -> StateError:
    """What perimeter did not write so; ``why`` is the end of a sentence and quotes no data."""
    return state_error(
        f"Damaged {kind}", f"{where} cannot be read: {why}. {ADVICE.get(kind, '')}".rstrip()
    )


def _reason(problem: Exception) -> str:
    """Word a decoding error without quoting the data, which may be sensitive."""
    if isinstance(problem, RecursionError):
        return "it is nested too deeply"
    if isinstance(problem, msgspec.DecodeError):
        return str(problem)
    return "a text or number is out of range"


def _one(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
