"""An emulated project, every exchange with which is held against Google's own discovery documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from perimeter.sandbox.server import Sandbox
from perimeter.sdk import ConnectRequest, DeliverRequest, SinkRequest, Tenant, WritePermit
from perimeter.testing.workspace import Workspace
from perimeter_google.client import GoogleReader, GoogleWriter
from perimeter_google.documents import RESOURCE_MANAGER, SECRET_MANAGER, document
from perimeter_google.provider import Google
from perimeter_google.sandbox.vendor import Google as Vendor
from tests.discovery import Discovery

TOKEN = "ya29.perimeter-writes-with-this"
BLIND = "ya29.delivers-but-never-accesses"
KIND = Google().resources["google_secret_manager_secret"]
READS = [
    "resourcemanager.projects.get",
    "secretmanager.secrets.list",
    "secretmanager.secrets.get",
]
WRITES = ["create", "update", "delete"]
VERSIONS = ["add", "get", "access", "disable"]
ALL = [
    *READS,
    *(f"secretmanager.secrets.{verb}" for verb in WRITES),
    *(f"secretmanager.versions.{verb}" for verb in VERSIONS),
]


def seed() -> dict[str, Any]:
    """A project with one secret of two versions."""
    version = {"createTime": "2026-01-02T03:04:05.000000Z", "state": "ENABLED", "checked": False}
    return {
        "project": {"id": "acme-prod", "number": "415104041262"},
        "tokens": {
            TOKEN: {"permissions": ALL},
            BLIND: {
                "permissions": [
                    *READS,
                    "secretmanager.versions.add",
                    "secretmanager.versions.get",
                ]
            },
        },
        "secrets": {
            "app-db": {
                "createTime": "2026-01-02T03:04:05.000000Z",
                "replication": {"automatic": {}},
                "versions": {"1": {**version, "data": "cGxhbnRlZC1pbi1nb29nbGUtYWxyZWFkeQ=="}},
            }
        },
    }


@dataclass
class Project:
    """The project, and how a test works with it."""

    sandbox: Sandbox
    tmp_path: Path
    open: list[GoogleReader] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def request(self, token: str = TOKEN, **more: Any) -> ConnectRequest:
        environment = {**self.environment, **more.pop("environment", {})}
        if token:
            environment["GOOGLE_OAUTH_ACCESS_TOKEN"] = token
        return ConnectRequest(
            config=more, environment=environment, base_dir=str(self.tmp_path), capacity_share=1.0
        )

    @property
    def environment(self) -> dict[str, str]:
        url = self.sandbox.url("google")
        return {
            "GOOGLE_CLOUD_PROJECT": "acme-prod",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": url,
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": f"{url}/",
        }

    def reader(self, token: str = TOKEN, **more: Any) -> GoogleReader:
        made = Google().reader(self.request(token, **more))
        self.open.append(made)
        return made

    def writer(self, token: str = TOKEN) -> GoogleWriter:
        made = Google().writer(self.request(token), WritePermit("a test"))
        self.open.append(made)
        return made

    def workspace(self, name: str = "work") -> Workspace:
        return Workspace(
            directory=self.tmp_path / name,
            providers={"google": Google()},
            environment={**self.environment, "GOOGLE_OAUTH_ACCESS_TOKEN": TOKEN},
        )

    def content(self) -> dict[str, Any]:
        return self.sandbox.vendors["google"].dump()

    def change(self, changed: Callable[[dict[str, Any]], Any]) -> None:
        content = self.content()
        changed(content)
        self.sandbox.reseed({"google": content})

    def calls(self, method: str = "*", path: str = "*") -> int:
        return self.sandbox.calls.count(vendor="google", method=method, path=path)


TENANT = Tenant(id="415104041262", name="acme-prod")


def delivery(payload: str, name: str = "app-db") -> DeliverRequest:
    return DeliverRequest(
        tenant=TENANT, id=name, attributes={}, payload=payload, token="d-1", credential="AKIA1"
    )


def asked(version: str = "", name: str = "app-db") -> SinkRequest:
    return SinkRequest(tenant=TENANT, id=name, attributes={}, version=version)


@pytest.fixture(scope="session")
def descriptions() -> list[Discovery]:
    return [Discovery(document(api)) for api in (SECRET_MANAGER, RESOURCE_MANAGER)]


@pytest.fixture
def project(tmp_path: Path, descriptions: list[Discovery]) -> Iterator[Project]:
    with Sandbox({"google": Vendor(seed(), time.time)}) as sandbox:
        made = Project(sandbox=sandbox, tmp_path=tmp_path)

        def watch(_: str, request: Any, response: Any) -> None:
            if request.path != "/token":
                found = next((d for d in descriptions if d.knows(request.path)), descriptions[0])
                made.problems.extend(found.check(request, response))

        sandbox.on_exchange = watch
        try:
            yield made
        finally:
            for client in made.open:
                client.close()
    assert made.problems == []
    assert sandbox.problems == []
