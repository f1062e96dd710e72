"""A working directory with age files, and keys for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyrage
import pytest

from perimeter.sdk import ConnectRequest, DeliverRequest, SinkRequest, Tenant, WritePermit
from perimeter.testing.workspace import Workspace
from perimeter_age.files import Files, FilesToWrite
from perimeter_age.provider import Age

KIND = Age().resources["age_file"]
TENANT = Tenant(id="t", name="t")


@dataclass
class Key:
    """A pair of age's own."""

    secret: Any = field(default_factory=pyrage.x25519.Identity.generate, repr=False)

    @property
    def public(self) -> str:
        return str(self.secret.to_public())

    def opens(self, path: Path) -> str:
        return pyrage.decrypt(path.read_bytes(), [self.secret]).decode()


@dataclass
class Place:
    """A working directory, and how a test works in it."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    one: Key = field(default_factory=Key)
    two: Key = field(default_factory=Key)

    def request(self, **config: Any) -> ConnectRequest:
        return ConnectRequest(
            config=config, environment=self.environment, base_dir=str(self.directory)
        )

    def reader(self, **config: Any) -> Files:
        return Age().reader(self.request(**config))

    def writer(self, **config: Any) -> FilesToWrite:
        return Age().writer(self.request(**config), WritePermit("a test"))

    def workspace(self, name: str = "") -> Workspace:
        return Workspace(
            directory=self.directory / name if name else self.directory,
            providers={"age": Age()},
            environment=self.environment,
        )

    def block(self, *keys: Key, more: str = "", path: str = "secrets/billing.age") -> str:
        names = ", ".join(f'"{key.public}"' for key in keys)
        return (
            f'resource "age_file" "this" {{\npath = "{path}"\nrecipients = [{names}]\n{more}\n}}\n'
        )

    @property
    def file(self) -> Path:
        return self.directory / "secrets" / "billing.age"


def delivery(payload: str, token: str, **attributes: Any) -> DeliverRequest:
    return DeliverRequest(
        tenant=TENANT,
        id="secrets/billing.age",
        attributes=attributes,
        payload=payload,
        token=token,
        credential="AKIA1",
    )


def asked(version: str = "") -> SinkRequest:
    return SinkRequest(tenant=TENANT, id="secrets/billing.age", attributes={}, version=version)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    directory = tmp_path / "work"
    directory.mkdir()
    return Place(directory=directory)


@pytest.fixture
def made(place: Place) -> Place:
    """With the file, empty and for the first key."""
    workspace = place.workspace()
    workspace.write(place.block(place.one))
    assert workspace.apply().errors == []
    return place
