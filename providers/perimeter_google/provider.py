"""The provider: how a Google Cloud project is reached, and what it holds."""

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
    Retryable,
    Schema,
    Tenant,
    WritePermit,
)
from perimeter_google.client import GoogleReader, GoogleWriter, connect
from perimeter_google.secret import Secret

_RESOURCES: Mapping[str, ResourceType] = {Secret.name: Secret()}


def _optional(doc: str, *, sensitive: bool = False) -> Attribute:
    return Attribute(type=STRING, doc=doc, optional=True, sensitive=sensitive)


class Google(Provider):
    """One project of Google Cloud."""

    name = "google"
    schema = Schema(
        doc="One project of Google Cloud.",
        attributes={
            "project": _optional(
                "The project's id; else GOOGLE_PROJECT, GOOGLE_CLOUD_PROJECT, CLOUDSDK_CORE_PROJECT, or the credential's own."
            ),
            "credentials": _optional(
                "JSON of a credential, or a file with it; else GOOGLE_CREDENTIALS, GOOGLE_APPLICATION_CREDENTIALS, or what "
                "Google's tools find.",
                sensitive=True,
            ),
            "access_token": _optional(
                "A short-lived token instead; else GOOGLE_OAUTH_ACCESS_TOKEN.", sensitive=True
            ),
            "endpoint_url": _optional("Another endpoint: https, or http on loopback."),
            "capacity_share": Attribute(
                type=NUMBER,
                doc="The share of Google's rate limits to use, above 0 and at most 1.",
                optional=True,
            ),
        },
    )

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """``google_secret_manager_secret``."""
        return _RESOURCES

    def reader(self, request: ConnectRequest) -> GoogleReader:
        """Make a client that only reads."""
        return connect(request, write=False)

    def writer(self, request: ConnectRequest, permit: WritePermit) -> GoogleWriter:
        """Make a client that can also write."""
        if not isinstance(permit, WritePermit):
            raise Fatal("A writer needs a permit, which only an apply issues.")
        made = connect(request, write=True)
        assert isinstance(made, GoogleWriter)
        return made

    def tenant(self, reader: Any) -> Tenant:
        """The project's immutable number, and who perimeter is in it."""
        assert isinstance(reader, GoogleReader)
        found = reader.about()
        number = str(found.get("name") or "").removeprefix("projects/")
        if not number.isdigit():
            raise Retryable("Google's answer holds no project number. Try again.")
        return Tenant(
            id=number,
            name=str(found.get("projectId") or reader.project),
            caller=reader.who.email,
            caller_credential=reader.who.key_id,
        )
