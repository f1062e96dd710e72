"""The KV engine, version 2: settings, versions, check-and-set.

Written from https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perimeter.sandbox.wire import Request, Response
from perimeter_vault.sandbox.answers import (
    Data,
    Refusal,
    body_of,
    framed,
    moment,
    printed,
    seconds_of,
)

_KEPT = 10
"""Versions that Vault keeps where nothing else is said."""


class Engine:
    """One mounted engine.

    Args:
        secrets: by path; changed in place.
        clock: seconds since 1970.
    """

    def __init__(self, secrets: Data, clock: Callable[[], float]) -> None:
        self.secrets = secrets
        self.clock = clock

    def handle(self, request: Request, part: str, path: str) -> Response:
        """Answer a call below ``MOUNT/data`` or ``MOUNT/metadata``."""
        listing = request.method == "LIST" or request.query.get("list") == "true"
        if part == "metadata" and (listing or path.endswith("/")):
            return self._listed(path)
        handler = {
            ("GET", "data"): self._value,
            ("POST", "data"): self._put,
            ("PUT", "data"): self._put,
            ("GET", "metadata"): self._metadata,
            ("POST", "metadata"): self._settle,
            ("PUT", "metadata"): self._settle,
            ("DELETE", "metadata"): self._remove,
        }.get((request.method, part))
        if handler is None:
            raise Refusal(405, "1 error occurred:\n\t* unsupported operation\n\n")
        return handler(request, path)

    def _listed(self, folder: str) -> Response:
        prefix = folder.strip("/") + "/" if folder.strip("/") else ""
        keys = set()
        for path in self.secrets:
            if path.startswith(prefix):
                head, slash, _ = path[len(prefix) :].partition("/")
                keys.add(head + slash)
        if not keys:
            raise Refusal(404)
        return framed({"keys": sorted(keys)})

    def _metadata(self, _: Request, path: str) -> Response:
        secret = self._known(path)
        versions = {
            number: {name: value for name, value in version.items() if name != "data"}
            for number, version in secret["versions"].items()
        }
        return framed({**secret, "versions": versions})

    def _settle(self, request: Request, path: str) -> Response:
        body = body_of(request)
        changes: Data = {}
        for name, kind in (("max_versions", int), ("cas_required", bool)):
            if name in body:
                if not isinstance(body[name], kind):
                    raise Refusal(400, f"error parsing {name}")
                changes[name] = body[name]
        if "delete_version_after" in body:
            changes["delete_version_after"] = printed(seconds_of(body["delete_version_after"]))
        notes = body.get("custom_metadata")
        if notes is not None:
            sizes = [(len(key), len(str(value))) for key, value in notes.items()]
            if len(notes) > 64 or any(key > 128 or value > 512 for key, value in sizes):
                raise Refusal(400, "custom_metadata validation failed")
            changes["custom_metadata"] = notes
        secret = self._made(path)
        secret.update(changes, updated_time=moment(self.clock()))
        return Response(status=204)

    def _remove(self, _: Request, path: str) -> Response:
        self.secrets.pop(path, None)
        return Response(status=204)

    def _value(self, request: Request, path: str) -> Response:
        secret = self._known(path)
        number = request.query.get("version") or "0"
        number = str(secret["current_version"]) if number == "0" else number
        version = secret["versions"].get(number)
        if version is None:
            raise Refusal(404)
        about = {
            **{name: value for name, value in version.items() if name != "data"},
            "version": int(number),
            "custom_metadata": secret["custom_metadata"],
        }
        if version["destroyed"] or version["deletion_time"]:
            response = framed({"data": None, "metadata": about})
            return Response(status=404, body=response.body)
        return framed({"data": version["data"], "metadata": about})

    def _put(self, request: Request, path: str) -> Response:
        body = body_of(request)
        if not isinstance(body.get("data"), dict):
            raise Refusal(400, "no data provided")
        existing = self.secrets.get(path)
        current = existing["current_version"] if existing else 0
        options = body.get("options") or {}
        required = bool(existing and existing["cas_required"])
        if required and options.get("cas") is None:
            raise Refusal(400, "check-and-set parameter required for this call")
        if options.get("cas") is not None and options["cas"] != current:
            raise Refusal(400, "check-and-set parameter did not match the current version")
        secret = self._made(path)
        now = moment(self.clock())
        number = current + 1
        version = {"created_time": now, "deletion_time": "", "destroyed": False}
        secret["versions"][str(number)] = {**version, "data": body["data"]}
        kept = secret["max_versions"] or _KEPT
        for old in sorted(map(int, secret["versions"]))[:-kept]:
            del secret["versions"][str(old)]
        secret["current_version"] = number
        secret["oldest_version"] = min(map(int, secret["versions"]))
        secret["updated_time"] = now
        about: dict[str, Any] = {**version, "version": number}
        return framed({**about, "custom_metadata": secret["custom_metadata"]})

    def _known(self, path: str) -> Data:
        if path not in self.secrets:
            raise Refusal(404)
        found: Data = self.secrets[path]
        return found

    def _made(self, path: str) -> Data:
        now = moment(self.clock())
        fresh = {
            "cas_required": False,
            "created_time": now,
            "current_version": 0,
            "custom_metadata": None,
            "delete_version_after": "0s",
            "max_versions": 0,
            "oldest_version": 0,
            "updated_time": now,
            "versions": {},
        }
        found: Data = self.secrets.setdefault(path, fresh)
        return found
