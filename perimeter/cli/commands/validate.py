"""``perimeter validate``."""

from __future__ import annotations

from typing import Any

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.evaluating import evaluated
from perimeter.cli.workspace import HERE
from perimeter.config.queries import load_queries
from perimeter.diagnostics import Diagnostic, Diagnostics
from perimeter.engine.query import check_lists
from perimeter.engine.session import load_configuration


@command("validate")
@flags(
    switch("json", "Print the result as JSON."),
    switch("query", "Also check the query files."),
)
def run(invocation: Invocation, **given: Any) -> int:
    """Check whether the configuration is valid, without reading a tenant or state.

    Variables need no values; what depends on them is checked as far as it can.
    """
    environment = invocation.terminal.environment
    configuration = load_configuration(
        HERE,
        environment=environment,
        variables=False,
        workspace=workspaces.current(environment),
    )
    found = Diagnostics(configuration.diagnostics)
    sources = dict(configuration.sources)
    if configuration.config is not None and not found.has_errors:
        planned = evaluated(configuration, environment)
        found.extend(item for item in planned.diagnostics if not _waits_for_values(item))
        if given["query"]:
            asked = load_queries(HERE, configuration.config)
            sources |= asked.sources
            lists = tuple(asked.lists.values())
            found.extend(asked.diagnostics)
            if not asked.diagnostics.has_errors:
                providers = configuration.providers
                found.extend(check_lists(configuration.config, providers, planned, lists))
    if given["json"]:
        from perimeter.ui.diagnostics_json import validation_json
        from perimeter.ui.masks import to_json

        data = validation_json(found, sources)
        invocation.terminal.print(to_json(data, indent=2) + "\n")
        return 1 if found.has_errors else 0
    invocation.reporter.diagnostics(found, sources)
    if found.has_errors:
        return 1
    word = invocation.terminal.style().paint("Success!", "bold", "green")
    more = ", but there were some validation warnings as shown above" if found else ""
    invocation.terminal.print(f"{word} The configuration is valid{more}.\n\n")
    return 0


def _waits_for_values(item: Diagnostic) -> bool:
    """Whether it only says that something is not known, which no value being there explains, or judges values."""
    if item.summary in (
        "Condition must be known",
        "Rotation must be known",
    ) or item.summary.startswith("Check block assertion"):
        return True
    undecided = ("cannot be determined until apply", "the tenant did not show")
    return item.summary in ("Invalid for_each argument", "Invalid count argument") and any(
        words in item.detail for words in undecided
    )
