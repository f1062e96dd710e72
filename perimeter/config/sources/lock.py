"""The modules of ``.perimeter.lock.hcl``: which commit or version of each, and with which content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from perimeter.config.literals import plain_text
from perimeter.hcl import parse_file
from perimeter.hcl.writer import quote

LOCK_FILE = Path(".perimeter.lock.hcl")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class LockedModule:
    """One package that modules come from.

    Attributes:
        package: the source address without the folder inside.
        version: of a registry module; empty for others.
        commit: of a git repository; empty for others.
        hash: of the content; see ``digest.tree_hash``.
    """

    package: str
    version: str = ""
    commit: str = ""
    hash: str


def parse_locked(text: str) -> tuple[LockedModule, ...]:
    """The modules in a lock file's text; what is no whole ``module`` block is left out."""
    if "module" not in text:
        return ()
    body, _ = parse_file(text, LOCK_FILE.name)
    found = set()
    for block in body.blocks:
        if block.type != "module" or len(block.labels) != 1:
            continue
        values = {
            name: plain_text(attribute.expr) or ""
            for name, attribute in block.body.attributes.items()
        }
        if not values.get("hash"):
            continue
        found.add(
            LockedModule(
                package=block.labels[0],
                version=values.get("version", ""),
                commit=values.get("commit", ""),
                hash=values["hash"],
            )
        )
    return tuple(sorted(found))


def locked_text(modules: Iterable[LockedModule]) -> str:
    """The blocks of modules, in a fixed order; empty where there are none."""
    parts = []
    for item in sorted(modules):
        pairs = [("version", item.version), ("commit", item.commit), ("hash", item.hash)]
        given = [(key, value) for key, value in pairs if value]
        width = max(len(key) for key, _ in given)
        lines = [f"module {quote(item.package)} {{"]
        lines += [f"  {key:<{width}} = {quote(value)}" for key, value in given]
        parts.append("\n".join([*lines, "}"]) + "\n")
    return "\n".join(parts)
