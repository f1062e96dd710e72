"""``perimeter providers schema``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.workspace import HERE
from perimeter.config.load import load
from perimeter.diagnostics import Diagnostics
from perimeter.sdk.registry import available, load_providers
from perimeter.ui.masks import to_json
from perimeter.ui.schema_json import schemas_json


@command("providers schema")
@flags(switch("json", "Print JSON; there is no other form."))
def run(invocation: Invocation, **given: Any) -> int:
    """Print the schemas of the configuration's providers; of all that are installed where there is none."""
    if not given["json"]:
        raise refuse("The -json flag is required", "Schemas are printed as JSON only: add -json.")
    names: tuple[str, ...]
    if any(HERE.glob("*.hcl")):
        config, diagnostics, sources = load(HERE)
        if config is None or diagnostics.has_errors:
            raise Refused(diagnostics, sources)
        names = tuple(config.provider_sources)
    else:
        names = available()
    found, problems = load_providers(names)
    if Diagnostics(problems).has_errors:
        raise Refused(problems)
    invocation.terminal.print(to_json(schemas_json(found)) + "\n")
    return 0
