"""A session with PostgreSQL that survives a server that is gone for a while.

An advisory lock belongs to its session, so whoever holds one must get it back after a lost
connection before anything is written; ``Link.on_connect`` is where that is done.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from perimeter.sdk.redact import SECRETS
from perimeter.state.errors import StateError, state_error

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for which a lost server is tried again."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 3.0
# Set after connecting: poolers refuse them among the connection's own parameters.
_LIMITS = (
    "SELECT set_config('statement_timeout', '60000', false), set_config('lock_timeout', '30000', false), "
    "set_config('idle_in_transaction_session_timeout', '60000', false)"
)
_DEFAULTS: Mapping[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "client_encoding": "utf8",
}


class Link:
    """One connection at a time, made when it is needed; threads take turns.

    Args:
        conninfo: libpq's connection string or URL; what it leaves open the ``PG*`` variables say.
        name: shown in ``pg_stat_activity``.
        patience: seconds.

    Attributes:
        on_connect: called with each new connection before it is used.
    """

    def __init__(self, conninfo: str, name: str, patience: float = PATIENCE) -> None:
        self.name = name
        self.patience = patience
        self.on_connect: Callable[[psycopg.Connection[Any]], None] = _nothing
        self._turn = threading.RLock()
        self._connections: list[psycopg.Connection[Any]] = []
        self._parameters = parameters(conninfo)
        weakref.finalize(self, _close, self._connections)

    def read(self, work: Callable[[psycopg.Connection[Any]], T], summary: str) -> T:
        """Return what ``work`` reads in one transaction; a lost connection is tried once more.

        Raises:
            StateError: of that summary.
        """
        return self._attempt(work, summary, "Nothing was changed.", patience=0.0, tries=2)

    def write(
        self,
        work: Callable[[psycopg.Connection[Any]], T],
        landed: Callable[[psycopg.Connection[Any]], T | None],
        summary: str,
        remains: str,
    ) -> T:
        """Do ``work`` in one transaction.

        Args:
            work: called again when it surely had no effect.
            landed: asked after a connection was lost, when nobody knows whether the transaction was
                committed: returns what ``work`` would have, or None if it had no effect.
            summary: of the error.
            remains: what is still true when it fails.

        Raises:
            StateError: of that summary, or what ``work`` raises.
        """
        return self._attempt(work, summary, remains, landed, patience=self.patience)

    def close(self) -> None:
        """End the session, and with it its advisory locks."""
        with self._turn:
            self._drop()

    def _attempt(
        self,
        work: Callable[[psycopg.Connection[Any]], T],
        summary: str,
        remains: str,
        landed: Callable[[psycopg.Connection[Any]], T | None] | None = None,
        *,
        patience: float,
        tries: int = 1_000_000,
    ) -> T:
        psycopg = driver()
        end = time.monotonic() + patience
        pause = _FIRST_PAUSE
        unsure = False
        while True:
            tries -= 1
            try:
                with self._turn:
                    connection = self._connected()
                    if unsure and landed is not None:
                        with connection.transaction():
                            found = landed(connection)
                        if found is not None:
                            return found
                    unsure = True
                    with connection.transaction():
                        return work(connection)
            except psycopg.Error as problem:
                lost = self._is_lost(problem)
                if lost:
                    with self._turn:
                        self._drop()
                if not lost or tries <= 0 or (landed and time.monotonic() >= end):
                    raise explained(problem, summary, remains, lost=lost) from None
                if landed:
                    time.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connections and not self._connections[-1].closed:
            return self._connections[-1]
        self._drop()
        connection: psycopg.Connection[Any] = driver().connect(
            autocommit=True, application_name=self.name, **{**_DEFAULTS, **self._parameters}
        )
        try:
            connection.execute(_LIMITS)
            self.on_connect(connection)
        except BaseException:
            connection.close()
            raise
        self._connections.append(connection)
        return connection

    def _is_lost(self, problem: psycopg.Error) -> bool:
        """Whether the server went away, or is not there yet."""
        if not self._connections or self._connections[-1].closed:
            return isinstance(problem, driver().OperationalError | driver().InterfaceError)
        return False

    def _drop(self) -> None:
        _close(self._connections)


def _close(connections: list[Any]) -> None:
    while connections:
        with suppress(Exception):
            connections.pop().close()


def parameters(conninfo: str) -> dict[str, Any]:
    """Take a connection string apart, its password registered as a secret.

    Raises:
        StateError: it is malformed.
    """
    import os

    psycopg = driver()
    try:
        found: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(conninfo)
    except psycopg.Error:
        # libpq's message quotes the string.
        raise state_error(
            "Invalid conn_str",
            'It is no connection string of PostgreSQL. Write "postgresql://USER@HOST/DATABASE" or '
            '"host=HOST dbname=DATABASE user=USER", and give the password by PGPASSWORD.',
        ) from None
    for name in ("password", "sslpassword"):
        SECRETS.add(found.get(name))
    SECRETS.add(os.environ.get("PGPASSWORD"))
    return found


def server_of(conninfo: str) -> str:
    """`` at HOST:PORT/DATABASE``, as far as a connection string says so; nothing secret."""
    if not conninfo:
        return ""
    try:
        found = parameters(conninfo)
    except StateError:
        return ""
    host = found.get("host") or found.get("hostaddr") or ""
    port = f":{found['port']}" if found.get("port") else ""
    return f" at {host}{port}/{found.get('dbname') or ''}"


def driver() -> Any:
    """The PostgreSQL driver.

    Raises:
        StateError: it is not installed.
    """
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError as problem:
        raise state_error(
            "PostgreSQL driver is not installed",
            f'The backend "pg" needs it ({problem}). Install it:\n\n'
            '  pip install "perimeter-as-code[postgres]"',
        ) from None
    return psycopg


def explained(problem: Any, summary: str, remains: str, *, lost: bool) -> StateError:
    """A driver's error as a ``StateError`` that says what is still true."""
    what = SECRETS.redact(" ".join(str(problem).split())).rstrip(".")
    state = problem.sqlstate or ""
    if state.startswith("28"):
        then = "Check user and password (PGUSER, PGPASSWORD)."
    elif state == "42501":
        then = "Grant the role what it lacks, or let an administrator create the schema."
    elif state.startswith("53"):
        then = "The server lacks room or connections; run again when it has some."
    elif lost:
        then = "Check that the server can be reached, then run again."
    else:
        then = "Run again; if it persists, look into the server's log."
    return state_error(summary, f"PostgreSQL: {what}. {remains} {then}")


def _nothing(_connection: object) -> None:
    """Do nothing."""
