"""The GitHub provider: one organisation per provider block."""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.sdk import (
    NUMBER,
    STRING,
    ActionType,
    Administrator,
    Attribute,
    ConnectRequest,
    DataSource,
    NestedBlock,
    Nesting,
    Provider,
    ResourceType,
    Schema,
    Tenant,
    WritePermit,
)
from perimeter.sdk.migration import Migration
from perimeter_github.actions_secret import (
    EnvironmentSecret,
    OrganizationSecret,
    RepositorySecret,
)
from perimeter_github.app_installation import AppInstallation
from perimeter_github.app_private_key import AppPrivateKey
from perimeter_github.client import PUBLIC, Client, connect
from perimeter_github.data_sources import OrganizationData, RepositoryData
from perimeter_github.deploy_key import DeployKey
from perimeter_github.migration import TERRAFORM
from perimeter_github.organization_settings import OrganizationSettings
from perimeter_github.organization_webhook import OrganizationWebhook
from perimeter_github.tenancy import administrators_of, tenant_of
from perimeter_github.token_grant import TokenGrant
from perimeter_github.token_request import TokenRequest
from perimeter_github.webhook_ping import WebhookPing
from perimeter_github.webhook_secret import WebhookSecret

_APP = NestedBlock(
    nesting=Nesting.SINGLE,
    doc="Act as an installation of a GitHub App, by tokens that live for an hour.",
    attributes={
        "id": Attribute(type=STRING, doc="The app's id.", required=True),
        "installation_id": Attribute(
            type=STRING, doc="The id of its installation in the organisation.", required=True
        ),
        "private_key": Attribute(
            type=STRING,
            doc="The app's private key as PEM text; better left to GITHUB_APP_PRIVATE_KEY.",
            optional=True,
            sensitive=True,
        ),
        "pem_file": Attribute(
            type=STRING, doc="A file with the app's private key instead.", optional=True
        ),
    },
)


class GitHub(Provider):
    """A GitHub organisation."""

    name = "github"
    schema = Schema(
        doc="A GitHub organisation, reached by a personal access token or as a GitHub App.",
        attributes={
            "organization": Attribute(
                type=STRING, doc="The organisation's name in URLs.", required=True
            ),
            "base_url": Attribute(
                type=STRING,
                doc=f"The API's root: {PUBLIC}, or https://HOST/api/v3 of GitHub Enterprise Server.",
                optional=True,
                default=PUBLIC,
            ),
            "token": Attribute(
                type=STRING,
                doc="A personal access token; better left to GITHUB_TOKEN.",
                optional=True,
                sensitive=True,
            ),
            "capacity_share": Attribute(
                type=NUMBER,
                doc="The share (0 to 1] of GitHub's rate limits that perimeter may use.",
                optional=True,
            ),
        },
        blocks={"app": _APP},
    )

    def __init__(self) -> None:
        kinds = (
            OrganizationSettings(),
            AppInstallation(),
            DeployKey(),
            OrganizationWebhook(),
            TokenGrant(),
            TokenRequest(),
            AppPrivateKey(),
            WebhookSecret(),
            RepositorySecret(),
            EnvironmentSecret(),
            OrganizationSecret(),
        )
        self._resources: Mapping[str, ResourceType] = {kind.name: kind for kind in kinds}
        sources = (RepositoryData(), OrganizationData())
        self._data_sources: Mapping[str, DataSource] = {kind.name: kind for kind in sources}

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """Resource types by name."""
        return self._resources

    @property
    def data_sources(self) -> Mapping[str, DataSource]:
        """Repositories and the organisation."""
        return self._data_sources

    @property
    def actions(self) -> Mapping[str, ActionType]:
        """Pinging a webhook."""
        return {kind.name: kind for kind in (WebhookPing(),)}

    @property
    def migrations(self) -> tuple[Migration, ...]:
        """Terraform's provider."""
        return (TERRAFORM,)

    def reader(self, request: ConnectRequest) -> Client:
        """A client that only reads."""
        return connect(request, read_only=True)

    def writer(self, request: ConnectRequest, permit: WritePermit) -> Client:
        """A client that also writes."""
        return connect(request, read_only=False)

    def tenant(self, reader: Client) -> Tenant:
        """The organisation, by its immutable id."""
        return tenant_of(reader)

    def administrators(self, reader: Client, tenant: Tenant) -> tuple[Administrator, ...]:
        """The organisation's owners."""
        return administrators_of(reader, tenant)
