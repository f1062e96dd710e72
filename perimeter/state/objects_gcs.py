"""What Google Cloud Storage needs to know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perimeter.sdk.redact import SECRETS
from perimeter.state.objects import ObjectStore, client_options, retries
from perimeter.state.settings import Setting, SettingError

if TYPE_CHECKING:
    from obstore.store import GCSConfig

SETTINGS = (
    Setting(name="bucket", required=True, description="Name of the bucket."),
    Setting(name="prefix", description="Folder of the states, each named by its workspace."),
    Setting(
        name="credentials",
        environment=(
            "GOOGLE_BACKEND_CREDENTIALS",
            "GOOGLE_CREDENTIALS",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ),
        description="A service account's key or other credentials, as JSON or the path of such a file.",
        secret=True,
    ),
    Setting(
        name="access_token",
        secret=True,
        environment=("GOOGLE_OAUTH_ACCESS_TOKEN",),
        description="An OAuth 2.0 token, used as it is.",
    ),
    Setting(
        name="storage_custom_endpoint",
        environment=("GOOGLE_BACKEND_STORAGE_CUSTOM_ENDPOINT", "GOOGLE_STORAGE_CUSTOM_ENDPOINT"),
        description="URL under which the store's XML API answers, such as a private endpoint's.",
    ),
)


def place(settings: Mapping[str, Any]) -> str:
    """The bucket, for people."""
    return f"gs://{settings.get('bucket')}"


def connect(settings: Mapping[str, Any], _environment: Mapping[str, str]) -> ObjectStore:
    """Open the bucket; nothing is asked yet.

    Raises:
        SettingError: the credentials cannot be used.
    """
    from obstore.exceptions import BaseError
    from obstore.store import GCSStore

    config: GCSConfig = {}
    endpoint = str(settings.get("storage_custom_endpoint") or "").rstrip("/")
    if endpoint:
        config["base_url"] = endpoint
    if token := settings.get("access_token"):
        config["bearer_token"] = token
    elif credentials := settings.get("credentials"):
        config |= _credentials(credentials)
    try:
        client = GCSStore(
            settings["bucket"],
            config=config,
            client_options=client_options(endpoint),
            retry_config=retries(),
        )
    except (BaseError, ValueError) as problem:
        said = str(problem).partition("\n")[0].rstrip(".")
        raise SettingError(
            "credentials", "Credentials not usable", f"{SECRETS.redact(said)}."
        ) from None
    return ObjectStore(client, place(settings))


def _credentials(given: str) -> GCSConfig:
    """A key as JSON, or the file that holds one."""
    text, path = given, ""
    if not given.lstrip().startswith("{"):
        path = str(Path(given).expanduser())
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else "it is no text"
            raise SettingError(
                "credentials", "Credentials not readable", f"The credentials file: {why}."
            ) from None
    try:
        content = json.loads(text)
        kind = content.get("type")
    except (ValueError, AttributeError):
        raise SettingError(
            "credentials",
            "Credentials not usable",
            "They are no JSON object. Download the key again, or name the file that holds it.",
        ) from None
    for name in ("private_key", "refresh_token", "client_secret"):
        SECRETS.add(content.get(name))
    if kind == "service_account" or content.get("private_key"):
        return {"service_account_key": text}
    if not path:
        raise SettingError(
            "credentials",
            "Credentials not usable",
            f'Credentials of type "{kind}" can only be given as the path of their file.',
        )
    return {"application_credentials": path}
