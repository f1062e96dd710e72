"""``perimeter metadata functions``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.ui.functions_json import functions_json
from perimeter.ui.masks import to_json


@command("metadata functions")
@flags(switch("json", "Print JSON; there is no other form."))
def run(invocation: Invocation, **given: Any) -> int:
    """Print the signatures of the language's functions."""
    if not given["json"]:
        raise refuse(
            "The -json flag is required", "Signatures are printed as JSON only: add -json."
        )
    invocation.terminal.print(to_json(functions_json()) + "\n")
    return 0
