"""Where Vault is and who perimeter is there: from the provider block, and from the environment as Vault's own tools read it.

https://developer.hashicorp.com/vault/docs/commands#environment-variables
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perimeter.sdk import (
    SECRETS,
    Auth,
    ConnectRequest,
    Fatal,
    HttpClient,
    MissingExtra,
    RenewedAuth,
    Token,
    path_of,
)
from perimeter_vault.client import VaultReader, VaultWriter, in_vaults_terms

_FALLBACK = 3600.0
"""Seconds after which a token without an end is asked for again."""


def connect(request: ConnectRequest, *, write: bool) -> VaultReader:
    """Make a client.

    Raises:
        MissingExtra: hvac is not installed.
        Fatal: address or credential are missing.
    """
    try:
        from perimeter_vault.transport import kv
    except ImportError:
        raise MissingExtra("vault", "vault") from None
    address = _given(request, "address", "VAULT_ADDR")
    if not address:
        raise Fatal("Vault's address is missing. Set VAULT_ADDR, or address in the provider block.")
    namespace = _given(request, "namespace", "VAULT_NAMESPACE").strip("/")
    headers = {"x-vault-request": "true"}
    if namespace:
        headers["x-vault-namespace"] = namespace
    shared: dict[str, Any] = {
        "capacity_share": float(request.config.get("capacity_share") or request.capacity_share),
        "on_wait": request.on_wait,
        "on_request": request.on_request,
        "timeout": request.timeout,
        "headers": headers,
        "error_map": in_vaults_terms,
    }
    auth, login = _auth(request, address, shared)
    http = HttpClient(address, auth, read_only=not write, **shared)
    kind = VaultWriter if write else VaultReader
    folders = tuple(str(item).strip("/") for item in request.config.get("folders") or ())
    return kind(http, kv(http), namespace=namespace, folders=folders, login=login)


def _auth(
    request: ConnectRequest, address: str, shared: Mapping[str, Any]
) -> tuple[Auth, HttpClient | None]:
    token = _given(request, "token", "VAULT_TOKEN")
    if token:
        return _fixed(token), None
    role_id = _given(request, "role_id", "VAULT_ROLE_ID")
    if role_id:
        body = {"role_id": role_id}
        secret_id = _given(request, "secret_id", "VAULT_SECRET_ID")
        if secret_id:
            SECRETS.add(secret_id)
            body["secret_id"] = secret_id
        mount = _given(request, "approle_mount", "VAULT_APPROLE_MOUNT") or "approle"
        return _logged_in(address, shared, mount, body)
    role = _given(request, "jwt_role", "VAULT_JWT_ROLE")
    if role:
        jwt = _given(request, "jwt", "VAULT_JWT") or _file(request, "VAULT_JWT_FILE")
        if not jwt:
            raise Fatal(
                "The token that proves who perimeter is to Vault's JWT method is missing. "
                "Set VAULT_JWT, or VAULT_JWT_FILE to a file that holds it."
            )
        SECRETS.add(jwt)
        mount = _given(request, "jwt_mount", "VAULT_JWT_MOUNT") or "jwt"
        return _logged_in(address, shared, mount, {"role": role, "jwt": jwt})
    kept = _kept(request)
    if kept:
        return _fixed(kept), None
    raise Fatal(
        "No credential for Vault. Set VAULT_TOKEN; or VAULT_ROLE_ID and VAULT_SECRET_ID; or VAULT_JWT_ROLE and VAULT_JWT; "
        "or run: vault login"
    )


def _fixed(token: str) -> Auth:
    SECRETS.add(token)
    return lambda: {"x-vault-token": token}


def _logged_in(
    address: str, shared: Mapping[str, Any], mount: str, body: Mapping[str, str]
) -> tuple[Auth, HttpClient]:
    path = "/v1/auth" + path_of(*mount.strip("/").split("/")) + "/login"
    # Making a token writes nothing that perimeter manages.
    login = HttpClient(
        address,
        read_only=True,
        post_reads=frozenset({path}),
        credential=f"login {mount}",
        **shared,
    )

    def fetch() -> Token:
        data = login.post_read(path, dict(body)).data
        found = data.get("auth") if isinstance(data, Mapping) else None
        if not isinstance(found, Mapping) or not isinstance(found.get("client_token"), str):
            raise Fatal(f"Vault's login at auth/{mount} gave no token.")
        SECRETS.add(found["client_token"])
        lifetime = float(found.get("lease_duration") or 0) or _FALLBACK
        return Token(headers={"x-vault-token": found["client_token"]}, lifetime=lifetime)

    return RenewedAuth(fetch), login


def _given(request: ConnectRequest, name: str, variable: str) -> str:
    return str(request.config.get(name) or request.environment.get(variable) or "").strip()


def _file(request: ConnectRequest, variable: str) -> str:
    name = request.environment.get(variable) or ""
    if not name:
        return ""
    try:
        return (Path(request.base_dir) / name).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise Fatal(f"The file that {variable} names cannot be read: {error}.") from None


def _kept(request: ConnectRequest) -> str:
    """The token that ``vault login`` leaves in the home directory."""
    home = request.environment.get("HOME")
    try:
        return (Path(home) / ".vault-token").read_text(encoding="utf-8").strip() if home else ""
    except (OSError, ValueError):
        return ""
