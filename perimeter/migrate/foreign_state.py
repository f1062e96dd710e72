"""Reading Terraform's state, version 4: which object each resource instance is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from perimeter.diagnostics import Diagnostics
from perimeter.hcl.writer import value_text
from perimeter.migrate.secrets import is_secret_name

VERSION = 4
_SHORTEST = 6
"""Shorter texts are too common to be looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One resource instance.

    Attributes:
        module: its module's address, such as ``module.team["a"]``; empty in the root.
        mode: managed or data.
        key: text or number; None without count and for_each.
    """

    module: str
    mode: str
    type: str
    name: str
    key: str | int | None
    attributes: Mapping[str, Any] = field(repr=False)

    @property
    def suffix(self) -> str:
        """The key as addresses show it."""
        return "" if self.key is None else f"[{value_text(self.key)}]"

    @property
    def address(self) -> str:
        """As Terraform writes it."""
        data = "data." if self.mode == "data" else ""
        module = f"{self.module}." if self.module else ""
        return f"{module}{data}{self.type}.{self.name}{self.suffix}"


@dataclass(frozen=True, kw_only=True)
class ForeignState:
    """A whole state.

    Attributes:
        secrets: texts in it that must appear nowhere.
        given: whether there is a state at all.
    """

    instances: tuple[Instance, ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    given: bool = False

    def of(self, mode: str, type_: str, name: str) -> list[Instance]:
        """The instances of a resource, in whichever module."""
        return self._by_name.get((mode, type_, name), [])

    @cached_property
    def _by_name(self) -> dict[tuple[str, str, str], list[Instance]]:
        found: dict[tuple[str, str, str], list[Instance]] = {}
        for item in self.instances:
            found.setdefault((item.mode, item.type, item.name), []).append(item)
        return found


def read_state(path: Path, diagnostics: Diagnostics) -> ForeignState:
    """Read a state file; what is wrong with it is reported."""
    try:
        data = json.loads(path.read_bytes())
    except OSError as failure:
        diagnostics.error(
            "Failed to read state", f'"{path}" could not be read: {failure.strerror}.'
        )
        return ForeignState()
    except (ValueError, RecursionError):
        _unusable(path, "is not JSON", diagnostics)
        return ForeignState()
    if not isinstance(data, dict) or "encrypted_data" in data:
        what = "is encrypted" if isinstance(data, dict) else "is no JSON object"
        _unusable(path, what, diagnostics)
        return ForeignState()
    if data.get("version") != VERSION:
        _unusable(
            path, f"has version {data.get('version')!r}, not {VERSION}, of the format", diagnostics
        )
        return ForeignState()
    try:
        resources = [item for item in data.get("resources") or () if item is not None]
        instances = tuple(_instances(resources))
        secrets = frozenset(_secrets(resources, data.get("outputs") or {}))
    except (AttributeError, KeyError, TypeError):
        _unusable(path, "does not have the form of Terraform's state", diagnostics)
        return ForeignState()
    return ForeignState(instances=instances, secrets=secrets, given=True)


def _unusable(path: Path, what: str, diagnostics: Diagnostics) -> None:
    diagnostics.error(
        "State cannot be read",
        f'"{path}" {what}. Give the file that this writes: terraform state pull > terraform.tfstate',
    )


def _instances(resources: list[Any]) -> Iterator[Instance]:
    for item in resources:
        for instance in item.get("instances") or ():
            if instance.get("deposed"):
                continue
            key = instance.get("index_key")
            yield Instance(
                module=str(item.get("module") or ""),
                mode=item.get("mode") or "managed",
                type=item["type"],
                name=item["name"],
                key=int(key) if isinstance(key, float) else key,
                attributes=dict(instance.get("attributes") or {}),
            )


def _secrets(resources: list[Any], outputs: Mapping[str, Any]) -> Iterator[str]:
    """Texts that the state marks as sensitive, or whose name says so."""
    for output in outputs.values():
        if output.get("sensitive"):
            yield from _long(output.get("value"))
    for item in resources:
        for instance in item.get("instances") or ():
            attributes = instance.get("attributes") or {}
            yield from _named(attributes)
            for path in instance.get("sensitive_attributes") or ():
                yield from _long(_at(attributes, path))


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _long(inner) if is_secret_name(str(name)) else _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def _at(value: Any, path: Any) -> Any:
    """Follow a path as states write it: a list of ``{"type": "get_attr", "value": NAME}``."""
    for step in path if isinstance(path, list) else ():
        key = step.get("value") if isinstance(step, Mapping) else None
        if isinstance(key, Mapping):
            key = key.get("value")
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _long(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) >= _SHORTEST and value.strip("*"):
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _long(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _long(inner)
