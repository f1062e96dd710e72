"""What ``perimeter version`` prints. It must answer at once, so click is not needed here."""

from __future__ import annotations

import os
import sys

from perimeter import __version__

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_LOCK_FILE = ".perimeter.lock.hcl"


def version_text(*, as_json: bool) -> str:
    """The version of perimeter and of the providers locked in the working directory."""
    machine = os.uname().machine.lower()
    system = f"{sys.platform}_{_MACHINES.get(machine, machine)}"
    python = ".".join(str(part) for part in sys.version_info[:3])
    selections: dict[str, str] = {}
    if os.path.exists(_LOCK_FILE):  # noqa: PTH110 - pathlib alone would double the time this takes
        from pathlib import Path

        from perimeter.cli.lockfile import read_selections

        selections = read_selections(Path(_LOCK_FILE))
    if as_json:
        import json

        data = {
            "perimeter_version": __version__,
            "platform": system,
            "python": python,
            "provider_selections": selections,
        }
        return json.dumps(data, indent=2) + "\n"
    lines = [f"perimeter v{__version__}", f"on {system}, Python {python}"]
    lines += [f"+ provider {name} v{version}" for name, version in selections.items()]
    return "\n".join(lines) + "\n"
