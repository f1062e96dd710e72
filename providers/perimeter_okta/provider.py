"""The provider: how an org is reached, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from perimeter.sdk import (
    NUMBER,
    STRING,
    Access,
    AccessRequest,
    ActionType,
    Attribute,
    ConnectRequest,
    DataSource,
    Forbidden,
    NotFound,
    Provider,
    ResourceType,
    Schema,
    Set,
    Standing,
    Tenant,
    WritePermit,
)
from perimeter.sdk.migration import Migration
from perimeter_okta.access import standings
from perimeter_okta.administrators import read_access
from perimeter_okta.api_token import ApiToken
from perimeter_okta.app import Application
from perimeter_okta.app_group_assignment import AppGroupAssignment
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.client_secret import ApiServiceSecret, AppClientSecret
from perimeter_okta.credentials import connect
from perimeter_okta.data import AppData, GroupData, UserData
from perimeter_okta.decode import text
from perimeter_okta.group import Group
from perimeter_okta.group_membership import GroupMembership
from perimeter_okta.migration import TERRAFORM
from perimeter_okta.scope_grant import AppScopeGrant
from perimeter_okta.session_policy import GlobalSessionPolicy
from perimeter_okta.user import User
from perimeter_okta.user_sessions import ClearUserSessions

_EDITIONS = {"idx": "Identity Engine", "v1": "Classic Engine"}
_TYPES: tuple[ResourceType, ...] = (
    User(),
    Group(),
    GroupMembership(),
    GlobalSessionPolicy(),
    Application(),
    AppGroupAssignment(),
    AppScopeGrant(),
    ApiToken(),
    AppClientSecret(),
    ApiServiceSecret(),
)
_DATA: tuple[DataSource, ...] = (GroupData(), UserData(), AppData())


class Okta(Provider):
    """Okta's Management API."""

    name = "okta"
    schema = Schema(
        doc="An Okta org.",
        attributes={
            "org_url": Attribute(
                type=STRING,
                doc="The org's address, such as https://acme.okta.com; else OKTA_ORG_URL.",
                optional=True,
            ),
            "token": Attribute(
                type=STRING, doc="An API token; else OKTA_API_TOKEN.", optional=True, sensitive=True
            ),
            "client_id": Attribute(
                type=STRING, doc="A service app that signs in with a private key.", optional=True
            ),
            "private_key": Attribute(
                type=STRING,
                doc="Its private key as PEM text or a file; else OKTA_PRIVATE_KEY.",
                optional=True,
                sensitive=True,
            ),
            "key_id": Attribute(
                type=STRING, doc="The key's id, where the app has several.", optional=True
            ),
            "scopes": Attribute(
                type=Set(STRING),
                doc="Scopes to ask for with client_id; by default all that the types need, as far as the app holds them.",
                optional=True,
            ),
            "capacity_share": Attribute(
                type=NUMBER,
                doc="The share of Okta's rate limits to use, above 0 and at most 1.",
                optional=True,
            ),
        },
    )

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """Resource types by name."""
        return {kind.name: kind for kind in _TYPES}

    @property
    def data_sources(self) -> Mapping[str, DataSource]:
        """Data sources by name."""
        return {source.name: source for source in _DATA}

    @property
    def actions(self) -> Mapping[str, ActionType]:
        """Signing somebody out."""
        return {kind.name: kind for kind in (ClearUserSessions(),)}

    @property
    def migrations(self) -> tuple[Migration, ...]:
        """Terraform's provider."""
        return (TERRAFORM,)

    def reader(self, request: ConnectRequest) -> OktaReader:
        """Make a client that only reads; with OAuth, its token holds read scopes only."""
        return connect(request, write=False)

    def writer(self, request: ConnectRequest, permit: WritePermit) -> OktaWriter:
        """Make a client that can also write."""
        assert permit is not None
        made = connect(request, write=True)
        assert isinstance(made, OktaWriter)
        return made

    def tenant(self, reader: Any) -> Tenant:
        """The org's immutable id, and who the credential acts as.

        The org tells its id to everybody, so the second call is what proves the credential.
        """
        assert isinstance(reader, OktaReader)
        organization = reader.organization()
        return Tenant(
            id=str(organization["id"]),
            name=urlsplit(reader.org_url()).netloc,
            caller=reader.client_id or _caller(reader),
            caller_credential=reader.client_id,
            edition=_EDITIONS.get(str(organization.get("pipeline")), ""),
            scopes=_scopes(reader),
        )

    def access(self, reader: Any, request: AccessRequest) -> Access:
        """The super administrators, their factors and groups, and the sign-on policies."""
        return read_access(reader, request)

    def standings(self, access: Access) -> Mapping[str, Standing]:
        """Who gets in and administers, by those facts."""
        return standings(access)


def _caller(reader: OktaReader) -> str:
    try:
        return text(reader.get("/api/v1/users/me").data, "profile", "login") or ""
    except (Forbidden, NotFound):
        return ""


def _scopes(reader: OktaReader) -> frozenset[str] | None:
    """The scopes of the token in use; the calls before have fetched one."""
    return None if reader.scopes is None else reader.scopes()
