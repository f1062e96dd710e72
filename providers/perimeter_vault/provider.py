"""The provider: how a Vault server is reached, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.sdk import (
    NUMBER,
    STRING,
    Attribute,
    ConnectRequest,
    Fatal,
    Provider,
    ResourceType,
    Schema,
    Set,
    Tenant,
    WritePermit,
)
from perimeter_vault.client import VaultReader, VaultWriter
from perimeter_vault.credentials import connect
from perimeter_vault.kv_secret import KvSecret

_RESOURCES: Mapping[str, ResourceType] = {KvSecret.name: KvSecret()}


def _optional(doc: str, *, sensitive: bool = False) -> Attribute:
    return Attribute(type=STRING, doc=doc, optional=True, sensitive=sensitive)


class Vault(Provider):
    """HashiCorp Vault, and OpenBao, which speaks the same."""

    name = "vault"
    schema = Schema(
        doc="A Vault server (or cluster) and one namespace of it.",
        attributes={
            "address": _optional("Its address: https, or http on loopback; else VAULT_ADDR."),
            "namespace": _optional("The namespace; else VAULT_NAMESPACE, else the root."),
            "token": _optional("A token; else VAULT_TOKEN.", sensitive=True),
            "role_id": _optional("The role id of an AppRole; else VAULT_ROLE_ID."),
            "secret_id": _optional("Its secret id; else VAULT_SECRET_ID.", sensitive=True),
            "approle_mount": _optional("Where AppRole is mounted; else VAULT_APPROLE_MOUNT."),
            "jwt_role": _optional("The role to ask of the JWT method; else VAULT_JWT_ROLE."),
            "jwt": _optional("The token; else VAULT_JWT or VAULT_JWT_FILE.", sensitive=True),
            "jwt_mount": _optional("Where JWT is mounted; else VAULT_JWT_MOUNT."),
            "folders": Attribute(
                type=Set(STRING),
                doc="The only folders to look for secrets in, each MOUNT or MOUNT/FOLDER; by default all KV engines of "
                "version 2 that Vault shows to the token.",
                optional=True,
            ),
            "capacity_share": Attribute(
                type=NUMBER,
                doc="The share of the server's rate limits to use, above 0 and at most 1.",
                optional=True,
            ),
        },
    )

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """``vault_kv_secret``."""
        return _RESOURCES

    def reader(self, request: ConnectRequest) -> VaultReader:
        """Make a client that only reads."""
        return connect(request, write=False)

    def writer(self, request: ConnectRequest, permit: WritePermit) -> VaultWriter:
        """Make a client that can also write."""
        if not isinstance(permit, WritePermit):
            raise Fatal("A writer needs a permit, which only an apply issues.")
        made = connect(request, write=True)
        assert isinstance(made, VaultWriter)
        return made

    def tenant(self, reader: Any) -> Tenant:
        """The cluster's immutable id and the namespace, and who the token belongs to.

        The server tells its id to everybody, so the second call is what proves the token.
        """
        assert isinstance(reader, VaultReader)
        server = reader.server()
        token = reader.own_token()
        within = f"/{reader.namespace}" if reader.namespace else ""
        return Tenant(
            id=f"{server['cluster_id']}{within}",
            name=f"{server.get('cluster_name') or reader.http.origin.host}{within}",
            caller=str(token.get("display_name") or ""),
            caller_credential=str(token.get("accessor") or ""),
            edition="Enterprise" if "+ent" in str(server.get("version")) else "",
        )
