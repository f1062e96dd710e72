"""Vault's KV engine as the resource type uses it: one client that only reads, one that also writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from perimeter.sdk import (
    Answer,
    Budget,
    Conflict,
    Fatal,
    Forbidden,
    HttpClient,
    Invalid,
    NotFound,
    ProviderError,
    Retryable,
    Unauthenticated,
)


def in_vaults_terms(answer: Answer) -> ProviderError | None:
    """What Vault's status codes alone do not tell; None for the usual reading.

    https://developer.hashicorp.com/vault/api-docs#http-status-codes
    """
    if answer.status < 400:
        return None
    data = answer.data
    said = " ".join(map(str, data.get("errors") or ())) if isinstance(data, Mapping) else ""
    if answer.status == 403 and ("invalid token" in said or "token expired" in said):
        return Unauthenticated("Vault refused the token: it is wrong, has expired or was revoked.")
    if answer.status == 400 and "check-and-set parameter did not match" in said:
        return Conflict("Somebody else wrote to the secret meanwhile; nothing was written.")
    if answer.status == 503 and (
        "sealed" in said or (isinstance(data, Mapping) and data.get("sealed") is True)
    ):
        return Fatal("Vault is sealed. Somebody has to unseal it before perimeter can go on.")
    return None


class VaultReader:
    """Reads; used by several threads at once.

    Args:
        http: the client for the server.
        kv: hvac's calls over ``http``.
        namespace: the namespace in use, empty for the root.
        folders: the only folders, each ``MOUNT/FOLDER``, whose secrets are listed; empty for all mounts that Vault shows.
        login: the client that tokens come from, to be closed with this one.
    """

    def __init__(
        self,
        http: HttpClient,
        kv: Any,
        *,
        namespace: str = "",
        folders: tuple[str, ...] = (),
        login: HttpClient | None = None,
    ) -> None:
        self.http = http
        self.kv = kv
        self.namespace = namespace
        self.folders = folders
        self._login = login
        self._lock = threading.Lock()
        self._mounts: tuple[str, ...] | None = None

    def server(self) -> Mapping[str, Any]:
        """What the server tells everybody about itself, its cluster's id among it."""
        path = "/v1/sys/health"
        # Any node may answer; and only the root namespace knows the path.
        params = {"standbyok": True, "perfstandbyok": True}
        data = self.http.get(path, params, headers={"x-vault-namespace": ""}).data
        if not isinstance(data, Mapping) or not isinstance(data.get("cluster_id"), str):
            raise Retryable("This host does not answer as a Vault server. Check VAULT_ADDR.")
        return data

    def own_token(self) -> Mapping[str, Any]:
        """What the token in use is, without the token."""
        with self.explained("read", "auth/token/lookup-self"):
            data = self.http.get("/v1/auth/token/lookup-self").data
        found = data.get("data") if isinstance(data, Mapping) else None
        if not isinstance(found, Mapping):
            raise Retryable("auth/token/lookup-self: the answer holds no object.")
        return {name: value for name, value in found.items() if name != "id"}

    def mounts(self) -> tuple[str, ...]:
        """The KV engines of version 2 that Vault shows to the token, read once."""
        with self._lock:
            if self._mounts is None:
                with self.explained("read", "sys/internal/ui/mounts"):
                    answer = self.http.get("/v1/sys/internal/ui/mounts").data
                shown = (answer.get("data") or {}).get("secret") or {}
                self._mounts = tuple(
                    sorted(
                        name.strip("/")
                        for name, about in shown.items()
                        if about.get("type") in {"kv", "generic"}
                        and str((about.get("options") or {}).get("version")) == "2"
                    )
                )
            return self._mounts

    def places(self) -> list[tuple[str, str]]:
        """Where to look for secrets: (mount, folder) pairs.

        Raises:
            Invalid: a folder lies in no KV engine of version 2 that Vault shows to the token.
        """
        mounts = self.mounts()
        if not self.folders:
            return [(mount, "") for mount in mounts]
        found = []
        for folder in self.folders:
            fits = [m for m in mounts if folder == m or folder.startswith(m + "/")]
            if not fits:
                raise Invalid(
                    f"{folder} lies in no KV engine of version 2 that Vault shows to this token. These are shown: "
                    f"{', '.join(mounts) or 'none'}. Correct folders in the provider block, or the token's policy."
                )
            mount = max(fits, key=len)
            found.append((mount, folder[len(mount) :].strip("/")))
        return found

    def paths(self, mount: str, folder: str = "") -> list[str]:
        """The paths of all secrets of a mount below a folder: a call per folder, as Vault has no other list."""
        found: list[str] = []
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            try:
                with self.explained("list", f"{mount}/metadata/{place}"):
                    answer = self.kv.list_secrets(path=place, mount_point=mount)
            except NotFound:
                continue  # an empty folder does not exist
            for key in answer["data"]["keys"]:
                path = f"{place}/{key}" if place else str(key)
                if path.endswith("/"):
                    waiting.append(path.rstrip("/"))
                else:
                    found.append(path)
        return sorted(found)

    def metadata(self, mount: str, path: str) -> Mapping[str, Any] | None:
        """A secret's settings and versions, without values; None when Vault says that it does not exist."""
        try:
            with self.explained("read", f"{mount}/metadata/{path}"):
                answer = self.kv.read_secret_metadata(path=path, mount_point=mount)
        except NotFound:
            return None
        found = answer.get("data") if isinstance(answer, Mapping) else None
        if not isinstance(found, Mapping):
            raise Retryable(f"{mount}/metadata/{path}: the answer holds no object.")
        return found

    def value(self, mount: str, path: str, version: int | None = None) -> Mapping[str, Any] | None:
        """A version's fields, by default the current one's; None when there is none, or it was deleted or destroyed."""
        try:
            with self.explained("read", f"{mount}/data/{path}"):
                answer = self.kv.read_secret_version(
                    path=path, version=version, mount_point=mount, raise_on_deleted_version=True
                )
        except NotFound:
            return None
        fields = (answer.get("data") or {}).get("data")
        return fields if isinstance(fields, Mapping) else None

    @contextmanager
    def explained(self, capability: str, path: str) -> Iterator[None]:
        """Name the capability that a refused call needs, which Vault does not."""
        try:
            yield
        except Forbidden as refused:
            refused.needs = refused.needs or f"{capability} on {path}"
            raise

    def budget(self) -> tuple[Budget, ...]:
        """What is left of the credential's allowances."""
        return self.http.budget()

    @property
    def date(self) -> datetime | None:
        """The server's clock, as last seen."""
        return self.http.date

    def close(self) -> None:
        """Release connections."""
        self.http.close()
        if self._login is not None:
            self._login.close()


class VaultWriter(VaultReader):
    """Reads and writes."""

    def put(
        self, mount: str, path: str, fields: Mapping[str, Any], *, after: int
    ) -> tuple[int, str]:
        """Write a new version, unless somebody wrote since version ``after``; its number and the request's id.

        Raises:
            Conflict: somebody did.
        """
        with self.explained("create and update", f"{mount}/data/{path}"):
            answer = self.kv.create_or_update_secret(
                path=path, secret=dict(fields), cas=after, mount_point=mount
            )
        return int(answer["data"]["version"]), str(answer.get("request_id") or "")

    def settle(self, mount: str, path: str, settings: Mapping[str, Any]) -> None:
        """Write a secret's settings; makes the secret, without any version, where there is none."""
        with self.explained("create and update", f"{mount}/metadata/{path}"):
            self.kv.update_metadata(path=path, mount_point=mount, **settings)

    def remove(self, mount: str, path: str) -> None:
        """Remove a secret with all its versions; what is gone already counts as removed."""
        try:
            with self.explained("delete", f"{mount}/metadata/{path}"):
                self.kv.delete_metadata_and_all_versions(path=path, mount_point=mount)
        except NotFound:
            return
