"""Secret Manager: secrets that are not regional, and their versions.

Written from https://cloud.google.com/secret-manager/docs/reference/rest
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable

from perimeter.sandbox.wire import Request, Response
from perimeter_google.sandbox.answers import (
    Data,
    body_of,
    compact,
    invalid,
    missing,
    moment,
    refuse,
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_WRITABLE = {"labels", "annotations", "versionDestroyTtl", "etag", "replication"}
_LARGEST = 65536


class SecretManager:
    """The secrets of one project.

    Args:
        secrets: by id; changed in place.
        number: the project's.
        clock: seconds since 1970.
    """

    def __init__(self, secrets: Data, number: str, clock: Callable[[], float]) -> None:
        self.secrets = secrets
        self.number = number
        self.clock = clock

    def list(self, request: Request) -> Response:
        """``projects.secrets.list``, newest first."""
        size = min(int(request.query.get("pageSize") or 25000), 25000)
        start = int(request.query.get("pageToken") or 0)
        names = sorted(self.secrets, key=lambda n: self.secrets[n]["createTime"], reverse=True)
        page = names[start : start + size]
        body: Data = {"totalSize": len(names)}
        if page:
            body["secrets"] = [self._shown(name) for name in page]
        if start + size < len(names):
            body["nextPageToken"] = str(start + size)
        return Response(body=body)

    def create(self, request: Request) -> Response:
        """``projects.secrets.create``."""
        name = request.query.get("secretId", "")
        body = body_of(request)
        if not _NAME.fullmatch(name):
            raise invalid("The secret ID is invalid.")
        if name in self.secrets:
            message = f"Secret [projects/{self.number}/secrets/{name}] already exists."
            raise refuse(409, "ALREADY_EXISTS", message)
        replication = body.get("replication") or {}
        if len(replication) != 1 or not set(replication) <= {"automatic", "userManaged"}:
            raise invalid("Secret.replication is required.")
        if "userManaged" in replication and not replication["userManaged"].get("replicas"):
            raise invalid("Secret.replication.user_managed.replicas cannot be empty.")
        self._checked(body)
        held = {key: value for key, value in body.items() if key in _WRITABLE - {"etag"}}
        self.secrets[name] = {**held, "createTime": moment(self.clock()), "versions": {}}
        return Response(body=self._shown(name))

    def get(self, _: Request, name: str) -> Response:
        """``projects.secrets.get``."""
        self._known(name)
        return Response(body=self._shown(name))

    def patch(self, request: Request, name: str) -> Response:
        """``projects.secrets.patch``."""
        held = self._known(name)
        body = body_of(request)
        self._checked(body)
        mask = [field for field in request.query.get("updateMask", "").split(",") if field]
        if not mask or not set(mask) <= _WRITABLE - {"etag", "replication"}:
            raise invalid(f"The update mask {mask} is empty or names fields that cannot change.")
        if body.get("etag") not in (None, self._etag(name)):
            raise refuse(409, "ABORTED", "The etag does not match the current one of the secret.")
        for field in mask:
            if field in body:
                held[field] = body[field]
            else:
                held.pop(field, None)
        return Response(body=self._shown(name))

    def delete(self, _: Request, name: str) -> Response:
        """``projects.secrets.delete``."""
        self._known(name)
        del self.secrets[name]
        return Response(body={})

    def add(self, request: Request, name: str) -> Response:
        """``projects.secrets.addVersion``."""
        held = self._known(name)
        payload = body_of(request).get("payload") or {}
        try:
            data = base64.b64decode(payload.get("data", ""), validate=True)
        except (binascii.Error, ValueError):
            raise invalid("The payload is not in base64.") from None
        if len(data) > _LARGEST:
            raise invalid("The payload is larger than 64 KiB.")
        sent = payload.get("dataCrc32c")
        if sent is not None and int(sent) != _crc32c(data):
            raise invalid("The checksum does not match the payload.")
        number = str(max(map(int, held["versions"]), default=0) + 1)
        held["versions"][number] = {
            "createTime": moment(self.clock()),
            "state": "ENABLED",
            "data": base64.b64encode(data).decode("ascii"),
            "checked": sent is not None,
        }
        return Response(body=self._version(name, number))

    def version(self, _: Request, name: str, number: str) -> Response:
        """``projects.secrets.versions.get``."""
        return Response(body=self._version(name, self._numbered(name, number)))

    def access(self, _: Request, name: str, number: str) -> Response:
        """``projects.secrets.versions.access``."""
        number = self._numbered(name, number)
        held = self.secrets[name]["versions"][number]
        if held["state"] != "ENABLED":
            raise refuse(
                400,
                "FAILED_PRECONDITION",
                f"Secret Version [{self._path(name, number)}] is in {held['state']} state.",
            )
        data = base64.b64decode(held["data"])
        payload = {"data": held["data"], "dataCrc32c": str(_crc32c(data))}
        return Response(body={"name": self._path(name, number), "payload": payload})

    def disable(self, request: Request, name: str, number: str) -> Response:
        """``projects.secrets.versions.disable``."""
        body_of(request)
        number = self._numbered(name, number)
        held = self.secrets[name]["versions"][number]
        if held["state"] == "DESTROYED":
            raise refuse(400, "FAILED_PRECONDITION", "The version is destroyed.")
        held["state"] = "DISABLED"
        return Response(body=self._version(name, number))

    def _checked(self, body: Data) -> None:
        unknown = set(body) - _WRITABLE
        if unknown:
            raise invalid(f"Unknown name {sorted(unknown)} at 'secret'.")
        for key, value in (body.get("labels") or {}).items():
            if not _LABEL.fullmatch(value) or not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key):
                raise invalid(f"The label {key} is invalid.")

    def _known(self, name: str) -> Data:
        if name not in self.secrets:
            raise missing(f"Secret [projects/{self.number}/secrets/{name}]")
        found: Data = self.secrets[name]
        return found

    def _numbered(self, name: str, number: str) -> str:
        versions = self._known(name)["versions"]
        wanted = str(max(map(int, versions), default=0)) if number == "latest" else number
        if wanted not in versions:
            raise missing(f"Secret Version [{self._path(name, number)}]")
        return wanted

    def _shown(self, name: str) -> Data:
        held = self.secrets[name]
        shown = {key: value for key, value in held.items() if key != "versions"}
        path = f"projects/{self.number}/secrets/{name}"
        return {"name": path, **shown, "etag": self._etag(name)}

    def _version(self, name: str, number: str) -> Data:
        held = self.secrets[name]["versions"][number]
        shown = {key: held[key] for key in ("createTime", "state")}
        if held.get("checked"):
            shown["clientSpecifiedPayloadChecksum"] = True
        return {"name": self._path(name, number), **shown, "etag": f'"{number}{held["state"]}"'}

    def _path(self, name: str, number: str) -> str:
        return f"projects/{self.number}/secrets/{name}/versions/{number}"

    def _etag(self, name: str) -> str:
        held = {key: value for key, value in self.secrets[name].items() if key != "versions"}
        return f'"{hashlib.sha256(compact(held)).hexdigest()[:12]}"'


def _crc32c(data: bytes) -> int:
    """CRC-32C by its table, as RFC 3720 gives it."""
    table = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = value >> 1 ^ 0x82F63B78 * (value & 1)
        table.append(value)
    found = 0xFFFFFFFF
    for byte in data:
        found = table[(found ^ byte) & 0xFF] ^ found >> 8
    return found ^ 0xFFFFFFFF
