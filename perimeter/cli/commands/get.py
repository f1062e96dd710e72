"""``perimeter get``."""

from __future__ import annotations

from typing import Any

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import Refused
from perimeter.cli.flags import VARIABLES
from perimeter.cli.lockfile import LOCK_FILE, read_modules, with_modules
from perimeter.cli.modules import finish, installer, write
from perimeter.cli.workspace import HERE, early_variables
from perimeter.config.load import load


@command("get")
@flags(
    VARIABLES,
    switch("update", "Take what the sources hold now, whatever the lock file says."),
)
def run(invocation: Invocation, **given: Any) -> int:
    """Download the modules that the configuration calls, and lock them.

    It is the part of "perimeter init" that deals with modules.
    """
    fetching = installer(invocation, HERE, upgrade=given["update"])
    config, diagnostics, sources = load(
        HERE,
        locator=fetching,
        given=early_variables(invocation),
        workspace=workspaces.current(invocation.terminal.environment),
    )
    if config is None or diagnostics.has_errors:
        raise Refused(diagnostics, sources)
    if fetching.modules != read_modules(LOCK_FILE):
        text = LOCK_FILE.read_text(encoding="utf-8") if LOCK_FILE.exists() else ""
        write(LOCK_FILE, with_modules(text, fetching.modules))
    finish(fetching)
    invocation.reporter.diagnostics(diagnostics, sources)
    return 0
