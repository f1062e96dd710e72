"""``perimeter validate``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.evaluating import evaluated
from perimeter.cli.workspace import HERE
from perimeter.diagnostics import Diagnostic, Diagnostics
from perimeter.engine.session import load_configuration


@command("validate")
@flags(switch("json", "Print the result as JSON."))
def run(invocation: Invocation, **given: Any) -> int:
    """Check whether the configuration is valid, without reading a tenant or state.

    Variables need no values; what depends on them is checked as far as it can.
    """
    environment = invocation.terminal.environment
    configuration = load_configuration(HERE, environment=environment, variables=False)
    found = Diagnostics(configuration.diagnostics)
    if configuration.config is not None and not found.has_errors:
        checked = evaluated(configuration, environment).diagnostics
        found.extend(item for item in checked if not _waits_for_values(item))
    if given["json"]:
        from perimeter.ui.diagnostics_json import validation_json
        from perimeter.ui.masks import to_json

        data = validation_json(found, configuration.sources)
        invocation.terminal.print(to_json(data, indent=2) + "\n")
        return 1 if found.has_errors else 0
    invocation.reporter.diagnostics(found, configuration.sources)
    if found.has_errors:
        return 1
    word = invocation.terminal.style().paint("Success!", "bold", "green")
    more = ", but there were some validation warnings as shown above" if found else ""
    invocation.terminal.print(f"{word} The configuration is valid{more}.\n\n")
    return 0


def _waits_for_values(item: Diagnostic) -> bool:
    """Whether it only says that a repetition is not known, which no value being there explains."""
    undecided = ("cannot be determined until apply", "the tenant did not show")
    return item.summary in ("Invalid for_each argument", "Invalid count argument") and any(
        words in item.detail for words in undecided
    )
