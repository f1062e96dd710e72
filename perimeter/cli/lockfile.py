"""``.perimeter.lock.hcl``: which providers, in which versions and with which content, a configuration was initialised with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perimeter.cli.installed import Selected

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


def lock_text(selected: Mapping[str, Selected]) -> str:
    """The lock file for a selection."""
    parts = [_HEAD]
    for name, item in sorted(selected.items()):
        lines = [f'provider "{name}" {{', f'  version     = "{item.version}"']
        if item.constraint:
            lines.append(f'  constraints = "{item.constraint}"')
        lines += [f'  package     = "{item.package}"', f'  hash        = "{item.digest}"', "}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)
