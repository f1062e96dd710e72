"""``perimeter version``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.versions import version_text


@command("version")
@flags(switch("json", "Print JSON."))
def run(invocation: Invocation, **given: Any) -> int:
    """Show the version of perimeter, and of the providers locked here."""
    invocation.terminal.print(version_text(as_json=given["json"]))
    return 0
