"""Parameter Store as a sink: each delivery is a version of the parameter.

Source: Systems Manager API Reference, "PutParameter", "GetParameter". There is neither a token nor a conditional write:
what is stored is read and compared, so that a delivery is stored once.
"""

from __future__ import annotations

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
)
from perimeter_aws.client import AwsReader, AwsWriter, request_id
from perimeter_aws.payloads import check_size, register
from perimeter_aws.regions import check_region

EMPTY = "(perimeter has delivered nothing yet)"
"""What a parameter holds that nothing was delivered to: AWS has no empty ones."""

DEFAULT_KEY = "alias/aws/ssm"
LIMITS: Mapping[str, int] = {"Standard": 4096, "Advanced": 8192}
LOOKS = 4
PAUSE = 0.5


def described(reader: AwsReader, name: str) -> Mapping[str, Any] | None:
    """A parameter without its value; None where there is none."""
    found = reader.all(
        "ssm:DescribeParameters",
        "Parameters",
        ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}],
    )
    return next((item for item in found if item.get("Name") == name), None)


def value_of(reader: AwsReader, name: str, version: str = "") -> tuple[str, int]:
    """The value of a parameter, known to the redaction, and its version; a name is followed by the version wanted.

    Raises:
        NotFound: there is no such parameter or version.
    """
    wanted = f"{name}:{version}" if version else name
    found = reader.call("ssm:GetParameter", Name=wanted, WithDecryption=True)["Parameter"]
    value = str(found["Value"])
    if value != EMPTY:
        register(value)
    return value, int(found["Version"])


def put(
    writer: AwsWriter, name: str, value: str, *, expected: int | None = None, **more: Any
) -> dict[str, Any]:
    """Store a value; ``expected``: the version that this makes if nobody else writes meanwhile.

    Raises:
        Conflict: somebody else wrote between reading and writing, and was overwritten.
    """
    answer = writer.write("ssm:PutParameter", Name=name, Value=value, **more)
    version = int(answer["Version"])
    if expected is not None and version != expected:
        raise Conflict(
            f"Somebody else changed {name} at the same moment, and was overwritten: version {version - 1} is theirs, "
            f"version {version} is perimeter's. Put the right one in (aws ssm get-parameter-history).",
            committed=True,
        )
    return answer


class ParameterSink(SinkType):
    """A parameter that consumers read by its name."""

    readable = True
    versioned = True
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "deliver": ("ssm:PutParameter", "ssm:GetParameter", "ssm:DescribeParameters"),
        "fetch": ("ssm:GetParameter",),
        "restore": ("ssm:PutParameter", "ssm:GetParameter", "ssm:DescribeParameters"),
    }

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def deliver(self, writer: AwsWriter, request: DeliverRequest) -> Delivered:
        """Store it, and look whether it is what consumers get."""
        name, about = _opened(writer, request.id, request.attributes)
        tier = str(about.get("Tier") or "Standard")
        check_size(request.payload, LIMITS.get(tier, 8192), f"a parameter of tier {tier}")
        return self._store(writer, name, about, register(request.payload))

    def fetch(self, reader: AwsReader, request: SinkRequest) -> str:
        """Read what consumers get."""
        check_region(reader, request.id)
        name = str(request.attributes["name"])
        value, _ = value_of(reader, name)
        if value == EMPTY:
            raise NotFound(f"Nothing was delivered to {name} yet.")
        return value

    def restore(self, writer: AwsWriter, request: SinkRequest) -> Delivered:
        """Store an earlier version's value again: AWS can make no old version the current one."""
        name, about = _opened(writer, request.id, request.attributes)
        if not request.version:
            raise NotFound(f"{name} has no version (unnamed).")
        value, _ = value_of(writer, name, request.version)
        return self._store(writer, name, about, value)

    def _store(
        self, writer: AwsWriter, name: str, about: Mapping[str, Any], value: str
    ) -> Delivered:
        answer: Mapping[str, Any] = {}
        for look in range(LOOKS):
            held, version = value_of(writer, name)
            if held == value:
                return Delivered(version=str(version), request_id=request_id(answer))
            if look == 0:
                # Whatever is left out, AWS would bring back to its default.
                kept = {
                    key: about[key]
                    for key in ("Description", "KeyId", "AllowedPattern", "Tier", "DataType")
                    if about.get(key)
                }
                answer = put(writer, name, value, Overwrite=True, **kept)
            else:
                self._sleep(PAUSE)
        raise Retryable(
            f"{name} took the value, and yet consumers get another one. Look who else writes to it.",
            committed=None,
        )


def _opened(
    writer: AwsWriter, arn: str, attributes: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    """The name, and all but the value as it stands now.

    Raises:
        NotFound: the parameter is gone.
    """
    check_region(writer, arn)
    name = str(attributes["name"])
    about = described(writer, name)
    if about is None:
        raise NotFound(f"There is no parameter {name}.")
    if about.get("Type") != "SecureString":
        raise Conflict(f"{name} is not encrypted (SecureString). Nothing was stored.")
    return name, about
