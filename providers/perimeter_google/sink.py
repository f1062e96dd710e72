"""How a secret of Secret Manager takes a credential: a version for each delivery, which ``latest`` then means."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import ClassVar

from perimeter.sdk import (
    Conflict,
    Delivered,
    DeliverRequest,
    Forbidden,
    Invalid,
    ProviderError,
    Retryable,
    SinkRequest,
    SinkType,
    known_payload,
)
from perimeter_google.client import GoogleReader, GoogleWriter, number_of

LARGEST = 64 * 1024
"""Bytes that a version can hold."""


def checksum(data: bytes) -> int:
    """CRC-32C (RFC 3720, appendix B.4), by which Google makes sure that it stores what was sent."""
    found = 0xFFFFFFFF
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = (found >> 1) ^ (0x82F63B78 if found & 1 else 0)
    return found ^ 0xFFFFFFFF


class SecretSink(SinkType):
    """Versions of a secret; readers get the newest one, unless they ask for a number."""

    readable = True
    versioned = True
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "deliver": ("secretmanager.versions.add", "secretmanager.versions.get"),
        "fetch": ("secretmanager.versions.access",),
        "restore": (
            "secretmanager.versions.access",
            "secretmanager.versions.add",
            "secretmanager.versions.get",
            "secretmanager.versions.disable",
        ),
    }

    def deliver(self, writer: GoogleWriter, request: DeliverRequest) -> Delivered:
        """Add a version, unless the newest one holds the same.

        Who may not access values cannot tell: after a lost answer the same is added once more, which readers do not notice.
        """
        return _put(writer, request.id, known_payload(request.payload))

    def fetch(self, reader: GoogleReader, request: SinkRequest) -> str:
        """Access the newest version."""
        return known_payload(_decoded(request.id, reader.value(request.id)))

    def restore(self, writer: GoogleWriter, request: SinkRequest) -> Delivered:
        """Add an earlier version's value as the newest, and disable the version that is taken back."""
        if not request.version.isdigit():
            raise Invalid(f"{request.version!r} names no version of {request.id}.")
        earlier = known_payload(_decoded(request.id, writer.value(request.id, request.version)))
        taken_back = writer.latest(request.id) or {}
        told = _put(writer, request.id, earlier)
        number = number_of(taken_back)
        if number not in ("", request.version, told.version):
            try:
                writer.disable(request.id, number)
            except Forbidden:
                # Nobody reads it by default any more; without the right it stays readable by its number.
                return told
        return told


def _put(writer: GoogleWriter, name: str, payload: str) -> Delivered:
    data = payload.encode()
    if len(data) > LARGEST:
        raise Invalid(f"A version of {name} holds {LARGEST} bytes at most; this is larger.")
    text = base64.b64encode(data).decode("ascii")
    newest = writer.latest(name)
    if newest is not None and newest.get("state") == "ENABLED":
        try:
            if writer.value(name, number_of(newest)) == text:
                return Delivered(version=number_of(newest))
        except Forbidden:
            pass
    version = writer.add(name, {"data": text, "dataCrc32c": str(checksum(data))})
    try:
        shown = writer.latest(name) or {}
    except ProviderError as problem:
        problem.committed = None  # the version is there; what consumers get was not seen
        raise
    if number_of(shown) != version or shown.get("state") != "ENABLED":
        raise Conflict(
            f"Somebody else changed {name} in Secret Manager just after version {version}: consumers get "
            f"{number_of(shown) or 'none'}.",
            committed=True,
        )
    return Delivered(version=version)


def _decoded(name: str, data: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Retryable(f"{name}: the value that Google gave is no text.") from None
