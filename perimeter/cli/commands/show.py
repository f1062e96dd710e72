"""``perimeter show``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.commands.apply import read_plan
from perimeter.cli.flags import STATE
from perimeter.cli.workspace import (
    HERE,
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
@flags(switch("json", "Print JSON, in Terraform's format."), STATE)
@click.argument("plan", required=False)
def run(invocation: Invocation, plan: str | None, **given: Any) -> int:
    """Show the state, or the plan in the file PLAN."""
    terminal = invocation.terminal
    if plan is not None:
        saved = read_plan(plan)
        if given["json"]:
            terminal.print(_plan_json(saved))
        else:
            from perimeter.ui.plan_text import plan_text
            from perimeter.ui.protection import protect_plan

            protect_plan(saved.plan)
            terminal.show("\n" + plan_text(saved.plan, terminal.style()))
        return 0
    state = remembered_state(place_of_directory(given["state"]))
    if given["json"]:
        from perimeter.ui.masks import to_json
        from perimeter.ui.state_json import state_json

        terminal.print(to_json(state_json(state)) + "\n")
        return 0
    from perimeter.ui.protection import protect_state
    from perimeter.ui.state_text import state_text

    protect_state(state)
    terminal.show(state_text(state, schemas_of_state(state), terminal.style()))
    return 0


def _plan_json(saved: SavedPlan) -> str:
    from dataclasses import replace

    from perimeter.ui.masks import to_json
    from perimeter.ui.plan_json import plan_json

    config = _same_configuration(saved)
    names = config.provider_sources if config is not None else {}
    found, _ = load_providers(names)
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
