"""The lock of a workspace in PostgreSQL: an advisory lock, and a row that says who has it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from perimeter.state.backend import Waiting
from perimeter.state.errors import StateError
from perimeter.state.lockinfo import LockError, LockInfo
from perimeter.state.polling import Held, poll, table_of
from perimeter.state.postgres_link import Link
from perimeter.state.postgres_tables import Tables

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

_REGAIN_TRIES = 30
_HELD_BY = (
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = %s AND objsubid = 1 "
    "AND classid = %s::bigint::oid AND objid = %s::bigint::oid "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class PostgresLock:
    """The lock that a backend holds; see ``perimeter.state.backend.Lock``."""

    def __init__(self, hold: Hold, info: LockInfo, taken_over: LockInfo | None) -> None:
        self.info = info
        self.taken_over = taken_over
        self._hold = hold

    def release(self) -> None:
        """Let others have it; a second call does nothing."""
        self._hold.release(self.info)

    def __enter__(self) -> PostgresLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Hold:
    """What one backend has of a workspace's lock."""

    def __init__(self, link: Link, tables: Tables, workspace: str, where: str) -> None:
        self._link = link
        self._tables = tables
        self._workspace = workspace
        self._where = where
        self._held: LockInfo | None = None
        link.on_connect = self._regain

    def take(self, info: LockInfo, timeout: float, waiting: Waiting | None) -> PostgresLock:
        """Take the lock.

        Raises:
            LockError: somebody else holds it.
        """
        if self._held is not None:
            raise LockError(
                "Error acquiring the state lock",
                f"This run holds {self._where} already.\n\n{self._held.table()}",
                self._held,
            )
        return poll(lambda: self._try(info), timeout, waiting, self._where)

    def check(self, connection: Connection) -> None:
        """In a writing transaction: refuse if a lock that was taken is not ours any more.

        Raises:
            LockError: it is not.
        """
        if self._held is None:
            return
        row = self._run(
            connection, "SELECT info, pid FROM {s}.locks WHERE workspace = %s FOR SHARE"
        ).fetchone()
        self._require_ours(row)

    def release(self, info: LockInfo) -> None:
        """Give up the lock if ``info`` is its holder."""
        if self._held is None or self._held.id != info.id:
            return
        self._held = None

        def work(connection: Connection) -> None:
            self._run(connection, "DELETE FROM {s}.locks WHERE workspace = %s AND id = %s", info.id)
            connection.execute("SELECT pg_advisory_unlock(%s)", (self._key,))

        try:
            self._link.read(work, "Error releasing the state lock")
        except StateError:
            # It ends with the session; what stays is a row that the next holder takes over.
            self._link.close()

    def force(self, lock_id: str) -> None:
        """End the session that has the lock.

        Raises:
            LockError: there is no lock, it has another id, or its session cannot be ended.
        """

        def work(connection: Connection) -> None:
            row = None
            if self._tables.exist(connection):
                row = self._run(
                    connection, "SELECT info, pid FROM {s}.locks WHERE workspace = %s"
                ).fetchone()
            if row is None:
                raise LockError("Failed to unlock state", "The state is not locked.")
            holder = _info(row[0])
            if holder is None or holder.id != lock_id:
                raise LockError(
                    "Failed to unlock state",
                    f'The lock\'s ID is not "{lock_id}".\n\n{table_of(holder)}',
                    holder,
                )
            if not self._end_session(connection, row[1]):
                raise LockError(
                    "Failed to unlock state",
                    "The holder's session is alive and this role may not end it. Let an administrator run: "
                    f"SELECT pg_terminate_backend({row[1]})\n\n{table_of(holder)}",
                    holder,
                )
            self._run(connection, "DELETE FROM {s}.locks WHERE workspace = %s AND id = %s", lock_id)

        self._link.read(work, "Failed to unlock state")

    def drop(self) -> None:
        """End the session, and with it a lock that is held."""
        self._held = None
        self._link.close()

    @property
    def _key(self) -> int:
        return self._tables.lock_key(self._workspace)

    def _run(self, connection: Connection, text: str, *values: Any) -> psycopg.Cursor[Any]:
        return self._tables.run(connection, text, self._workspace, *values)

    def _try(self, info: LockInfo) -> PostgresLock | Held:
        def work(connection: Connection) -> PostgresLock | Held:
            self._tables.prepare(connection)
            had = self._try_advisory(connection)
            row = self._run(
                connection, "SELECT info FROM {s}.locks WHERE workspace = %s"
            ).fetchone()
            left = _info(row[0]) if row else None
            if not had:
                return Held(left)
            self._run(
                connection,
                "INSERT INTO {s}.locks (workspace, id, info, pid) VALUES (%s, %s, %s, pg_backend_pid()) "
                "ON CONFLICT (workspace) DO UPDATE SET id = EXCLUDED.id, info = EXCLUDED.info, "
                "pid = EXCLUDED.pid, taken_at = now()",
                info.id,
                msgspec.json.encode(info).decode(),
            )
            return PostgresLock(self, info, left)

        try:
            found = self._link.read(work, "Error acquiring the state lock")
        except BaseException:
            self._link.close()  # a transaction that fails does not give the advisory lock back
            raise
        if isinstance(found, PostgresLock):
            self._held = info
        return found

    def _try_advisory(self, connection: Connection) -> bool:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (self._key,)).fetchone()
        return bool(row and row[0])

    def _regain(self, connection: Connection) -> None:
        """Take back, in a new session, the lock that the lost one had; refuse if others had it.

        Raises:
            LockError: others had it, or have it.
        """
        if self._held is None:
            return
        look = "SELECT info, pid FROM {s}.locks WHERE workspace = %s"
        pid = self._require_ours(self._run(connection, look).fetchone())
        for _ in range(_REGAIN_TRIES):
            if self._try_advisory(connection):
                break
            # The server may not know yet that the old connection is gone.
            self._end_session(connection, pid)
            connection.execute("SELECT pg_sleep(0.1)")
        else:
            raise self._lost(None)
        with connection.transaction():
            self._require_ours(self._run(connection, f"{look} FOR UPDATE").fetchone())
            self._run(
                connection, "UPDATE {s}.locks SET pid = pg_backend_pid() WHERE workspace = %s"
            )

    def _require_ours(self, row: Any) -> int:
        """The session's number in a row of locks, which must name our lock."""
        holder = _info(row[0]) if row else None
        if holder is None or self._held is None or holder.id != self._held.id:
            raise self._lost(holder)
        return int(row[1])

    def _end_session(self, connection: Connection, pid: int) -> bool:
        """End a session if it still has the lock; whether it has it no more."""
        from psycopg import errors

        key = self._key & 0xFFFF_FFFF_FFFF_FFFF
        held = connection.execute(_HELD_BY, (pid, key >> 32, key & 0xFFFF_FFFF)).fetchone()
        if held is None:
            return True
        try:
            with connection.transaction():
                ended = connection.execute("SELECT pg_terminate_backend(%s)", (pid,)).fetchone()
        except errors.InsufficientPrivilege:
            return False
        return bool(ended and ended[0])

    def _lost(self, holder: LockInfo | None) -> LockError:
        return LockError(
            "State lock lost",
            f"The session that held {self._where} ended, and others may have written since; this run "
            "writes nothing more. The journal has what it did so far. Plan again.\n\n"
            f"{table_of(holder)}",
            holder,
        )


def _info(text: str) -> LockInfo | None:
    try:
        return msgspec.json.decode(text, type=LockInfo)
    except ValueError:
        return None
