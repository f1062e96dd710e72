"""What S3 and the stores that speak its protocol need to know."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from perimeter.sdk.redact import SECRETS
from perimeter.state.objects import ATTEMPTS, ObjectStore, client_options, retries
from perimeter.state.settings import Setting, SettingError

if TYPE_CHECKING:
    from obstore.store import S3Config, S3CredentialProvider

_SKIPPED = (
    "skip_credentials_validation",
    "skip_metadata_api_check",
    "skip_region_validation",
    "skip_requesting_account_id",
    "skip_s3_checksum",
)
SETTINGS = (
    Setting(name="bucket", required=True, description="Name of the bucket."),
    Setting(name="key", required=True, description="Key of the state in the bucket."),
    Setting(
        name="workspace_key_prefix",
        default="env:",
        description="Where the states of other workspaces than the default one lie.",
    ),
    Setting(
        name="region",
        environment=("AWS_REGION", "AWS_DEFAULT_REGION"),
        description="The bucket's region.",
    ),
    Setting(
        name="endpoint",
        environment=("AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL"),
        description="URL of a store that speaks S3's protocol.",
    ),
    Setting(name="endpoints", kind="map", description="The same, as its entry s3."),
    Setting(
        name="use_path_style",
        kind="bool",
        description="Whether the bucket is named in the path or in the host; in the path by default.",
    ),
    Setting(
        name="access_key",
        secret=True,
        environment=("AWS_ACCESS_KEY_ID",),
        description="Id of an access key.",
    ),
    Setting(
        name="secret_key",
        secret=True,
        environment=("AWS_SECRET_ACCESS_KEY",),
        description="Its secret.",
    ),
    Setting(
        name="token",
        secret=True,
        environment=("AWS_SESSION_TOKEN",),
        description="Its session's token.",
    ),
    Setting(
        name="profile",
        environment=("AWS_PROFILE",),
        description="A profile of AWS's shared configuration; needs the extra aws.",
    ),
    Setting(name="encrypt", kind="bool", description="Ask for encryption by S3 (SSE-S3)."),
    Setting(name="kms_key_id", description="Ask for encryption by S3 with this KMS key."),
    Setting(
        name="sse_customer_key",
        secret=True,
        environment=("AWS_SSE_CUSTOMER_KEY",),
        description="A key of 256 bits in base64, by which S3 encrypts and then forgets (SSE-C).",
    ),
    Setting(
        name="custom_ca_bundle",
        environment=("AWS_CA_BUNDLE",),
        description="A PEM file of authorities to trust besides the system's.",
    ),
    Setting(
        name="max_retries", kind="number", default=ATTEMPTS, description="How often S3 is asked."
    ),
    Setting(
        name="use_lockfile", kind="bool", description="Accepted: the lock is always in the bucket."
    ),
    *(
        Setting(name=name, kind="bool", description="Accepted: there is no such check.")
        for name in _SKIPPED
    ),
)


def place(settings: Mapping[str, Any]) -> str:
    """The bucket, for people."""
    return f"s3://{settings.get('bucket')}"


def connect(settings: Mapping[str, Any], environment: Mapping[str, str]) -> ObjectStore:
    """Open the bucket; nothing is asked yet.

    Raises:
        SettingError: settings contradict each other or cannot be used.
    """
    from obstore.store import S3Store

    if settings.get("use_lockfile") is False:
        raise SettingError(
            "use_lockfile",
            "Locking cannot be configured away",
            'The lock is always an object beside the state. One run goes without by "-lock=false".',
        )
    config, endpoint = _addressed(settings)
    config |= _encrypted(settings)
    provider: S3CredentialProvider | None = None
    if _has_key(settings, environment):
        config |= _key(settings)
    else:
        provider, region = _shared(settings, environment)
        config.setdefault("region", region)
    if not config.get("region"):
        if not endpoint:
            raise SettingError(
                "region",
                "Missing required argument",
                'The argument "region" is required: the region of the bucket. Set it in the backend '
                'block, or by "-backend-config=region=…", or by AWS_REGION.',
            )
        config["region"] = "us-east-1"
    config["disable_bulk_delete"] = True
    client = S3Store(
        settings["bucket"],
        config=config,
        client_options=client_options(endpoint, _certificates(settings)),
        retry_config=retries(int(settings["max_retries"])),
        credential_provider=provider,
    )
    return ObjectStore(client, place(settings))


def _addressed(settings: Mapping[str, Any]) -> tuple[S3Config, str]:
    config: S3Config = {}
    if region := settings.get("region"):
        config["region"] = region
    endpoint = str((settings.get("endpoints") or {}).get("s3") or settings.get("endpoint") or "")
    if endpoint and "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    path_style = settings.get("use_path_style")
    if path_style is False:
        config["virtual_hosted_style_request"] = True
        if endpoint:
            parts = urlsplit(endpoint)
            endpoint = urlunsplit(parts._replace(netloc=f"{settings['bucket']}.{parts.netloc}"))
    if endpoint:
        config["endpoint"] = config["aws_endpoint_url_s3"] = endpoint.rstrip("/")
    return config, endpoint


def _encrypted(settings: Mapping[str, Any]) -> S3Config:
    key, customer = settings.get("kms_key_id"), settings.get("sse_customer_key")
    if key and customer:
        raise SettingError(
            "sse_customer_key",
            "Conflicting arguments",
            'Only one of "kms_key_id" and "sse_customer_key" can be set.',
        )
    if customer:
        return {"server_side_encryption": "sse-c", "sse_customer_key_base64": customer}
    if key:
        return {"server_side_encryption": "aws:kms", "sse_kms_key_id": key}
    return {"server_side_encryption": "AES256"} if settings.get("encrypt") else {}


def _has_key(settings: Mapping[str, Any], environment: Mapping[str, str]) -> bool:
    """Whether a key is given; a profile that the configuration names beats the environment's key."""
    profile, key = settings.get("profile"), settings.get("access_key")
    if profile and profile != environment.get("AWS_PROFILE"):
        return bool(key) and key != environment.get("AWS_ACCESS_KEY_ID")
    return bool(key or settings.get("secret_key"))


