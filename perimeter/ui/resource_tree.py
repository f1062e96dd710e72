"""The module tree of resource instances that plan and state JSON share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perimeter.addresses import ROOT, Address, ModulePath


def identity(address: Address) -> dict[str, Any]:
    """The members that say which instance it is."""
    data: dict[str, Any] = {
        "address": str(address),
        "mode": address.mode,
        "type": address.type,
        "name": address.name,
    }
    if address.key is not None:
        data["index"] = address.key
    return data


def tree(items: Iterable[tuple[Address, dict[str, Any]]]) -> dict[str, Any]:
    """``root_module`` with resources and ``child_modules``, from instances in any order."""
    modules: dict[ModulePath, list[dict[str, Any]]] = {ROOT: []}
    for address, data in sorted(items, key=lambda item: item[0].sort_key):
        path = address.module
        for depth in range(len(path.steps) + 1):
            modules.setdefault(ModulePath(path.steps[:depth]), [])
        modules[path].append(data)
    made: dict[ModulePath, dict[str, Any]] = {}
    for path in sorted(modules, key=lambda item: (len(item.steps), item.sort_key)):
        node: dict[str, Any] = {}
        if modules[path]:
            node["resources"] = modules[path]
        if path.steps:
            node["address"] = str(path)
            made[ModulePath(path.steps[:-1])].setdefault("child_modules", []).append(node)
        made[path] = node
    return made[ROOT]
