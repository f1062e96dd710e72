"""``.perimeter.lock.hcl``: which providers and modules, in which versions and with which content, a configuration uses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from perimeter.cli.installed import Selected
    from perimeter.config.sources.lock import LockedModule

LOCK_FILE = Path(".perimeter.lock.hcl")

_HEAD = """\
# This file is maintained automatically by "perimeter init".
# Manual edits may be lost in future updates.
"""
_BLOCK = re.compile(r'^provider "(?P<name>[^"]+)" \{\n(?P<body>.*?)^\}', re.MULTILINE | re.DOTALL)
_VALUE = re.compile(r'^\s*(?P<key>\w+)\s*=\s*"(?P<value>[^"]*)"', re.MULTILINE)


def read_lock(path: Path) -> dict[str, dict[str, str]]:
    """Arguments by provider; empty when there is no lock file. Only what ``write_lock`` writes is understood."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return {}
    return {
        block["name"]: {item["key"]: item["value"] for item in _VALUE.finditer(block["body"])}
        for block in _BLOCK.finditer(text)
    }


def read_selections(path: Path) -> dict[str, str]:
    """Locked versions by provider."""
    return {name: item.get("version", "") for name, item in read_lock(path).items()}


def read_modules(path: Path) -> tuple[LockedModule, ...]:
    """Locked modules; none when there is no lock file."""
    from perimeter.config.sources.lock import parse_locked

    try:
        return parse_locked(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ()


def lock_text(selected: Mapping[str, Selected], modules: Iterable[LockedModule] = ()) -> str:
    """The lock file for a selection."""
    providers = []
    for name, item in sorted(selected.items()):
        lines = [f'provider "{name}" {{', f'  version     = "{item.version}"']
        if item.constraint:
            lines.append(f'  constraints = "{item.constraint}"')
        lines += [f'  package     = "{item.package}"', f'  hash        = "{item.digest}"', "}"]
        providers.append("\n".join(lines))
    return _text(providers, modules)


def with_modules(text: str, modules: Iterable[LockedModule]) -> str:
    """A lock file's text with other modules; its providers stay as they are."""
    return _text([block[0] for block in _BLOCK.finditer(text)], modules)


def _text(providers: list[str], modules: Iterable[LockedModule]) -> str:
    from perimeter.config.sources.lock import locked_text

    parts = [_HEAD, *(f"{block}\n" for block in providers)]
    more = locked_text(modules)
    return "\n".join([*parts, more] if more else parts)
