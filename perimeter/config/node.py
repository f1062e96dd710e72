"""What a configuration's dependency graph consists of."""

from __future__ import annotations

from dataclasses import dataclass

from perimeter.config.model import Path

_PREFIXES = {"variable": "var.", "local": "local.", "output": "output."}


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """One declaration at one place of the module tree.

    Attributes:
        path: the names of the calls that lead to its module.
        kind: variable, local, output, integration, module, module_end, provider, resource, data, ephemeral, action, collection,
            break_glass, consumer or check. A module_end is reached once everything in the called module is.
        name: as the kind names it: ``TYPE.NAME`` (resource, collection), ``data.TYPE.NAME``, a provider key, else a name.
    """

    path: Path
    kind: str
    name: str

    @property
    def address(self) -> str:
        """How messages name it: ``module.m.local.a``, ``okta_app.crm``."""
        module = "".join(f"module.{step}." for step in self.path)
        match self.kind:
            case "variable" | "local" | "output":
                return f"{module}{_PREFIXES[self.kind]}{self.name}"
            case "resource" | "data" | "ephemeral":
                return f"{module}{self.name}"
            case "module_end":
                return f"{module}module.{self.name}"
            case kind:
                return f"{module}{kind}.{self.name}"
