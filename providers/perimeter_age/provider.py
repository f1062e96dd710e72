"""The provider: files below the working directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perimeter.sdk import (
    BOOL,
    SECRETS,
    Attribute,
    ConnectRequest,
    Fatal,
    Provider,
    ResourceType,
    Schema,
    Tenant,
    WritePermit,
)
from perimeter_age.age_file import AgeFile
from perimeter_age.files import Files, FilesToWrite

_RESOURCES: Mapping[str, ResourceType] = {AgeFile.name: AgeFile()}
_HERE = Tenant(id="working directory", name="working directory")


class Age(Provider):
    """Files that are encrypted by age."""

    name = "age"
    schema = Schema(
        doc="Files encrypted by age, below the working directory.",
        attributes={
            "allow_outside": Attribute(
                type=BOOL, doc="Whether paths may lead out of the working directory.", optional=True
            )
        },
    )

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """``age_file``."""
        return _RESOURCES

    def reader(self, request: ConnectRequest) -> Files:
        """Make a client that only reads; it has no way to write."""
        return Files(**_settings(request))

    def writer(self, request: ConnectRequest, permit: WritePermit) -> FilesToWrite:
        """Make a client that can also write."""
        if not isinstance(permit, WritePermit):
            raise Fatal("A writer needs a permit, which only an apply issues.")
        return FilesToWrite(**_settings(request))

    def tenant(self, reader: Any) -> Tenant:
        """The same on every machine: paths are relative, wherever the configuration is checked out."""
        return _HERE


def _settings(request: ConnectRequest) -> dict[str, Any]:
    return {
        "base": Path(request.base_dir),
        "outside": request.config.get("allow_outside") is True,
        "identities": _identities(request),
    }


def _identities(request: ConnectRequest) -> str:
    """Secret keys, from the environment only: a configuration must not hold one."""
    text = request.environment.get("AGE_IDENTITY") or ""
    name = request.environment.get("AGE_IDENTITY_FILE") or ""
    if not text and name:
        try:
            text = (Path(request.base_dir) / name).expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError):
            raise Fatal("The file that AGE_IDENTITY_FILE names cannot be read.") from None
    SECRETS.add(text)
    return text
