"""AWS's stand-in: moto's server on loopback, a process of its own (``pip install "perimeter-as-code[sandbox]"``)."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from types import MappingProxyType, TracebackType
from typing import IO, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

HOST = "127.0.0.1"
START_WITHIN = 60.0
"""Seconds; a cold start takes about two."""

_STARTS = 3
_POLL = 0.05
_STOP_WITHIN = 5.0


class MotoError(RuntimeError):
    """moto's server cannot be started or does not answer; the message says what to do."""


class MotoServer:
    """One server, and with it one set of AWS accounts; starts empty.

    A context manager. Whoever starts it must stop it.

    Args:
        port: where it listens; 0 for any free port.
        log: what the server prints goes there; by default it is kept for error messages only.
    """

    def __init__(self, port: int = 0, log: Path | None = None) -> None:
        self.port = port
        self._any_port = port == 0
        self._log = log
        self._output: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # Whatever proxy the environment names, loopback is spoken to directly.
        self._open = build_opener(ProxyHandler({})).open

    @property
    def url(self) -> str:
        """The endpoint, such as ``http://127.0.0.1:5055``."""
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables by which AWS clients speak to this server, with an administrator's made-up key."""
        return environment_of(self.url)

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> Self:
        """Start, and wait until it answers.

        Raises:
            MotoError: moto is not installed, the port is taken, or the server does not answer in time.
        """
        if self._process is not None:
            return self
        if not _installed():
            raise MotoError(
                "AWS's stand-in needs moto's server, which is not installed. Run: "
                'pip install "perimeter-as-code[sandbox]"'
            )
        for attempt in range(1, _STARTS + 1):
            if self._any_port:
                self.port = _free_port()
            try:
                self._launch()
                self._wait()
            except MotoError:
                self.stop()
                # Another process may have taken the free port meanwhile.
                if not self._any_port or attempt == _STARTS:
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        """End the server; what it held is lost."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        output, self._output = self._output, None
        if output is not None:
            output.close()

    def reset(self) -> None:
        """Empty every account.

        Raises:
            MotoError: the server does not answer.
        """
        request = Request(f"{self.url}/moto-api/reset", method="POST")  # noqa: S310 - loopback
        try:
            with self._open(request, timeout=10):
                return
        except (URLError, OSError) as problem:
            raise MotoError(f"moto's server at {self.url} does not answer ({problem}).") from None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch(self) -> None:
        if _answers(self.port):
            raise MotoError(f"Port {self.port} is taken. Choose another one.")
        self._output = self._log.open("wb") if self._log is not None else TemporaryFile()  # noqa: SIM115 - closed by stop
        # From the interpreter's own environment: the console script need not be on PATH.
        program = "from moto.server import main; main()"
        self._process = subprocess.Popen(  # noqa: S603 - the interpreter itself
            [sys.executable, "-c", program, "-H", HOST, "-p", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            # Ctrl-C in the terminal is for perimeter, which then stops the server.
            start_new_session=True,
        )

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline:
            status = self._process.poll()
            if status is not None:
                raise MotoError(f"moto's server ended with status {_status(status)}.{self._last()}")
            try:
                with self._open(f"{self.url}/moto-api/data.json", timeout=2):
                    return
            except (URLError, OSError):
                time.sleep(_POLL)
        raise MotoError(f"moto's server did not answer within {START_WITHIN:.0f} seconds.")

    def _last(self) -> str:
        """The server's last words."""
        if self._output is None or self._log is not None:
            return f" See {self._log}." if self._log is not None else ""
        self._output.seek(0)
        lines = self._output.read().decode("utf-8", "replace").strip().splitlines()
        return f" It said: {lines[-1]}" if lines else ""


def _installed() -> bool:
    """Whether moto and what its server needs can be imported; imports neither."""
    return all(importlib.util.find_spec(name) is not None for name in ("moto", "flask"))


def _environment() -> dict[str, str]:
    """Without the caller's AWS settings: an endpoint named there would lead the server to itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # AdministratorAccess and its like exist in every account.
    return {**kept, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "PYTHONUNBUFFERED": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _status(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else str(status)


def environment_of(url: str) -> Mapping[str, str]:
    """The variables by which AWS clients speak to a server at ``url``, with an administrator's made-up key."""
    return MappingProxyType(
        {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "AKIAPERIMETERSANDBOX",
            "AWS_SECRET_ACCESS_KEY": "only-for-the-sandbox",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )
