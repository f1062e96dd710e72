"""What is known while a module is translated: its names, what has gone, and the state behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perimeter.migrate.catalogue import Catalogue, KnownType
from perimeter.migrate.foreign_state import ForeignState, Instance
from perimeter.migrate.read import ForeignFile
from perimeter.migrate.tree import Block

MISSING = object()
"""What the state says of a value that it does not hold, or not alike for all instances."""

Key = tuple[str, ...]
"""What may be referred to: ("local", NAME), ("module", NAME[, OUTPUT]), ("data", TYPE, NAME), (TYPE, NAME)."""

_INDEX = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A foreign resource or data source.

    Attributes:
        known: its counterpart; None without.
        name: ours; another one where two foreign types become one and use a name twice.
    """

    block: Block
    mode: str
    known: KnownType | None
    name: str

    @property
    def key(self) -> Key:
        """By which others refer to it."""
        return (*(("data",) if self.mode == "data" else ()), *self.block.labels)

    @property
    def repeated(self) -> bool:
        """Whether it has count or for_each."""
        return not self.block.body.arguments.keys().isdisjoint({"count", "for_each"})


@dataclass(slots=True, kw_only=True)
class Scope:
    """One module.

    Attributes:
        directory: where it lies.
        out: where its translation goes, from the output directory.
        paths: the addresses it is called at, without keys: "" for the root, ``module.team``.
        declared: its resources and data sources.
        gone: what has no counterpart, and why; it grows until nothing more depends on it.
        calls: the local modules that it calls, by the call's name.
        by_type: its resources by their foreign types.
    """

    directory: Path
    out: str
    files: list[ForeignFile]
    catalogue: Catalogue
    state: ForeignState
    paths: set[str] = field(default_factory=set)
    declared: dict[Key, Declared] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    gone: dict[Key, str] = field(default_factory=dict)
    calls: dict[str, Scope] = field(default_factory=dict)
    by_type: dict[str, list[Declared]] = field(default_factory=dict)

    def blocks(self) -> Iterator[tuple[ForeignFile, Block]]:
        """All blocks with their files."""
        for file in self.files:
            for block in file.body.blocks:
                yield file, block

    def instances(self, declared: Declared) -> list[Instance]:
        """The instances of a resource in the state."""
        type_, name = declared.block.labels
        return [
            item
            for item in self.state.of(declared.mode, type_, name)
            if _INDEX.sub("", item.module) in self.paths
        ]

    def value(self, declared: Declared, path: tuple[str, ...]) -> Any:
        """What the state holds at a path of every instance alike; ``MISSING`` otherwise."""
        found = [_at(item.attributes, path) for item in self.instances(declared)]
        if not found or any(value != found[0] for value in found):
            return MISSING
        return found[0]

    def is_gone(self, names: Key) -> bool:
        """Whether a traversal names something that has no counterpart."""
        if names[:2] in self.gone or names[:3] in self.gone:
            return True
        if names[0] == "module" and len(names) > 2 and names[1] in self.calls:
            return ("output", names[2]) in self.calls[names[1]].gone
        return False


def declare(scope: Scope) -> None:
    """Collect the module's resources and data sources, its provider sources, and give names."""
    taken: set[tuple[str, str, str]] = set()
    for _, block in scope.blocks():
        if block.type == "terraform":
            _required(block, scope)
        if block.type not in ("resource", "data") or len(block.labels) != 2:
            continue
        mode = "managed" if block.type == "resource" else "data"
        table: Mapping[str, KnownType] = (
            scope.catalogue.resources if mode == "managed" else scope.catalogue.data_sources
        )
        known = table.get(block.labels[0])
        name = wanted = block.labels[1]
        if known is not None:
            number = 2
            while (mode, known.mapping.type, name) in taken:
                name = f"{wanted}_{number}"
                number += 1
            taken.add((mode, known.mapping.type, name))
        declared = Declared(block=block, mode=mode, known=known, name=name)
        scope.declared[declared.key] = declared
        if mode == "managed":
            scope.by_type.setdefault(block.labels[0], []).append(declared)
        if known is None:
            scope.gone[declared.key] = why_unknown(block, scope.catalogue)


def why_unknown(block: Block, catalogue: Catalogue) -> str:
    """Why a resource or data source has no counterpart."""
    what = "data source" if block.type == "data" else "resource type"
    if block.type == "resource" and block.labels[0] in catalogue.without:
        return catalogue.without[block.labels[0]]
    return f"no provider of perimeter has a counterpart of the {what} {block.labels[0]}"


def _required(block: Block, scope: Scope) -> None:
    for inner in block.body.blocks:
        if inner.type != "required_providers":
            continue
        for name, argument in inner.body.arguments.items():
            match = re.search(r'\bsource"?\s*[=:]\s*"([^"]+)"', argument.expr.text)
            if match:
                scope.sources[name] = match[1]


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        value = value.get(name, MISSING) if isinstance(value, Mapping) else MISSING
    return value
