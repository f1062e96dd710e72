"""Servers for tests: processes of their own, on free loopback ports."""

import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager

HOST = "127.0.0.1"
START_WITHIN = 60.0


class Unavailable(Exception):
    """The server cannot be had on this machine; the message says why and how to get it."""


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextmanager
def process(command, port, environment=None):
    """Run a server until the block ends; it is there once its port answers."""
    with tempfile.TemporaryFile() as output:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            _wait(server, port, output)
            yield server
        finally:
            if server.poll() is None:
                server.terminate()
                try:
                    server.wait(5)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait()


def _wait(server, port, output):
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        if server.poll() is not None:
            output.seek(0)
            said = output.read().decode("utf-8", "replace").strip()[-500:]
            raise RuntimeError(f"{server.args[0]} ended with {server.returncode}: {said}")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{server.args[0]} did not answer within {START_WITHIN:.0f} seconds")
