"""``perimeter sandbox drift``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from perimeter.cli import sandbox_file
from perimeter.cli.command import Invocation, command, flags, values
from perimeter.cli.failure import refuse
from perimeter.cli.patching import merged, parse_setting, with_setting
from perimeter.sandbox.control import SandboxClient
from perimeter.sandbox.seeds import SeedError, read_seed
from perimeter.testing.moto import environment_of
from perimeter.testing.moto_seed import make_calls

DEFAULT_DRIFT = "drift.json"


@command("sandbox drift")
@flags(
    values(
        "set", "PATH=VALUE", "Change one value; see perimeter sandbox seed -help. May be repeated."
    )
)
@click.argument("file", required=False)
def run(invocation: Invocation, file: str | None, **given: Any) -> int:
    """Change the tenants as somebody at a console would, behind perimeter's back.

    FILE (by default drift.json) is merged into what the tenants hold: objects
    member by member, null removes a member, a list under a name ending in "+"
    is added to the list of that name; for aws it holds API calls to make.
    Then "perimeter plan" shows the drift.
    """
    running = sandbox_file.find(invocation.terminal.environment)
    client = SandboxClient(running.url)
    try:
        seed: Any = client.seed()
        if file is not None or not given["set"]:
            patch = read_seed(Path(file or DEFAULT_DRIFT))
            calls = patch.pop("aws", None)
            seed = merged(seed, patch)
            if calls is not None:
                make_calls(calls, _aws(running))
        for text in given["set"]:
            seed = with_setting(seed, *parse_setting(text))
        client.reseed(seed)
    except SeedError as problem:
        raise refuse(problem.summary, problem.detail) from None
    invocation.terminal.print("Somebody has been at work. See what: perimeter plan\n")
    return 0


def _aws(running: sandbox_file.Running) -> Mapping[str, str]:
    if not running.aws:
        raise SeedError(
            "No AWS stand-in there", "The sandbox was started without AWS: add -aws to sandbox up."
        )
    return environment_of(running.aws)