def _key(settings: Mapping[str, Any]) -> S3Config:
    for name, other in (("access_key", "secret_key"), ("secret_key", "access_key")):
        if not settings.get(name):
            raise SettingError(
                other,
                "Incomplete credentials",
                f'"{other}" is set and "{name}" is not; a key has both. Set the other one too, or '
                "neither.",
            )
    found: S3Config = {
        "access_key_id": settings["access_key"],
        "secret_access_key": settings["secret_key"],
    }
    if token := settings.get("token"):
        found["session_token"] = token
    return found


def _shared(
    settings: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[S3CredentialProvider | None, str]:
    """Credentials from AWS's shared configuration, and its region.

    Without a profile, web identities, containers and instances are left to obstore.
    """
    profile = settings.get("profile")
    has_boto = importlib.util.find_spec("boto3") is not None
    if profile and not has_boto:
        raise SettingError(
            "profile",
            "Profiles need another library",
            f'The profile "{profile}" is read by boto3, which is not installed. Run: pip install '
            '"perimeter-as-code[aws]"',
        )
    elsewhere = (
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    )
    if not profile and (not has_boto or any(map(environment.get, elsewhere)) or not _has_files()):
        return None, ""
    import boto3
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        session = boto3.Session(profile_name=profile)
        credentials = session.get_credentials()
        if credentials is None:
            return None, session.region_name or ""
        frozen = credentials.get_frozen_credentials()
        SECRETS.add_all([frozen.access_key, frozen.secret_key, frozen.token])
        return Boto3CredentialProvider(session), session.region_name or ""
    except (BotoCoreError, ValueError) as problem:
        raise SettingError(
            "profile",
            "Credentials not usable",
            f"{SECRETS.redact(str(problem)).rstrip('.')}. Check AWS's shared configuration, or give "
            "credentials by environment variables.",
        ) from None


def _has_files() -> bool:
    folder = Path("~/.aws").expanduser()
    return any(folder.joinpath(name).exists() for name in ("credentials", "config"))


def _certificates(settings: Mapping[str, Any]) -> bytes:
    path = settings.get("custom_ca_bundle")
    if not path:
        return b""
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as problem:
        raise SettingError(
            "custom_ca_bundle", "File not readable", f"{path}: {problem.strerror}."
        ) from None
