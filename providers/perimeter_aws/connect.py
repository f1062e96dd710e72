"""From a provider block and the environment to boto3 clients and their credentials."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from perimeter.sdk import Attributes, ConnectRequest, Fatal, MissingExtra, Unauthenticated
from perimeter.sdk.urls import Origin
from perimeter_aws.failures import failure

REGION = "us-east-1"
"""IAM is global; where no region is set its calls are signed for this one."""

SERVICES = ("iam", "sts", "secretsmanager", "ssm")
_SETTINGS: Mapping[str, str] = {
    "AWS_CONFIG_FILE": "config_file",
    "AWS_SHARED_CREDENTIALS_FILE": "credentials_file",
    "AWS_CA_BUNDLE": "ca_bundle",
}


def connect(request: ConnectRequest) -> tuple[Callable[[str], Any], Any, str]:
    """What makes the client of a service, the credentials that clients use, and the region.

    Raises:
        MissingExtra: boto3 is not installed.
        Fatal: ``endpoint_url`` is not allowed.
        Unauthenticated: the profile does not exist, or the credentials cannot be had.
    """
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError:
        raise MissingExtra("aws", "aws") from None
    _hush()
    config, environment = request.config, request.environment
    session = _new_session()
    for variable, setting in _SETTINGS.items():
        if environment.get(variable):
            session.set_config_variable(setting, environment[variable])
    profile = config.get("profile") or environment.get("AWS_PROFILE")
    try:
        if profile:
            session.set_config_variable("profile", profile)
        region = _region(session, config, environment)
        if not config.get("profile") and environment.get("AWS_ACCESS_KEY_ID"):
            if not environment.get("AWS_SECRET_ACCESS_KEY"):
                raise Unauthenticated(
                    "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not. Set both."
                )
            session.set_credentials(
                environment["AWS_ACCESS_KEY_ID"],
                environment["AWS_SECRET_ACCESS_KEY"],
                environment.get("AWS_SESSION_TOKEN") or None,
            )
        if config.get("assume_role"):
            session = _assumed(session, request, region)
        credentials = session.get_credentials()
        if credentials is None:
            raise Unauthenticated(
                "There are no AWS credentials. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "or log in with: aws sso login"
            )
        made = boto3.Session(botocore_session=session, region_name=region)
    except BotoCoreError as problem:
        raise failure(problem, "sts:GetCallerIdentity", write=False) from None
    endpoints = {service: endpoint(service, config, environment) for service in SERVICES}

    def client(service: str) -> Any:
        try:
            return made.client(
                service,  # type: ignore[call-overload]
                endpoint_url=endpoints[service],
                config=_settings(request),
            )
        except BotoCoreError as problem:
            raise failure(problem, f"{service}:*", write=False) from None

    return client, credentials, region


def endpoint(service: str, config: Attributes, environment: Mapping[str, str]) -> str | None:
    """Where a service is reached instead of AWS's own endpoint; None for that one.

    Raises:
        Fatal: it is no URL, or speaks plain http to another machine.
    """
    found = (
        config.get("endpoint_url")
        or environment.get(f"AWS_ENDPOINT_URL_{service.upper()}")
        or environment.get("AWS_ENDPOINT_URL")
    )
    if not found:
        return None
    try:
        Origin.of(str(found))
    except Fatal as problem:
        raise Fatal(f"endpoint_url: {problem.message}") from None
    return str(found)


def _region(session: Any, config: Attributes, environment: Mapping[str, str]) -> str:
    return str(
        config.get("region")
        or environment.get("AWS_REGION")
        or environment.get("AWS_DEFAULT_REGION")
        or session.get_config_variable("region")
        or REGION
    )


def _settings(request: ConnectRequest) -> Any:
    from botocore.config import Config

    from perimeter import __version__

    return Config(
        # A retry that botocore makes by itself would hide that a write's answer was lost.
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=min(10.0, request.timeout),
        read_timeout=request.timeout,
        max_pool_connections=16,
        user_agent_extra=f"perimeter/{__version__}",
    )


def _assumed(session: Any, request: ConnectRequest, region: str) -> Any:
    """A session that acts as the role of ``assume_role`` and renews its credentials by itself."""
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    role: Mapping[str, Any] = request.config["assume_role"]
    source = session.get_credentials()
    if source is None:
        raise Unauthenticated(
            f"There are no AWS credentials with which to assume {role['role_arn']}. Set AWS_PROFILE, or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )

    def client(service: str, **keys: Any) -> Any:
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=endpoint(service, request.config, request.environment),
            config=_settings(request),
            **keys,
        )

    more = {"RoleSessionName": role.get("session_name") or "perimeter"}
    if role.get("external_id"):
        more["ExternalId"] = role["external_id"]
    if role.get("duration_seconds"):
        more["DurationSeconds"] = int(role["duration_seconds"])
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=client,
        source_credentials=source,
        role_arn=role["role_arn"],
        extra_args=more,
    )
    made = _new_session()
    made.set_config_variable("region", region)
    provided = made.get_component("credential_provider")
    provided.providers = [
        _Fixed(DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role"))
    ]
    return made


def _new_session() -> Any:
    """A botocore session that shares what was read of AWS's service models, which are large."""
    import botocore.session

    made = botocore.session.Session()
    made.register_component("data_loader", _loader())
    return made


@cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()


class _Fixed:
    """A credential provider of botocore's that has just these credentials."""

    METHOD = CANONICAL_NAME = "perimeter"

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load(self) -> Any:
        """The credentials."""
        return self._credentials


def _hush() -> None:
    """Silence botocore: its debug records quote whole answers, a new key's secret among them; perimeter logs each call itself."""
    for name in ("boto3", "botocore", "urllib3.connectionpool"):
        logger = logging.getLogger(name)
        if logger.level < logging.INFO:
            logger.setLevel(logging.INFO)
