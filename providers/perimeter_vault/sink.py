"""How a Vault secret takes a credential: members become fields, each delivery a version, nothing is overwritten unseen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from perimeter.sdk import (
    Conflict,
    Delivered,
    DeliverRequest,
    Forbidden,
    Invalid,
    NotFound,
    ProviderError,
    SinkRequest,
    SinkType,
    known_payload,
)
from perimeter_vault.client import VaultReader, VaultWriter

ALONE = "value"
"""The field that holds a payload that is no JSON object of texts."""


def identifier(mount: str, path: str) -> str:
    """The id of a secret: its path in Vault's API."""
    return f"{mount}/data/{path}"


def place_of(key: str) -> tuple[str, str]:
    """Mount and path of a secret, by its id."""
    mount, _, path = key.partition("/data/")
    return mount, path


def fields_of(payload: str) -> dict[str, str]:
    """A payload as fields: a JSON object of texts by its members, anything else as the one field ``value``."""
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        return {ALONE: payload}
    if not isinstance(data, dict) or not data or set(data) == {ALONE}:
        return {ALONE: payload}
    if not all(isinstance(value, str) for value in data.values()):
        return {ALONE: payload}
    return dict(data)


def payload_of(fields: Mapping[str, Any]) -> str:
    """The payload that ``fields_of`` made these fields from, with sorted keys."""
    if set(fields) == {ALONE} and isinstance(fields[ALONE], str):
        return str(fields[ALONE])
    return json.dumps(dict(fields), sort_keys=True)


class KvSink(SinkType):
    """Versions of a secret; readers get the newest one."""

    readable = True
    versioned = True
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "deliver": ("read on MOUNT/metadata/PATH", "create and update on MOUNT/data/PATH"),
        "fetch": ("read on MOUNT/data/PATH",),
        "restore": (
            "read on MOUNT/metadata/PATH",
            "read, create and update on MOUNT/data/PATH",
        ),
    }

    def deliver(self, writer: VaultWriter, request: DeliverRequest) -> Delivered:
        """Write a version by check-and-set, unless the current one holds the same.

        A token that may not read values cannot tell: after a lost answer it writes the same once more, which readers do
        not notice.
        """
        return _put(writer, request.id, fields_of(known_payload(request.payload)))

    def fetch(self, reader: VaultReader, request: SinkRequest) -> str:
        """Read the current version."""
        mount, path = place_of(request.id)
        fields = reader.value(mount, path)
        if fields is None:
            raise NotFound(f"{mount}/{path} holds no value in Vault, or its newest was deleted.")
        return known_payload(payload_of(fields))

    def restore(self, writer: VaultWriter, request: SinkRequest) -> Delivered:
        """Write an earlier version again, as the newest: Vault's own rollback."""
        mount, path = place_of(request.id)
        if not request.version.isdigit():
            raise Invalid(f"{request.version!r} names no version of {mount}/{path} in Vault.")
        fields = writer.value(mount, path, int(request.version))
        if fields is None:
            raise NotFound(
                f"Version {request.version} of {mount}/{path} is no longer in Vault, so that it cannot be restored. "
                "A higher max_versions keeps more."
            )
        known_payload(payload_of(fields))
        return _put(writer, request.id, fields)


def _put(writer: VaultWriter, key: str, fields: Mapping[str, Any]) -> Delivered:
    mount, path = place_of(key)
    metadata = writer.metadata(mount, path)
    if metadata is None:
        raise NotFound(f"{mount}/{path} does not exist in Vault any more.")
    current = int(metadata.get("current_version") or 0)
    try:
        held = writer.value(mount, path) if current else None
    except Forbidden:
        held = None
    if held == fields:
        return Delivered(version=str(current))
    version, request_id = writer.put(mount, path, fields, after=current)
    try:
        shown = writer.metadata(mount, path) or {}
    except ProviderError as problem:
        problem.committed = None  # the version is written; what consumers get was not seen
        raise
    if int(shown.get("current_version") or 0) != version:
        raise Conflict(
            f"Somebody else wrote to {mount}/{path} in Vault just after version {version}.",
            committed=True,
        )
    return Delivered(version=str(version), request_id=request_id)
