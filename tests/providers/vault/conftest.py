"""An emulated Vault server, clients for it, and workspaces that use it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from perimeter.sandbox.server import Sandbox
from perimeter.sdk import ConnectRequest, DeliverRequest, SinkRequest, Tenant, WritePermit
from perimeter.testing.workspace import Workspace
from perimeter_vault.client import VaultReader, VaultWriter
from perimeter_vault.provider import Vault
from perimeter_vault.sandbox.vendor import Vault as Vendor

TOKEN = "hvs.perimeter-writes-with-this"
READS = "hvs.perimeter-plans-with-this"
BLIND = "hvs.delivers-but-never-reads"
KIND = Vault().resources["vault_kv_secret"]
SINK = KIND.sink
assert SINK is not None


def seed() -> dict[str, Any]:
    """A server with two engines of version 2, one of version 1, and some secrets."""
    now = "2026-01-02T03:04:05.000000Z"
    held = {
        "cas_required": False,
        "created_time": now,
        "current_version": 1,
        "custom_metadata": None,
        "delete_version_after": "0s",
        "max_versions": 0,
        "oldest_version": 1,
        "updated_time": now,
        "versions": {
            "1": {
                "created_time": now,
                "deletion_time": "",
                "destroyed": False,
                "data": {"password": "planted-in-vault-already"},
            }
        },
    }
    whole = ["create", "read", "update", "delete", "list"]
    return {
        "cluster_id": "5f0b9a4e-0000-4000-8000-perimeter001",
        "cluster_name": "acme",
        "tokens": {
            TOKEN: {"policies": ["writes"], "accessor": "a-1", "display_name": "token-ci"},
            READS: {"policies": ["reads"], "accessor": "a-2", "display_name": "token-plan"},
            BLIND: {"policies": ["blind"], "accessor": "a-3", "display_name": "token-blind"},
        },
        "policies": {
            "writes": {"secret/*": whole, "teams/*": whole},
            "reads": {"secret/metadata/*": ["read", "list"]},
            "blind": {
                "secret/metadata/*": ["read", "list"],
                "secret/data/*": ["create", "update"],
            },
        },
        "mounts": {
            "secret": {"secrets": {"app/db": held, "app/deep/er": copy.deepcopy(held)}},
            "teams/kv": {"secrets": {}},
            "old": {"version": 1},
        },
    }


@dataclass
class Server:
    """The server, and how a test works with it."""

    sandbox: Sandbox
    tmp_path: Path
    open: list[VaultReader] = field(default_factory=list)

    def request(self, token: str = TOKEN, **more: Any) -> ConnectRequest:
        environment = {"VAULT_ADDR": self.sandbox.url("vault"), **more.pop("environment", {})}
        if token:
            environment["VAULT_TOKEN"] = token
        return ConnectRequest(
            config=more, environment=environment, base_dir=str(self.tmp_path), capacity_share=1.0
        )

    def reader(self, token: str = TOKEN, **more: Any) -> VaultReader:
        made = Vault().reader(self.request(token, **more))
        self.open.append(made)
        return made

    def writer(self, token: str = TOKEN) -> VaultWriter:
        made = Vault().writer(self.request(token), WritePermit("a test"))
        self.open.append(made)
        return made

    def workspace(self, name: str = "work", token: str = TOKEN) -> Workspace:
        return Workspace(
            directory=self.tmp_path / name,
            providers={"vault": Vault()},
            environment={"VAULT_ADDR": self.sandbox.url("vault"), "VAULT_TOKEN": token},
        )

    def content(self) -> dict[str, Any]:
        return self.sandbox.vendors["vault"].dump()

    def secret(self, path: str, mount: str = "secret") -> dict[str, Any]:
        return self.content()["mounts"][mount]["secrets"][path]

    def change(self, changed: Callable[[dict[str, Any]], Any]) -> None:
        content = self.content()
        changed(content)
        self.sandbox.reseed({"vault": content})

    def calls(self, method: str = "*", path: str = "*") -> int:
        return self.sandbox.calls.count(vendor="vault", method=method, path=path)


TENANT = Tenant(id="t", name="t")


def delivery(path: str, payload: str, token: str = "d-1") -> DeliverRequest:
    return DeliverRequest(
        tenant=TENANT,
        id=f"secret/data/{path}",
        attributes={},
        payload=payload,
        token=token,
        credential="AKIA1",
    )


def asked(path: str, version: str = "") -> SinkRequest:
    return SinkRequest(tenant=TENANT, id=f"secret/data/{path}", attributes={}, version=version)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Sandbox({"vault": Vendor(seed(), time.time)}) as sandbox:
        made = Server(sandbox=sandbox, tmp_path=tmp_path)
        try:
            yield made
        finally:
            for client in made.open:
                client.close()
    assert sandbox.problems == []
