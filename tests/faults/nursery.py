"""Processes that start at once: one that has everything imported forks a child for each command line.

A child is a process like any other: it has its own directory, home and environment, and can be killed. Run as a
program this file is the nursery; ``Nursery`` starts one and speaks with it, a line of JSON each way.
"""

import contextlib
import dataclasses
import functools
import importlib.util
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 6.0
"""Seconds for which a PostgreSQL server that is away is waited for; in life it is a minute."""
_COMMANDS = "apply evidence_verify force_unlock init plan state_push"
_USED = (
    *(f"perimeter.cli.commands.{name}" for name in _COMMANDS.split()),
    "perimeter.engine.session",
    "perimeter.state.http_backend",
    "perimeter.state.objects_backend",
    "perimeter.state.postgres",
    "perimeter.ui.plan_text",
    "obstore.store",
    "obstore.exceptions",
    "psycopg",
    "httpx2",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.kdf.scrypt",
)
SETTLES_WITHIN = 1.0
"""Seconds in which the emulated vendors show what they made; real ones are given longer."""


class Child:
    """A running command line.

    Attributes:
        pid: of the process.
        status: how it ended: an exit code, or minus the signal; None while it runs.
    """

    def __init__(self, pid, out, err):
        self.pid = pid
        self.status = None
        self._ended = threading.Event()
        self._out, self._err = out, err

    @property
    def out(self):
        return self._out.read_text(encoding="utf-8", errors="replace")

    @property
    def err(self):
        return self._err.read_text(encoding="utf-8", errors="replace")

    @property
    def said(self):
        """All it printed, on one line: messages are wrapped."""
        return " ".join((self.out + " " + self.err).replace("│", " ").split())

    def end(self, status):
        self.status = status
        self._ended.set()

    def wait(self, seconds=120.0):
        """Wait until it has ended; returns itself."""
        if not self._ended.wait(seconds):
            os.kill(self.pid, signal.SIGKILL)
            self._ended.wait(10)
            raise TimeoutError(f"it took longer than {seconds} s: {self.said[-2000:]}")
        return self

    def kill(self):
        """End it as a power cut does; whether it was still running."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.wait(30)
        return self.status == -signal.SIGKILL


class Nursery:
    """Starts children. Threads may share it."""

    def __init__(self):
        environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'providers'}"},
        )
        self._asking = threading.Lock()
        self._children = {}
        self._numbers = itertools.count(1)
        self._files = []
        self._answer = None
        self._answered = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in list(self._children.values()):
            if child.status is None:
                child.kill()
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(10)
        self._process.stdout.close()

    def start(self, arguments, *, directory, environment, fatal=0):
        """Run a command line in a directory; ``fatal``: the failpoint, from 1, at which it kills itself."""
        with self._asking:
            number = next(self._numbers)
            self._files = [
                directory.parent / f"{directory.name}.{number}.{kind}" for kind in ("out", "err")
            ]
            asked = {
                "arguments": list(arguments),
                "directory": str(directory),
                "environment": dict(environment),
                "out": str(self._files[0]),
                "err": str(self._files[1]),
                "fatal": fatal,
            }
            self._answered.clear()
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            if not self._answered.wait(30):
                raise RuntimeError("the nursery does not answer")
            return self._answer

    def _read(self):
        for line in self._process.stdout:
            told = json.loads(line)
            if "started" in told:
                self._answer = Child(told["started"], *self._files)
                self._children[self._answer.pid] = self._answer
                self._answered.set()
            else:
                self._children[told["ended"]].end(told["status"])


def _main():
    _import_everything()
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = b""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
            _tell_ended()
        if 0 in ready:
            got = os.read(0, 65536)
            if not got:
                return
            waiting += got
            while b"\n" in waiting:
                line, _, waiting = waiting.partition(b"\n")
                _start(json.loads(line), (wake, waker))


def _tell_ended():
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _tell(data):
    os.write(1, (json.dumps(data) + "\n").encode())


def _start(asked, pipes):
    pid = os.fork()
    if pid:
        _tell({"started": pid})
        return
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for pipe in pipes:
            os.close(pipe)
        code = _live(asked)
    except BaseException:  # noqa: BLE001 - told, whatever it is
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _live(asked):
    silence = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silence, 0)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - they last as long as the process
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["directory"])
    if asked["fatal"]:
        _pass_failpoints(asked["fatal"])
    from perimeter.cli.main import run

    return run(asked["arguments"])


def _pass_failpoints(fatal):
    """Let this process kill itself at the failpoint with that number; it says which one that is."""
    from perimeter.cli import workspace
    from perimeter.state import local

    passed = itertools.count(1)
    turn = threading.Lock()

    def failpoint(name):
        with turn:
            if next(passed) == fatal:
                os.write(2, f"failpoint {name}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    workspace.Session = functools.partial(workspace.Session, failpoint=failpoint)
    made = local.LocalBackend.__init__
    local.LocalBackend.__init__ = functools.partialmethod(made, failpoint=failpoint)


def _import_everything():
    from perimeter.sdk.registry import load_provider
    from perimeter.state.postgres import PostgresBackend

    PostgresBackend.__init__.__kwdefaults__["patience"] = PATIENCE
    for name in _USED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in ("perimeter", "github", "okta"):
        provider, _ = load_provider(name)
        for kind in provider.resources.values():
            if kind.identity.visible_within > SETTLES_WITHIN:
                type(kind).identity = dataclasses.replace(
                    kind.identity, visible_within=SETTLES_WITHIN
                )


if __name__ == "__main__":
    _main()
