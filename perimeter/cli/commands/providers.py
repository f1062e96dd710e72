"""``perimeter providers``."""

from __future__ import annotations

from typing import Any

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command
from perimeter.cli.failure import Refused
from perimeter.cli.workspace import HERE, place, remembered_state
from perimeter.config.load import load
from perimeter.config.model import Config, Module
from perimeter.config.providers import entry_point_of


@command("providers")
def run(invocation: Invocation, **_given: Any) -> int:
    """Show which providers each module requires, and which the state needs."""
    config, diagnostics, sources = load(
        HERE, workspace=workspaces.current(invocation.terminal.environment)
    )
    if config is None or diagnostics.has_errors:
        raise Refused(diagnostics, sources)
    lines = ["", "Providers required by configuration:", "."]
    lines += _branches(config, config.root, "")
    state = remembered_state(place(config, invocation=invocation))
    needed = sorted(
        {item.provider for instance in state.resources.values() for item in instance.objects}
    )
    if needed:
        lines += ["", "Providers required by state:", ""]
        lines += [f"    provider[{name}]" for name in needed]
    invocation.terminal.print("\n".join(lines) + "\n\n")
    return 0


def _branches(config: Config, module: Module, margin: str) -> list[str]:
    names = {
        entry_point_of(module, ref)
        for ref in (
            *(item.name for item in module.required_providers.values()),
            *(item.name for item in module.provider_configs.values()),
            *(item.provider.name for item in module.resources.values()),
            *(item.provider.name for item in module.actions.values()),
            *(item.provider.name for item in module.collections.values()),
        )
    }
    versions = {item.entry_point: item.version for item in module.required_providers.values()}
    entries: list[tuple[str, Module | None]] = [
        (f"provider[{name}] {versions.get(name, '')}".rstrip(), None) for name in sorted(names)
    ]
    entries += [(f"module.{name}", config.child(module, name)) for name in module.calls]
    lines: list[str] = []
    for index, (text, child) in enumerate(entries):
        last = index == len(entries) - 1
        lines.append(f"{margin}{'└──' if last else '├──'} {text}")
        if child is not None:
            lines += _branches(config, child, margin + ("    " if last else "│   "))
    return lines
