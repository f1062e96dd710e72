"""Backends in object stores by what a ``backend`` block says: ``s3``, ``gcs`` and ``azurerm``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from perimeter.state import objects_azure, objects_gcs, objects_s3
from perimeter.state.backend import Backend
from perimeter.state.codec import Codec
from perimeter.state.errors import StateError, state_error
from perimeter.state.objects import ObjectStore, StoreProblem, delete_all, require_obstore
from perimeter.state.objects_backend import REGISTRY_KEY, ObjectBackend
from perimeter.state.settings import (
    DEFAULT_WORKSPACE,
    Kind,
    Setting,
    SettingError,
    by_name,
    chosen,
)

REGISTRY = Setting(
    name="registry_key",
    default=REGISTRY_KEY,
    description="Key of the document in which the states of the bucket claim collections.",
)
_ODD = re.compile(r"[\x00-\x1f\x7f\\]|//|^/|/$|(^|/)\.{1,2}(/|$)")
_SIDECARS = (".journal", ".history")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the states of one kind lie.

    Attributes:
        key: ``(settings, workspace)`` to the state's key.
        parent: the folder to look into for workspaces.
        names: ``(settings, keys, folders)`` of that folder to names that may have a state.
    """

    key: Callable[[Mapping[str, Any], str], str]
    parent: Callable[[Mapping[str, Any]], str]
    names: Callable[[Mapping[str, Any], list[str], list[str]], set[str]]


def _s3_key(settings: Mapping[str, Any], workspace: str) -> str:
    if workspace == DEFAULT_WORKSPACE:
        return str(settings["key"])
    return f"{settings['workspace_key_prefix']}/{workspace}/{settings['key']}"


def _s3_names(_: Mapping[str, Any], _keys: list[str], folders: list[str]) -> set[str]:
    return {folder.rpartition("/")[2] for folder in folders}


def _gcs_key(settings: Mapping[str, Any], workspace: str) -> str:
    prefix = str(settings.get("prefix") or "").strip("/")
    return f"{prefix}/{workspace}{_GCS_SUFFIX}" if prefix else workspace + _GCS_SUFFIX


def _gcs_names(_: Mapping[str, Any], keys: list[str], _folders: list[str]) -> set[str]:
    names = {key.rpartition("/")[2] for key in keys}
    return {name.removesuffix(_GCS_SUFFIX) for name in names if name.endswith(_GCS_SUFFIX)}


def _azure_key(settings: Mapping[str, Any], workspace: str) -> str:
    key = str(settings["key"])
    return key if workspace == DEFAULT_WORKSPACE else f"{key}env:{workspace}"


def _azure_names(settings: Mapping[str, Any], keys: list[str], _folders: list[str]) -> set[str]:
    start = f"{settings['key']}env:"
    return {
        key[len(start) :] for key in keys if key.startswith(start) and not key.endswith(".lock")
    }


_GCS_SUFFIX = ".state.json"
_S3 = _Layout(_s3_key, lambda settings: str(settings["workspace_key_prefix"]), _s3_names)
_GCS = _Layout(_gcs_key, lambda settings: str(settings.get("prefix") or "").strip("/"), _gcs_names)
_AZURE = _Layout(_azure_key, lambda settings: str(settings["key"]).rpartition("/")[0], _azure_names)


def _kind(
    name: str,
    settings: tuple[Setting, ...],
    layout: _Layout,
    connect: Callable[[Mapping[str, Any], Mapping[str, str]], ObjectStore],
    bucket: Callable[[Mapping[str, Any]], str],
) -> Kind:
    known = by_name((*settings, REGISTRY))

    def store(found: Mapping[str, Any], environment: Mapping[str, str]) -> ObjectStore:
        require_obstore(name)
        return connect(found, environment)

    def open_(
        given: Mapping[str, Any], workspace: str, codec: Codec, environment: Mapping[str, str]
    ) -> Backend:
        found = _checked(chosen(known, given, environment))
        key = layout.key(found, workspace)
        registry = found["registry_key"]
        return ObjectBackend(store(found, environment), key, codec=codec, registry_key=registry)

    def workspaces(given: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, ...]:
        found = _checked(chosen(known, given, environment))
        bucket = store(found, environment)
        try:
            names = layout.names(found, *bucket.folder(layout.parent(found)))
            names = {item for item in names if bucket.etag(layout.key(found, item))}
        except StoreProblem as problem:
            raise _refused("Could not list workspaces", problem) from None
        return tuple(sorted({DEFAULT_WORKSPACE, *names}))

    def delete_workspace(
        given: Mapping[str, Any], name: str, environment: Mapping[str, str]
    ) -> None:
        found = _checked(chosen(known, given, environment))
        bucket = store(found, environment)
        key = layout.key(found, name)
        try:
            for suffix in _SIDECARS:
                delete_all(bucket, [item for item, _ in bucket.below(key + suffix)])
            bucket.delete(key)
            bucket.delete(f"{key}.lock")
        except StoreProblem as problem:
            raise _refused("Could not delete the workspace", problem) from None

    def describe(given: Mapping[str, Any], workspace: str) -> str:
        found = {item.name: item.default for item in known.values()} | {
            item: value for item, value in given.items() if value is not None
        }
        return f"{bucket(found)}/{layout.key(found, workspace)}"

    return Kind(
        settings=known,
        open=open_,
        workspaces=workspaces,
        delete_workspace=delete_workspace,
        describe=describe,
    )


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Refuse keys that one store would read otherwise than another."""
    for name in ("key", "workspace_key_prefix", "prefix", "registry_key"):
        value = settings.get(name)
        if value is None:
            continue
        if name == "prefix":
            value = value.strip("/")
        if _ODD.search(value):
            raise SettingError(
                name,
                "Invalid key",
                f'"{name}" must not begin or end with a slash and must hold no empty, "." or ".." '
                "step, backslash or control character.",
            )
    return settings


def _refused(summary: str, problem: StoreProblem) -> StateError:
    return state_error(summary, f"{problem.what} {problem.then}")


S3 = _kind("s3", objects_s3.SETTINGS, _S3, objects_s3.connect, objects_s3.place)
GCS = _kind("gcs", objects_gcs.SETTINGS, _GCS, objects_gcs.connect, objects_gcs.place)
AZURERM = _kind(
    "azurerm", objects_azure.SETTINGS, _AZURE, objects_azure.connect, objects_azure.place
)
