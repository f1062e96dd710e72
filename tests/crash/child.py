"""One apply in a process of its own that dies where it is told to.

Arguments: the configuration's directory, the state's directory, and how to die: ``never``, ``list`` (print the failpoints
passed), or the number of the failpoint (from 1) at which the process kills itself. With ``PERIMETER_PLACE`` in the
environment (a backend's kind, settings and environment, as JSON) state lies there instead.
"""

import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

from perimeter.state.codec import PLAIN
from perimeter.state.local import DEFAULT_PATH, LocalBackend
from perimeter.state.places import KINDS
from perimeter.testing.workspace import Workspace


class Failpoints:
    """Counts the failpoints passed and kills the process at one of them."""

    def __init__(self, fatal):
        self.fatal = fatal
        self.passed = []

    def __call__(self, name):
        self.passed.append(name)
        if len(self.passed) == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


class CrashingWorkspace(Workspace):
    """A workspace whose backend passes failpoints, too."""

    def backend(self):
        if place := os.environ.get("PERIMETER_PLACE"):
            kind, settings, environment = json.loads(place)
            return KINDS[kind].open(settings, "default", PLAIN, environment)
        path = (self.state_dir or self.directory) / DEFAULT_PATH
        return LocalBackend(path, failpoint=self.failpoint)


def settle_at_once():
    """Where the stand-in shows everything at once, do not wait for what will never come."""
    from perimeter.sdk.registry import load_provider

    provider, _ = load_provider("aws")
    for kind in provider.resources.values():
        type(kind).identity = dataclasses.replace(kind.identity, visible_within=0.0)


def main():
    directory, state, how = sys.argv[1:4]
    if os.environ.get("PERIMETER_SETTLES") == "0":
        settle_at_once()
    failpoints = Failpoints(int(how) if how.isdigit() else 0)
    workspace = CrashingWorkspace(
        directory=Path(directory),
        state_dir=Path(state),
        environment=dict(os.environ),
        parallelism=4,
        failpoint=failpoints,
    )
    print("ready", flush=True)
    outcome = workspace.apply()
    for problem in outcome.errors:
        print(problem, file=sys.stderr)
    if outcome.applied is None:
        return 1
    for result in outcome.applied.results:
        print(result.status, result.name, result.text)
    if how == "list":
        print("failpoints", len(failpoints.passed), *sorted(set(failpoints.passed)))
    return 1 if outcome.applied.count("failed") or outcome.errors else 0


if __name__ == "__main__":
    sys.exit(main())
