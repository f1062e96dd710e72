"""What Azure Blob Storage needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from perimeter.sdk.redact import SECRETS
from perimeter.state.objects import ObjectStore, client_options, retries
from perimeter.state.settings import Setting, SettingError

if TYPE_CHECKING:
    from obstore.store import AzureConfig

SETTINGS = (
    Setting(
        name="storage_account_name",
        required=True,
        environment=("ARM_STORAGE_ACCOUNT_NAME",),
        description="Name of the storage account.",
    ),
    Setting(name="container_name", required=True, description="Name of the container."),
    Setting(name="key", required=True, description="Name of the state's blob."),
    Setting(
        name="access_key",
        secret=True,
        environment=("ARM_ACCESS_KEY",),
        description="An access key of the storage account.",
    ),
    Setting(
        name="sas_token",
        secret=True,
        environment=("ARM_SAS_TOKEN",),
        description="A shared access signature for the container.",
    ),
    Setting(
        name="tenant_id", environment=("ARM_TENANT_ID",), description="Tenant of the application."
    ),
    Setting(name="client_id", environment=("ARM_CLIENT_ID",), description="Id of the application."),
    Setting(
        name="client_secret",
        secret=True,
        environment=("ARM_CLIENT_SECRET",),
        description="Secret of the application.",
    ),
    Setting(
        name="oidc_token_file_path",
        environment=("ARM_OIDC_TOKEN_FILE_PATH", "AZURE_FEDERATED_TOKEN_FILE"),
        description="File with a federated token of the application.",
    ),
    Setting(
        name="use_msi",
        kind="bool",
        environment=("ARM_USE_MSI",),
        description="Use the machine's managed identity.",
    ),
    Setting(
        name="use_cli",
        kind="bool",
        environment=("ARM_USE_CLI",),
        description="Use the sign-in of Azure's command line.",
    ),
    Setting(
        name="use_azuread_auth",
        kind="bool",
        environment=("ARM_USE_AZUREAD",),
        description="Accepted: whatever is no key and no signature signs in at Entra ID.",
    ),
    Setting(
        name="endpoint",
        environment=("AZURE_STORAGE_ENDPOINT",),
        description="URL of the blob service, for other clouds and emulators.",
    ),
)


def place(settings: Mapping[str, Any]) -> str:
    """The container, for people."""
    return f"azurerm://{settings.get('storage_account_name')}/{settings.get('container_name')}"


def connect(settings: Mapping[str, Any], _environment: Mapping[str, str]) -> ObjectStore:
    """Open the container; nothing is asked yet.

    Raises:
        SettingError: the credentials cannot be used.
    """
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore

    config: AzureConfig = {"account_name": settings["storage_account_name"]}
    endpoint = str(settings.get("endpoint") or "").rstrip("/")
    if endpoint:
        config["endpoint"] = endpoint
    config |= _signed_in(settings)
    try:
        client = AzureStore(
            settings["container_name"],
            config=config,
            client_options=client_options(endpoint),
            retry_config=retries(),
        )
    except (BaseError, ValueError) as problem:
        said = str(problem).partition("\n")[0].rstrip(".")
        raise SettingError(
            "access_key", "Credentials not usable", f"{SECRETS.redact(said)}."
        ) from None
    return ObjectStore(client, place(settings))


def _signed_in(settings: Mapping[str, Any]) -> AzureConfig:
    """The first of: key, signature, secret, federated token, managed identity, command line."""
    if key := settings.get("access_key"):
        return {"account_key": key, "credential_type": "access_key"}
    if signature := settings.get("sas_token"):
        return {"sas_key": signature.removeprefix("?"), "credential_type": "sas_token"}
    application: AzureConfig = {}
    if client := settings.get("client_id"):
        application["client_id"] = client
    if tenant := settings.get("tenant_id"):
        application["tenant_id"] = tenant
    if secret := settings.get("client_secret"):
        return {**application, "client_secret": secret, "credential_type": "client_secret"}
    if path := settings.get("oidc_token_file_path"):
        return {
            **application,
            "federated_token_file": path,
            "credential_type": "workload_identity",
        }
    if settings.get("use_msi"):
        return {**application, "credential_type": "managed_identity"}
    if settings.get("use_cli"):
        return {"use_azure_cli": True, "credential_type": "azure_cli"}
    return application
