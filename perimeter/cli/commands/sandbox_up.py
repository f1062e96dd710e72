"""``perimeter sandbox up``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from perimeter.cli import sandbox_file
from perimeter.cli.command import Invocation, command, flags, switch, value
from perimeter.cli.failure import refuse
from perimeter.sandbox.seeds import SeedError, read_seed, vendors_of
from perimeter.sandbox.server import Sandbox
from perimeter.sandbox.wire import Vendor
from perimeter.testing.moto import MotoError, MotoServer
from perimeter.testing.moto_seed import make_calls

DEFAULT_SEED = "sandbox.json"
PORT, AWS_PORT = 8640, 8641
_TICK = 0.1


@command("sandbox up")
@flags(
    value("seed", "FILE", "What the tenants hold at first.", default=DEFAULT_SEED),
    value(
        "port",
        "N",
        "Port on the loopback interface; 0 takes any free one.",
        default=PORT,
        integer=True,
    ),
    switch("aws", "Also start AWS's stand-in (moto); a seed that names aws does, too."),
    value("aws-port", "N", "Its port; 0 takes any free one.", default=AWS_PORT, integer=True),
)
def run(invocation: Invocation, **given: Any) -> int:
    """Start emulated tenants on this machine and keep them up until Ctrl-C.

    They speak the vendors' APIs on loopback only. What they hold comes from
    a JSON file, by default sandbox.json, and is gone when they stop. For AWS
    it holds API calls, and the variables by which AWS is found are printed.
    """
    try:
        seed = read_seed(Path(given["seed"]))
        calls = seed.pop("aws", [] if given["aws"] else None)
        vendors = vendors_of(seed, time.time)
    except SeedError as problem:
        raise refuse(problem.summary, problem.detail) from None
    if not vendors and calls is None:
        raise refuse(
            "Invalid seed", f"{given['seed']} names no vendor, so there is nothing to emulate."
        )
    ended: list[int] = []
    previous = {
        number: signal.signal(number, lambda number, _frame: ended.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with ExitStack() as stack:
            _serve(invocation, given, vendors, calls, stack, ended)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    invocation.terminal.print("Stopped.\n")
    return 0


def _serve(
    invocation: Invocation,
    given: dict[str, Any],
    vendors: Mapping[str, Vendor],
    calls: Any,
    stack: ExitStack,
    ended: list[int],
) -> None:
    """Start everything, say where it is, and wait for the end."""
    try:
        sandbox = stack.enter_context(Sandbox(vendors, port=given["port"]))
    except OSError as problem:
        place = f"127.0.0.1:{given['port']}"
        raise refuse("Port not available", f"{place}: {problem.strerror}.") from None
    lines = [f"{name}: {sandbox.url(name)}" for name in sorted(vendors)]
    aws = ""
    if calls is not None:
        try:
            moto = stack.enter_context(MotoServer(given["aws_port"]))
            make_calls(calls, moto.environment)
        except MotoError as problem:
            raise refuse("AWS's stand-in cannot be started", str(problem)) from None
        except SeedError as problem:
            raise refuse(problem.summary, problem.detail) from None
        aws = moto.url
        lines.append(f"aws: {moto.url}")
        lines += [f"  export {name}={text}" for name, text in moto.environment.items()]
    running = sandbox_file.Running(sandbox.root, os.getpid(), aws)
    sandbox_file.note(running)
    stack.callback(sandbox_file.forget, running)
    invocation.terminal.print("\n".join(lines) + "\nUp. Ctrl-C stops it.\n")
    while not ended:
        time.sleep(_TICK)
