"""Secrets Manager as a sink: a delivery is a version that AWS makes AWSCURRENT as it stores it, the one before AWSPREVIOUS.

Sources: Secrets Manager API Reference, "PutSecretValue" and "UpdateSecretVersionStage"; User Guide, "Lambda rotation
functions". AWS's own rotation stores a version as AWSPENDING first and tries it. perimeter tries a credential before it is
delivered, so that one call does both: consumers have either the old value or the new one, and nothing is left in between.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from perimeter.sdk import (
    Conflict,
    Delivered,
    DeliverRequest,
    NotFound,
    Retryable,
    SinkRequest,
    SinkType,
    Unsupported,
)
from perimeter_aws.client import AwsReader, AwsWriter, request_id
from perimeter_aws.payloads import check_size, register
from perimeter_aws.regions import check_region

CURRENT = "AWSCURRENT"
MOST = 65536
LOOKS = 4
PAUSE = 0.5

_DESCRIBE = "secretsmanager:DescribeSecret"
_MOVE = "secretsmanager:UpdateSecretVersionStage"


def stages_of(data: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """The labels of each version, by version, of ``DescribeSecret`` or ``ListSecrets``."""
    found = data.get("VersionIdsToStages") or data.get("SecretVersionsToStages") or {}
    return {str(version): tuple(labels) for version, labels in found.items()}


def version_of(token: str) -> str:
    """The version's id that a delivery's token stands for: 32 to 64 characters, as AWS asks."""
    return hashlib.sha256(token.encode()).hexdigest()


class SecretSink(SinkType):
    """A secret that consumers read as AWSCURRENT."""

    readable = True
    versioned = True
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "deliver": ("secretsmanager:PutSecretValue", _MOVE, _DESCRIBE),
        "fetch": ("secretsmanager:GetSecretValue",),
        "restore": (_MOVE, _DESCRIBE),
    }

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def deliver(self, writer: AwsWriter, request: DeliverRequest) -> Delivered:
        """Store a version, and look whether it is what consumers get.

        The token becomes the version's id, so that AWS itself stores a delivery once.
        """
        register(request.payload)
        check_size(request.payload, MOST, "a secret of Secrets Manager")
        version = version_of(request.token)
        found = _open(writer, request.id)
        if found.get("RotationEnabled"):
            raise Conflict(
                f"Secrets Manager rotates {request.id} itself, and would overwrite what perimeter delivers. Nothing was "
                "stored. Cancel its rotation (aws secretsmanager cancel-rotate-secret), or deliver elsewhere."
            )
        if CURRENT in stages_of(found).get(version, ()):
            return Delivered(version=version)
        answer = writer.write(
            "secretsmanager:PutSecretValue",
            SecretId=request.id,
            ClientRequestToken=version,
            SecretString=request.payload,
            VersionStages=[CURRENT],
        )
        # Where the version was there already, AWS leaves the labels as they are.
        return self._make_current(writer, request.id, version, request_id(answer))

    def fetch(self, reader: AwsReader, request: SinkRequest) -> str:
        """Read what consumers get."""
        check_region(reader, request.id)
        found = reader.call(
            "secretsmanager:GetSecretValue", SecretId=request.id, VersionStage=CURRENT
        )
        payload = found.get("SecretString")
        if not isinstance(payload, str):
            raise Unsupported(f"{request.id} holds binary data, which perimeter did not put there.")
        return register(payload)

    def restore(self, writer: AwsWriter, request: SinkRequest) -> Delivered:
        """Give consumers an earlier version again.

        AWS keeps the version before as AWSPREVIOUS, and others only as long as it has not cleared them away.
        """
        if request.version not in stages_of(_open(writer, request.id)):
            raise NotFound(f"{request.id} has no version {request.version or '(unnamed)'}.")
        return self._make_current(writer, request.id, request.version)

    def _make_current(
        self, writer: AwsWriter, secret: str, version: str, exchange: str = ""
    ) -> Delivered:
        for look in range(LOOKS):
            stages = stages_of(writer.call(_DESCRIBE, SecretId=secret))
            holder = next((one for one, labels in stages.items() if CURRENT in labels), "")
            if holder == version:
                return Delivered(version=version, request_id=exchange)
            if look == 0:
                move = {"RemoveFromVersionId": holder} if holder else {}
                answer = writer.write(
                    _MOVE, SecretId=secret, VersionStage=CURRENT, MoveToVersionId=version, **move
                )
                exchange = request_id(answer)
            else:
                self._sleep(PAUSE)
        raise Retryable(
            f"{secret} took version {version}, and yet consumers get another one. Look who else writes to it.",
            committed=None,
        )


def _open(writer: AwsWriter, secret: str) -> Mapping[str, Any]:
    """The secret's description.

    Raises:
        NotFound: it is gone, or scheduled for deletion.
    """
    check_region(writer, secret)
    found = writer.call(_DESCRIBE, SecretId=secret)
    if found.get("DeletedDate"):
        raise NotFound(
            f"{secret} is scheduled for deletion. Restore it: aws secretsmanager restore-secret."
        )
    return found
