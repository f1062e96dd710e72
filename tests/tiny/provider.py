"""The tiny vendor's provider, over a tenant in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.sdk import (
    STRING,
    ActionType,
    Administrator,
    Attribute,
    ConnectRequest,
    DataSource,
    EphemeralResource,
    Provider,
    ResourceType,
    Schema,
    Tenant,
    WritePermit,
)
from tests.tiny.ending import Badge, Ward
from tests.tiny.rotating import TENANTS, Badge2, Box, Hot, Pass, Vault, Webhook
from tests.tiny.tenant import TinyTenant
from tests.tiny.types import (
    Account,
    Group,
    Hook,
    Job,
    Key,
    Knock,
    Lookup,
    Rule,
    Session,
    Settings,
    Slow,
)


class Client:
    """A reader or writer of the tenant."""

    def __init__(self, tenant: TinyTenant) -> None:
        self.tenant = tenant

    def close(self) -> None:
        """Nothing to release."""


class TinyProvider(Provider):
    """Reaches the tenant that it is given; ``behind`` replaces it, as another tenant behind the same URL would."""

    name = "tiny"
    schema = Schema(
        attributes={
            "token": Attribute(type=STRING, doc="The credential.", optional=True, sensitive=True)
        }
    )

    def __init__(self, tenant: TinyTenant) -> None:
        self.behind = tenant

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """All types."""
        kinds = (
            Account(),
            Badge(),
            Badge2(),
            Box(),
            Group(),
            Hook(),
            Hot(),
            Job(),
            Key(),
            Pass(),
            Rule(),
            Settings(),
            Slow(),
            Vault(),
            Ward(),
            Webhook(),
        )
        return {kind.name: kind for kind in kinds}

    @property
    def data_sources(self) -> Mapping[str, DataSource]:
        """The look-up of groups."""
        return {"tiny_group": Lookup()}

    @property
    def ephemeral_resources(self) -> Mapping[str, EphemeralResource]:
        """The session."""
        return {"tiny_session": Session()}

    @property
    def actions(self) -> Mapping[str, ActionType]:
        """The knock."""
        return {"tiny_knock": Knock()}

    def reader(self, request: ConnectRequest) -> Client:
        """A client."""
        return Client(self.behind)

    def writer(self, request: ConnectRequest, permit: WritePermit) -> Client:
        """A client."""
        return Client(self.behind)

    def tenant(self, reader: Any) -> Tenant:
        """Its id."""
        self.behind.calls.append(("tenant", "", ""))
        TENANTS[self.behind.id] = self.behind
        return Tenant(
            id=self.behind.id,
            name="Tiny",
            caller="perimeter",
            caller_credential=self.behind.caller_credential,
        )

    def administrators(self, reader: Any, tenant: Tenant) -> tuple[Administrator, ...]:
        """As the test says."""
        return tuple(self.behind.administrators)
