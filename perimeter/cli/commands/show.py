"""``perimeter show``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch, value
from perimeter.cli.commands.apply import read_plan
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import STORED
from perimeter.cli.showing import SHOW_SENSITIVE
from perimeter.cli.workspace import (
    HERE,
    keys_of,
    place_of_directory,
    remembered_state,
    schemas,
    schemas_of_state,
)
from perimeter.config.load import load
from perimeter.config.model import Config
from perimeter.engine.planfile import SavedPlan, config_digest
from perimeter.sdk.registry import load_providers


@command("show")
@flags(
    switch("json", "Print JSON, in Terraform's format."),
    value("plan", "FILE", "Show this plan file: the same as naming it at the end."),
    switch("config", "Show the configuration instead. Needs -json."),
    value("module", "DIR", "Show the configuration in this directory. Needs -json."),
    SHOW_SENSITIVE,
    STORED,
)
@click.argument("file", metavar="PLAN", required=False)
def run(invocation: Invocation, file: str | None, **given: Any) -> int:
    """Show the state, or the plan in the file PLAN."""
    chosen = _what(file, given)
    if given["config"] or given["module"] is not None:
        invocation.terminal.print(_configuration(given["module"] or "."))
    elif chosen is not None:
        _show_plan(invocation, read_plan(chosen, keys_of(None, invocation)), given)
    else:
        _show_state(invocation, given)
    return 0


def _what(file: str | None, given: dict[str, Any]) -> str | None:
    """The plan file that is asked for.

    Raises:
        Refused: several things are asked for at once.
    """
    asked = [
        name
        for name, there in (
            ("a plan file", file is not None),
            ("-plan", given["plan"] is not None),
            ("-config", given["config"]),
            ("-module", given["module"] is not None),
            ("-state", given["state"] is not None),
        )
        if there
    ]
    if len(asked) > 1:
        raise refuse(
            "Too many things to show", f"{' and '.join(asked)} ask for different things. Name one."
        )
    if (given["config"] or given["module"] is not None) and not given["json"]:
        raise refuse(
            "JSON output required",
            f"{asked[0]} shows configuration for programs only, because people read the files. Add -json.",
        )
    return file if file is not None else given["plan"]


def _show_plan(invocation: Invocation, saved: SavedPlan, given: dict[str, Any]) -> None:
    terminal = invocation.terminal
    if given["json"]:
        terminal.print(_plan_json(saved))
        return
    from perimeter.ui.plan_text import plan_text

    if given["show_sensitive"]:
        from perimeter.ui.revealing import revealed_plan

        terminal.show("\n" + plan_text(revealed_plan(saved.plan), terminal.style()))
        return
    from perimeter.ui.protection import protect_plan

    protect_plan(saved.plan)
    terminal.show("\n" + plan_text(saved.plan, terminal.style()))


def _show_state(invocation: Invocation, given: dict[str, Any]) -> None:
    terminal = invocation.terminal
    state = remembered_state(place_of_directory(given["state"], invocation=invocation))
    if given["json"]:
        from perimeter.ui.masks import to_json
        from perimeter.ui.state_json import state_json

        terminal.print(to_json(state_json(state, schemas_of_state(state))) + "\n")
        return
    from perimeter.ui.state_text import state_text

    known, reveal = schemas_of_state(state), given["show_sensitive"]
    if not reveal:
        from perimeter.ui.protection import protect_state

        protect_state(state)
    terminal.show(state_text(state, known, terminal.style(), reveal=reveal))


def _configuration(directory: str) -> str:
    from pathlib import Path

    from perimeter.ui.configuration_json import configuration_json
    from perimeter.ui.masks import to_json

    config, problems, sources = load(Path(directory))
    if config is None or problems.has_errors:
        raise Refused(problems, sources)
    found, _ = load_providers(config.provider_sources)
    content = configuration_json(config, schemas(found.values()))
    data = {"format_version": "1.0", "configuration": content}
    return to_json(data) + "\n"


def _plan_json(saved: SavedPlan) -> str:
    from dataclasses import replace

    from perimeter.ui.masks import to_json
    from perimeter.ui.plan_json import plan_json

    config = _same_configuration(saved)
    used = {change.provider_name for change in saved.plan.changes}
    names = {*(config.provider_sources if config is not None else {}), *used}
    found, _ = load_providers(sorted(names))
    plan = replace(saved.plan, variables=saved.variables)
    data = plan_json(plan, prior=saved.state, config=config, schemas=schemas(found.values()))
    return to_json(data) + "\n"


def _same_configuration(saved: SavedPlan) -> Config | None:
    """The configuration of the working directory, if it is the one the plan was made from."""
    if not any(HERE.glob("*.hcl")):
        return None
    config, _, _ = load(HERE)
    if config is None or config_digest(config.sources) != saved.config_digest:
        return None
    return config
