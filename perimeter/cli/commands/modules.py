"""``perimeter modules``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import Refused
from perimeter.cli.flags import VARIABLES
from perimeter.cli.workspace import HERE, early_variables
from perimeter.config.load import load
from perimeter.config.model import Config
from perimeter.config.sources.manifest import MANIFEST, parse_manifest


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    source: str
    version: str


@command("modules")
@flags(switch("json", "Print the list as JSON."), VARIABLES)
def run(invocation: Invocation, **given: Any) -> int:
    """Show all modules that the configuration calls, directly or through others."""
    config, diagnostics, sources = load(
        HERE,
        given=early_variables(invocation),
        workspace=workspaces.current(invocation.terminal.environment),
    )
    if config is None or diagnostics.has_errors:
        raise Refused(diagnostics, sources)
    entries = _entries(config)
    if given["json"]:
        data = {
            "format_version": "1.0",
            "modules": [
                {"key": item.key, "source": item.source, "version": item.version}
                for item in entries
            ],
        }
        invocation.terminal.print(json.dumps(data) + "\n")
        return 0
    if not entries:
        invocation.terminal.print("No modules found in configuration.\n")
        return 0
    lines = ["Modules declared by configuration:", "."]
    lines += _branches(config, (), "", {item.key: item for item in entries})
    invocation.terminal.print("\n" + "\n".join(lines) + "\n\n")
    return 0


def _entries(config: Config) -> list[_Entry]:
    try:
        records = parse_manifest((HERE / MANIFEST).read_bytes())
    except OSError:
        records = ()
    versions = {item.key: item.version for item in records}
    found = []
    for path, module in config.modules.items():
        for name, call in module.calls.items():
            key = ".".join((*path, name))
            found.append(_Entry(key, call.source, versions.get(key, "")))
    return sorted(found, key=lambda item: item.key)


def _branches(
    config: Config, path: tuple[str, ...], margin: str, entries: dict[str, _Entry]
) -> list[str]:
    lines = []
    names = sorted(config.modules[path].calls)
    for index, name in enumerate(names):
        item = entries[".".join((*path, name))]
        last = index == len(names) - 1
        version = f" ({item.version})" if item.version else ""
        lines.append(f'{margin}{"└──" if last else "├──"} "{name}"[{item.source}]{version}')
        if (*path, name) in config.modules:
            lines += _branches(
                config, (*path, name), margin + ("    " if last else "│   "), entries
            )
    return lines
