"""``perimeter sandbox down``."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from perimeter.cli import sandbox_file
from perimeter.cli.command import Invocation, command
from perimeter.cli.failure import refuse
from perimeter.sandbox.control import SandboxClient
from perimeter.sandbox.seeds import SeedError

_PATIENCE = 5.0


@command("sandbox down")
def run(invocation: Invocation, **_given: Any) -> int:
    """Stop the sandbox that was started from this directory."""
    running = sandbox_file.find(invocation.terminal.environment)
    client = SandboxClient(running.url, timeout=2)
    try:
        client.seed()
    except SeedError as problem:
        sandbox_file.forget(running)
        raise refuse(problem.summary, problem.detail) from None
    if not running.pid:
        raise refuse("Cannot stop it", "It was started elsewhere: stop it there, with Ctrl-C.")
    os.kill(running.pid, signal.SIGTERM)
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            client.seed()
        except SeedError:
            invocation.terminal.print("Stopped.\n")
            return 0
        time.sleep(0.05)
    raise refuse("It does not stop", f"Process {running.pid} still answers at {running.url}.")
