"""``perimeter sandbox seed``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from perimeter.cli import sandbox_file
from perimeter.cli.command import Invocation, command, flags, values
from perimeter.cli.failure import refuse
from perimeter.cli.patching import parse_setting, with_setting
from perimeter.sandbox.control import SandboxClient
from perimeter.sandbox.seeds import SeedError, read_seed
from perimeter.ui.masks import to_json


@command("sandbox seed")
@flags(
    values(
        "set", "PATH=VALUE", "Set one value: github.organization.name='\"acme\"'. May be repeated."
    )
)
@click.argument("file", required=False)
def run(invocation: Invocation, file: str | None, **given: Any) -> int:
    """Show what the tenants hold as JSON; with FILE or -set replace it.

    A path names members by dots and list elements by their number, such as
    okta.policies.0.name; the value is JSON, or else a string.
    """
    client = SandboxClient(sandbox_file.find(invocation.terminal.environment).url)
    try:
        if file is None and not given["set"]:
            invocation.terminal.print(to_json(client.seed(), indent=2) + "\n")
            return 0
        seed: Any = client.seed() if file is None else read_seed(Path(file))
        for text in given["set"]:
            seed = with_setting(seed, *parse_setting(text))
        client.reseed(seed)
    except SeedError as problem:
        raise refuse(problem.summary, problem.detail) from None
    invocation.terminal.print("The tenants hold it now.\n")
    return 0
