"""The kinds of backends there are, by the name in ``backend "NAME" {}``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from perimeter.state import objects_kinds, servers
from perimeter.state.backend import Backend
from perimeter.state.codec import Codec
from perimeter.state.errors import state_error
from perimeter.state.local import DEFAULT_PATH, REGISTRY_NAME, LocalBackend
from perimeter.state.settings import (
    DEFAULT_WORKSPACE,
    Kind,
    Setting,
    SettingError,
    by_name,
    chosen,
)

__all__ = ["DEFAULT_WORKSPACE", "KINDS", "Kind", "Setting", "SettingError", "by_name", "chosen"]

_WORKSPACE_DIR = "perimeter.state.d"
_LOCAL = by_name(
    (
        Setting(name="path", default=DEFAULT_PATH, description="Path of the state file."),
        Setting(
            name="workspace_dir",
            default=_WORKSPACE_DIR,
            description="Directory of the states of other workspaces than the default one.",
        ),
    )
)


def _local_path(settings: Mapping[str, Any], workspace: str) -> Path:
    found = chosen(_LOCAL, settings, {})
    if workspace == DEFAULT_WORKSPACE:
        return Path(found["path"])
    return Path(found["workspace_dir"]) / workspace / DEFAULT_PATH


def _local_registry(settings: Mapping[str, Any]) -> Path:
    return _local_path(settings, DEFAULT_WORKSPACE).absolute().parent / REGISTRY_NAME


def _local_open(
    settings: Mapping[str, Any],
    workspace: str,
    codec: Codec,
    _environment: Mapping[str, str],
) -> Backend:
    path = _local_path(settings, workspace)
    return LocalBackend(path, codec=codec, registry_path=_local_registry(settings))


def _local_workspaces(
    settings: Mapping[str, Any], _environment: Mapping[str, str]
) -> tuple[str, ...]:
    folder = _local_path(settings, "x").parent.parent
    try:
        names = {item.name for item in folder.iterdir() if item.is_dir() and _has_state(item)}
    except FileNotFoundError:
        names = set()
    except OSError as problem:
        raise state_error(
            "Could not list workspaces",
            f"{folder}: {problem.strerror}. Check its owner and mode.",
        ) from None
    return tuple(sorted({DEFAULT_WORKSPACE, *names}))


def _has_state(folder: Path) -> bool:
    return any(
        folder.joinpath(DEFAULT_PATH + suffix).exists() for suffix in ("", ".journal", ".lock")
    )


def _local_delete_workspace(
    settings: Mapping[str, Any], name: str, _environment: Mapping[str, str]
) -> None:
    path = _local_path(settings, name)
    try:
        for suffix in (".journal", ".history"):
            with suppress(FileNotFoundError):
                shutil.rmtree(path.with_name(path.name + suffix))
        for suffix in ("", ".backup", ".lock"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        if name != DEFAULT_WORKSPACE and not any(path.parent.iterdir()):
            path.parent.rmdir()
    except FileNotFoundError:
        return
    except OSError as problem:
        raise state_error(
            "Could not delete the workspace",
            f"{problem.filename}: {problem.strerror}. Check its owner and mode, then run again.",
        ) from None


def _local_describe(settings: Mapping[str, Any], workspace: str) -> str:
    return str(_local_path(settings, workspace))


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "local": Kind(
            settings=_LOCAL,
            open=_local_open,
            workspaces=_local_workspaces,
            delete_workspace=_local_delete_workspace,
            describe=_local_describe,
        ),
        "azurerm": objects_kinds.AZURERM,
        "gcs": objects_kinds.GCS,
        "http": servers.HTTP,
        "pg": servers.PG,
        "s3": objects_kinds.S3,
    }
)
