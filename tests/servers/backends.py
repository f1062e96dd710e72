"""Every kind of backend with a real server behind it, for tests that go over all of them."""

import secrets
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from perimeter.state.codec import PLAIN
from perimeter.state.places import KINDS
from tests.servers import azurite, gcs, moto
from tests.servers.front import front
from tests.servers.http_state import http_state_server
from tests.servers.postgres import postgres_server
from tests.servers.processes import Unavailable

__all__ = ["NAMES", "TABLE", "Place", "Servers", "Unavailable"]


@dataclass(frozen=True)
class Place:
    """Where one test keeps its state; nobody else writes there.

    Attributes:
        kind: of backend.
        settings: of the ``backend`` block.
        environment: credentials.
        front: the proxy that it is reached through, or None.
        server: the HTTP server, which keeps a record of its locks.
    """

    kind: str
    settings: dict
    environment: dict = field(default_factory=dict)
    front: object = None
    server: object = None

    def open(self, workspace="default", codec=PLAIN):
        """Open a backend, as another machine would."""
        return KINDS[self.kind].open(self.settings, workspace, codec, self.environment)


@contextmanager
def _local():
    with tempfile.TemporaryDirectory() as folder:
        yield lambda name, lossy: Place(
            "local",
            {
                "path": str(Path(folder) / name / "perimeter.state.json"),
                "workspace_dir": str(Path(folder) / name / "perimeter.state.d"),
            },
        )


@contextmanager
def _s3():
    with moto.s3() as url, front(url) as proxy:

        def place(name, lossy):
            settings = {
                "bucket": moto.BUCKET,
                "key": f"{name}/perimeter.state.json",
                "workspace_key_prefix": f"{name}/env:",
                "registry_key": f"{name}/perimeter.registry.json",
                "endpoint": proxy.url if lossy else url,
            }
            return Place("s3", settings, moto.CREDENTIALS, proxy if lossy else None)

        yield place


@contextmanager
def _gcs():
    with gcs.gcs() as proxy:

        def place(name, lossy):
            settings = {
                "bucket": gcs.BUCKET,
                "prefix": f"{name}/states",
                "registry_key": f"{name}/perimeter.registry.json",
                "storage_custom_endpoint": proxy.url,
            }
            return Place("gcs", settings, {"GOOGLE_OAUTH_ACCESS_TOKEN": gcs.TOKEN}, proxy)

        yield place


@contextmanager
def _azurerm():
    with azurite.azure() as url, front(url.rpartition("/")[0]) as proxy:

        def place(name, lossy):
            settings = {
                "storage_account_name": azurite.ACCOUNT,
                "container_name": azurite.CONTAINER,
                "key": f"{name}/perimeter.state.json",
                "registry_key": f"{name}/perimeter.registry.json",
                "endpoint": f"{proxy.url}/{azurite.ACCOUNT}" if lossy else url,
            }
            return Place(
                "azurerm", settings, {"ARM_ACCESS_KEY": azurite.KEY}, proxy if lossy else None
            )

        yield place


@contextmanager
def _pg():
    with postgres_server() as server:
        yield lambda name, lossy: Place("pg", {"conn_str": server.conninfo, "schema_name": name})


@contextmanager
def _http():
    with http_state_server() as server:

        def place(name, lossy):
            settings = {**server.settings(name), "retry_wait_min": 0, "retry_wait_max": 0}
            return Place("http", settings, server=server)

        yield place


TABLE = {
    "local": _local,
    "s3": _s3,
    "gcs": _gcs,
    "azurerm": _azurerm,
    "pg": _pg,
    "http": _http,
}
"""By name: a context manager around a server. It gives a function from a fresh name, and whether
answers are to be lost, to a ``Place``; it raises ``Unavailable`` where the server cannot be had."""

NAMES = tuple(TABLE)
LOSSY = ("s3", "gcs", "azurerm")
"""Those that can be reached through a proxy."""


class Servers:
    """Servers that start when first asked for and end with the block."""

    def __init__(self):
        self._stack = ExitStack()
        self._running = {}

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        return self._stack.__exit__(*problem)

    def place(self, name, lossy=False):
        """A fresh place for state.

        Raises:
            Unavailable: the server cannot be had here.
        """
        if name not in self._running:
            try:
                self._running[name] = self._stack.enter_context(TABLE[name]())
            except Unavailable as problem:
                self._running[name] = problem
        found = self._running[name]
        if isinstance(found, Unavailable):
            raise found
        return found(f"t{secrets.token_hex(5)}", lossy)
