"""The kinds of backends that are servers of their own: PostgreSQL, and HTTP in Terraform's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from perimeter.sdk.redact import SECRETS
from perimeter.state.codec import Codec
from perimeter.state.errors import StateError, state_error
from perimeter.state.http_backend import Endpoints, HttpBackend
from perimeter.state.http_exchange import Access
from perimeter.state.postgres import DEFAULT_SCHEMA, PostgresBackend
from perimeter.state.postgres_link import server_of
from perimeter.state.settings import (
    DEFAULT_WORKSPACE,
    Kind,
    Setting,
    SettingError,
    by_name,
    chosen,
)

_PG = by_name(
    (
        Setting(
            name="conn_str",
            secret=True,
            default="",
            environment=("PERIMETER_PG_CONN_STR", "PG_CONN_STR"),
            description="Connection string or URL; PGHOST, PGDATABASE, PGUSER, PGPASSWORD and libpq's other variables "
            "say what it leaves open.",
        ),
        Setting(
            name="schema_name",
            default=DEFAULT_SCHEMA,
            environment=("PERIMETER_PG_SCHEMA_NAME", "PG_SCHEMA_NAME"),
            description="Schema of the tables.",
        ),
        Setting(
            name="skip_schema_creation",
            kind="bool",
            default=False,
            environment=("PG_SKIP_SCHEMA_CREATION",),
            description="Do not make the schema.",
        ),
        Setting(
            name="skip_table_creation",
            kind="bool",
            default=False,
            environment=("PG_SKIP_TABLE_CREATION",),
            description="Do not make the tables.",
        ),
    )
)


def _http_setting(name: str, description: str, **more: Any) -> Setting:
    return Setting(
        name=name,
        description=description,
        environment=(f"PERIMETER_HTTP_{name.upper()}", f"TF_HTTP_{name.upper()}"),
        **more,
    )


_HTTP = by_name(
    (
        _http_setting("address", "URL of the state.", required=True),
        _http_setting("update_method", "Method that replaces the state.", default="POST"),
        _http_setting("lock_address", "URL of the lock; without it, nothing can be locked."),
        _http_setting("lock_method", "Method that takes the lock.", default="LOCK"),
        _http_setting("unlock_address", "URL that gives the lock back; lock_address by default."),
        _http_setting("unlock_method", "Method that gives the lock back.", default="UNLOCK"),
        _http_setting("username", "User of HTTP basic authentication."),
        _http_setting("password", "Its password.", secret=True),
        Setting(
            name="headers", kind="map", secret=True, description="More headers of each request."
        ),
        _http_setting(
            "skip_cert_verification",
            "Do not check the server's certificate.",
            kind="bool",
            default=False,
        ),
        _http_setting("retry_max", "How often a request is tried again.", kind="number", default=5),
        _http_setting("retry_wait_min", "Seconds before the second try.", kind="number", default=1),
        _http_setting(
            "retry_wait_max", "Seconds between tries at most.", kind="number", default=30
        ),
        _http_setting(
            "client_ca_certificate_pem", "Certificates to trust instead of the system's, in PEM."
        ),
        _http_setting(
            "client_certificate_pem", "Certificate by which the server knows the client, in PEM."
        ),
        _http_setting("client_private_key_pem", "Its private key, in PEM.", secret=True),
    )
)


def _number(found: Mapping[str, Any], name: str) -> int:
    value: int = found[name]
    if value < 0:
        raise SettingError(
            name, "Invalid value", f'"{name}" must be a whole number of zero or more.'
        )
    return value


def _pg(
    settings: Mapping[str, Any], workspace: str, codec: Codec, environment: Mapping[str, str]
) -> PostgresBackend:
    found = chosen(_PG, settings, environment)
    try:
        return PostgresBackend(
            found.get("conn_str", ""),
            found["schema_name"],
            workspace,
            codec,
            create_schema=not found["skip_schema_creation"],
            create_tables=not found["skip_table_creation"],
        )
    except StateError as problem:
        if problem.diagnostic.summary != "Invalid conn_str":
            raise
        raise SettingError(
            "conn_str", problem.diagnostic.summary, problem.diagnostic.detail
        ) from None


def _pg_workspaces(settings: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, ...]:
    backend = _pg(settings, DEFAULT_WORKSPACE, Codec(), environment)
    try:
        return tuple(sorted({DEFAULT_WORKSPACE, *backend.workspaces()}))
    finally:
        backend.close()


def _pg_delete(settings: Mapping[str, Any], name: str, environment: Mapping[str, str]) -> None:
    backend = _pg(settings, name, Codec(name), environment)
    try:
        backend.delete()
    finally:
        backend.close()


def _pg_describe(settings: Mapping[str, Any], workspace: str) -> str:
    schema = settings.get("schema_name") or DEFAULT_SCHEMA
    server = server_of(settings.get("conn_str") or "")
    return f'PostgreSQL{server}, schema "{schema}", workspace "{workspace}"'


def _http(
    settings: Mapping[str, Any], workspace: str, codec: Codec, environment: Mapping[str, str]
) -> HttpBackend:
    if workspace != DEFAULT_WORKSPACE:
        raise _no_workspaces()
    found = chosen(_HTTP, settings, environment)
    for name in ("address", "lock_address", "unlock_address"):
        if found.get(name):
            _check_address(name, found[name])
    if found.get("client_certificate_pem") and not found.get("client_private_key_pem"):
        raise SettingError(
            "client_certificate_pem",
            "Missing private key",
            'A "client_certificate_pem" needs its "client_private_key_pem" (PERIMETER_HTTP_CLIENT_PRIVATE_KEY_PEM).',
        )
    access = Access(
        username=found.get("username", ""),
        password=found.get("password", ""),
        headers=found.get("headers", {}),
        retry_max=_number(found, "retry_max"),
        retry_wait_min=_number(found, "retry_wait_min"),
        retry_wait_max=_number(found, "retry_wait_max"),
        verify=not found["skip_cert_verification"],
        ca=found.get("client_ca_certificate_pem", ""),
        certificate=found.get("client_certificate_pem", ""),
        key=found.get("client_private_key_pem", ""),
    )
    endpoints = Endpoints(
        address=found["address"],
        update_method=found["update_method"].upper(),
        lock_address=found.get("lock_address", ""),
        lock_method=found["lock_method"].upper(),
        unlock_address=found.get("unlock_address", ""),
        unlock_method=found["unlock_method"].upper(),
        access=access,
    )
    return HttpBackend(endpoints, codec)


def _check_address(name: str, address: str) -> None:
    try:
        url = urlsplit(address)
        port_fits = url.port is None or url.port > 0
    except ValueError:
        url, port_fits = urlsplit(""), False
    if url.password:
        SECRETS.add(url.password)
        raise SettingError(
            name,
            "Credentials in an address",
            f'"{name}" is shown and kept, so it may not hold credentials: use username and password '
            "(PERIMETER_HTTP_USERNAME, PERIMETER_HTTP_PASSWORD).",
        )
    if url.scheme not in ("http", "https") or not url.hostname or not port_fits:
        raise SettingError(name, "Invalid address", f'"{name}" must be an http or https URL.')


def _no_workspaces() -> StateError:
    return state_error(
        "Workspaces not supported",
        'The backend "http" holds one state and has no workspaces. Give each environment a backend address of '
        "its own: perimeter init -backend-config=address=URL",
    )


def _http_workspaces(
    _settings: Mapping[str, Any], _environment: Mapping[str, str]
) -> tuple[str, ...]:
    return (DEFAULT_WORKSPACE,)


def _http_delete(settings: Mapping[str, Any], name: str, environment: Mapping[str, str]) -> None:
    backend = _http(settings, name, Codec(name), environment)
    try:
        backend.delete()
    finally:
        backend.close()


def _http_describe(settings: Mapping[str, Any], _workspace: str) -> str:
    return str(settings.get("address") or "the address in PERIMETER_HTTP_ADDRESS")


PG = Kind(
    settings=_PG,
    open=_pg,
    workspaces=_pg_workspaces,
    delete_workspace=_pg_delete,
    describe=_pg_describe,
)
HTTP = Kind(
    settings=_HTTP,
    open=_http,
    workspaces=_http_workspaces,
    delete_workspace=_http_delete,
    describe=_http_describe,
)
