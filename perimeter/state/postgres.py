"""State in PostgreSQL: tables in one schema, an advisory lock per workspace.

The lock is the server's: it ends with the session. Who takes it writes its id into ``locks``, and
every write of a holder checks in its own transaction that this id still stands there. So a holder
whose session was lost may take the lock back and go on if nobody had it meanwhile, and is refused
otherwise. Sessions must not be shared: connect to the server, or to a pooler in session mode.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perimeter.state.backend import Failpoint, Remembered, Version, Waiting, no_failpoint
from perimeter.state.codec import PLAIN, Codec
from perimeter.state.errors import state_error
from perimeter.state.local import KEPT_VERSIONS
from perimeter.state.lockinfo import LockInfo
from perimeter.state.model import Record, State
from perimeter.state.postgres_link import PATIENCE, Link
from perimeter.state.postgres_lock import Hold, PostgresLock
from perimeter.state.postgres_registry import PostgresRegistry
from perimeter.state.postgres_tables import Tables

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

DEFAULT_SCHEMA = "perimeter"

_NAME = "perimeter "
_PAGE = 1000
_STATE_KEPT = "The state there is as it was; the journal has what this run did."
_JOURNAL_KEPT = (
    "Nothing was begun that is not in the journal: the next run looks up what became of the rest."
)

_VERSIONS = (
    "SELECT serial, data FROM {s}.versions WHERE workspace = %s ORDER BY serial",
    "UPDATE {s}.versions SET data = %s WHERE workspace = %s AND serial = %s",
)
_RECORDS = (
    "SELECT sequence, data FROM {s}.records WHERE workspace = %s ORDER BY sequence",
    "UPDATE {s}.records SET data = %s WHERE workspace = %s AND sequence = %s",
)
_STATES = (
    "SELECT serial, data FROM {s}.states WHERE workspace = %s",
    "UPDATE {s}.states SET data = %s, etag = %s WHERE workspace = %s AND serial = %s",
)


class PostgresBackend:
    """See ``perimeter.state.backend.Backend``.

    Args:
        conninfo: libpq's connection string or URL; ``PG*`` variables fill in what it leaves open.
        schema: of the tables.
        workspace: whose state this is.
        codec: how state and records become bytes.
        create_schema: whether to make a schema that is missing.
        create_tables: whether to make tables that are missing.
        patience: seconds for which a lost server is awaited while writing.
        failpoint: called with ``append.written``, ``write.written`` and ``clear.removed`` after a
            transaction.

    Raises:
        StateError: the driver is not installed, or the connection string is malformed.
    """

    def __init__(
        self,
        conninfo: str,
        schema: str = DEFAULT_SCHEMA,
        workspace: str = "default",
        codec: Codec = PLAIN,
        *,
        create_schema: bool = True,
        create_tables: bool = True,
        patience: float = PATIENCE,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self.workspace = workspace
        self.codec = codec
        self.where = f'workspace "{workspace}" in schema "{schema}" of PostgreSQL'
        self.failpoint = failpoint
        self._link = Link(conninfo, _NAME + secrets.token_hex(8), patience)
        self._tables = Tables(schema, create_schema=create_schema, create=create_tables)
        self._hold = Hold(self._link, self._tables, workspace, self.where)

    def load(self) -> Remembered:
        """Read state and journal as of one moment; needs no lock and writes nothing.

        Raises:
            StateError: either cannot be read.
        """

        def work(connection: Connection) -> tuple[Any, list[Any]]:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if not self._tables.exist(connection):
                return None, []
            row = self._run(
                connection, "SELECT data, etag FROM {s}.states WHERE workspace = %s"
            ).fetchone()
            rows = self._run(
                connection,
                "SELECT sequence, data FROM {s}.records WHERE workspace = %s ORDER BY sequence",
            ).fetchall()
            return row, rows

        row, rows = self._link.read(work, "Could not read state")
        state = State() if row is None else self.codec.decode_state(row[0], where=self.where)
        records = tuple(self._decoded(sequence, data) for sequence, data in rows)
        return Remembered(state, records, "" if row is None else row[1])

    def write_state(self, state: State, expected_etag: str) -> str:
        """Replace the state, keeping it among the versions; return the etag.

        Raises:
            StateError: somebody else wrote meanwhile, the lock was lost, or it cannot be written.
        """
        data = self.codec.encode_state(state)
        etag = hashlib.sha256(data).hexdigest()

        def work(connection: Connection) -> str:
            self._begin(connection)
            if expected_etag:
                change = self._run(
                    connection,
                    "UPDATE {s}.states SET data = %s, etag = %s, serial = %s, lineage = %s, written_at = now() "
                    "WHERE workspace = %s AND etag = %s",
                    data,
                    etag,
                    state.serial,
                    state.lineage,
                    self.workspace,
                    expected_etag,
                    bare=True,
                )
            else:
                change = self._run(
                    connection,
                    "INSERT INTO {s}.states (workspace, data, etag, serial, lineage) VALUES (%s, %s, %s, %s, %s) "
                    "ON CONFLICT DO NOTHING",
                    data,
                    etag,
                    state.serial,
                    state.lineage,
                )
            if change.rowcount != 1:
                raise state_error(
                    "State changed",
                    f"The state of {self.where} was written by somebody else since this run read it. "
                    f"{_STATE_KEPT} Plan again.",
                )
            self._run(
                connection,
                "INSERT INTO {s}.versions (workspace, serial, data) VALUES (%s, %s, %s) "
                "ON CONFLICT (workspace, serial) DO UPDATE SET data = EXCLUDED.data, written_at = now()",
                state.serial,
                data,
            )
            self._run(
                connection,
                "DELETE FROM {s}.versions WHERE workspace = %s AND serial <= "
                "(SELECT serial FROM {s}.versions WHERE workspace = %s ORDER BY serial DESC OFFSET %s LIMIT 1)",
                self.workspace,
                KEPT_VERSIONS,
            )
            return etag

        def landed(connection: Connection) -> str | None:
            row = self._run(connection, "SELECT etag FROM {s}.states WHERE workspace = %s")
            return etag if row.fetchone() == (etag,) else None

        self._link.write(work, landed, "Could not write state", _STATE_KEPT)
        self.failpoint("write.written")
        return etag

    def append(self, record: Record) -> None:
        """Add a journal record.

        Raises:
            StateError: another record has this sequence, the lock was lost, or it cannot be written.
        """
        data = self.codec.encode_record(record)

        def work(connection: Connection) -> bool:
            self._begin(connection)
            change = self._run(
                connection,
                "INSERT INTO {s}.records (workspace, sequence, data) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                record.sequence,
                data,
            )
            if change.rowcount != 1:
                raise state_error(
                    "Journal changed",
                    f"The journal of {self.where} has a record {record.sequence} already: another run "
                    f"writes to this state. {_JOURNAL_KEPT} Make sure that runs take the lock, then "
                    "plan again.",
                )
            return True

        def landed(connection: Connection) -> bool | None:
            row = self._run(
                connection,
                "SELECT data FROM {s}.records WHERE workspace = %s AND sequence = %s",
                record.sequence,
            )
            return True if row.fetchone() == (data,) else None

        self._link.write(work, landed, "Could not write the journal", _JOURNAL_KEPT)
        self.failpoint("append.written")

    def clear_records(self, up_to_sequence: int) -> None:
        """Remove the records up to and including that sequence.

        Raises:
            StateError: they cannot be removed; those that remain are harmless.
        """

        def work(connection: Connection) -> bool:
            self._begin(connection)
            self._run(
                connection,
                "DELETE FROM {s}.records WHERE workspace = %s AND sequence <= %s",
                up_to_sequence,
            )
            return True

        remains = "The state is written and contains them; the next run removes them."
        self._link.write(work, _redo, "Could not remove journal records", remains)
        self.failpoint("clear.removed")

    def lock(
        self, info: LockInfo, timeout: float = 0.0, waiting: Waiting | None = None
    ) -> PostgresLock:
        """Take the lock, waiting up to ``timeout`` seconds.

        Raises:
            LockError: somebody else holds it.
            StateError: the server cannot be asked.
        """
        return self._hold.take(info, timeout, waiting)

    def force_unlock(self, lock_id: str) -> None:
        """End the session that holds the lock; what it still tries to write is refused.

        Raises:
            LockError: there is no lock, it has another id, or its session cannot be ended.
        """
        self._hold.force(lock_id)

    def close(self) -> None:
        """End the session with the server, and with it a lock that is held."""
        self._hold.drop()

    def append_evidence(self, data: bytes) -> None:
        """Add whole lines to the evidence log, a row each; the table refuses changes.

        Raises:
            StateError: the lock was lost, or they cannot be written; the log is as it was.
        """
        batch = secrets.token_hex(16)
        lines = data.splitlines(keepends=True)

        def work(connection: Connection) -> bool:
            self._begin(connection)
            row = self._run(
                connection,
                "SELECT coalesce(max(position), 0) FROM {s}.evidence WHERE workspace = %s",
            ).fetchone()
            last: int = row[0] if row else 0
            self._run(
                connection,
                "INSERT INTO {s}.evidence (workspace, batch, position, line) "
                "SELECT %s, %s, * FROM unnest(%s::bigint[], %s::bytea[])",
                batch,
                list(range(last + 1, last + 1 + len(lines))),
                lines,
            )
            return True

        def landed(connection: Connection) -> bool | None:
            row = self._run(
                connection,
                "SELECT 1 FROM {s}.evidence WHERE workspace = %s AND batch = %s LIMIT 1",
                batch,
            )
            return True if row.fetchone() else None

        remains = "The evidence log is as it was; state and journal are not touched."
        self._link.write(work, landed, "Could not write evidence", remains)

    def evidence_tail(self) -> bytes:
        """Return the evidence log's last line without its newline; empty when there is none.

        Raises:
            StateError: it cannot be read.
        """
        rows = self._evidence_rows("SELECT position, line", "ORDER BY position DESC LIMIT 1")
        return rows[0][1].rstrip(b"\n") if rows else b""

    def evidence_lines(self) -> Iterator[bytes]:
        """Yield the evidence log's lines, the oldest first.

        Raises:
            StateError: it cannot be read.
        """
        last = 0
        while rows := self._evidence_rows(
            "SELECT position, line", "AND position > %s ORDER BY position LIMIT %s", last, _PAGE
        ):
            yield from (line for _, line in rows)
            last = rows[-1][0]

    def versions(self) -> tuple[Version, ...]:
        """Return the states that are kept, the newest first.

        Raises:
            StateError: they cannot be listed.
        """

        def work(connection: Connection) -> list[Any]:
            if not self._tables.exist(connection):
                return []
            return self._run(
                connection,
                "SELECT serial, to_char(written_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"') "
                "FROM {s}.versions WHERE workspace = %s ORDER BY serial DESC",
            ).fetchall()

        rows = self._link.read(work, "Could not read the state's history")
        return tuple(Version(serial, at) for serial, at in rows)

    def version(self, serial: int) -> State:
        """Return the state as it was with this serial.

        Raises:
            StateError: it is not kept, or cannot be read.
        """

        def work(connection: Connection) -> Any:
            if not self._tables.exist(connection):
                return None
            return self._run(
                connection,
                "SELECT data FROM {s}.versions WHERE workspace = %s AND serial = %s",
                serial,
            ).fetchone()

        row = self._link.read(work, "Could not read the state's history")
        if row is None:
            raise state_error(
                "No such version of the state",
                f"{self.where} keeps no serial {serial}. "
                '"perimeter state history" lists what is kept.',
            )
        return self.codec.decode_state(row[0], where=f"serial {serial} of {self.where}")

    def recode(self) -> int:
        """Write again what the codec would write otherwise now: state, journal and versions, in one transaction.

        Raises:
            StateError: one cannot be read or written; all are as they were.
        """

        def work(connection: Connection) -> int:
            self._begin(connection)
            written = 0
            for read, write, encode in (
                (*_VERSIONS, self.codec.recoded_state),
                (*_RECORDS, self.codec.recoded_record),
                (*_STATES, self.codec.recoded_state),
            ):
                for number, old in self._run(connection, read).fetchall():
                    data = encode(bytes(old), where=f"number {number} of {self.where}")
                    if data is not None:
                        etag = (hashlib.sha256(data).hexdigest(),) if "etag" in write else ()
                        values = (data, *etag, self.workspace, number)
                        self._run(connection, write, *values, bare=True)
                        written += 1
            return written

        written = self._link.write(
            work, _redo, "Could not write state", "All is as it was; run it again."
        )
        self.failpoint("recode.replaced")
        return written

    def registry(self) -> PostgresRegistry:
        """Return the document shared by all workspaces of the schema."""
        return PostgresRegistry(self._link, self._tables)

    def workspaces(self) -> tuple[str, ...]:
        """Return the workspaces that have a state or a journal, sorted.

        Raises:
            StateError: they cannot be listed.
        """

        def work(connection: Connection) -> list[Any]:
            if not self._tables.exist(connection):
                return []
            return self._tables.run(
                connection,
                "SELECT workspace FROM {s}.states UNION SELECT workspace FROM {s}.records",
            ).fetchall()

        return tuple(sorted(name for (name,) in self._link.read(work, "Could not list workspaces")))

    def delete(self) -> None:
        """Remove the workspace's state, versions and journal; its evidence stays.

        Raises:
            StateError: they cannot be removed.
        """

        def work(connection: Connection) -> None:
            if self._tables.exist(connection):
                for table in ("states", "versions", "records", "locks"):
                    self._run(connection, f"DELETE FROM {{s}}.{table} WHERE workspace = %s")  # noqa: S608  # a fixed name

        self._link.read(work, "Could not delete the workspace")

    def _run(
        self, connection: Connection, text: str, *values: Any, bare: bool = False
    ) -> psycopg.Cursor[Any]:
        """Run a statement whose first parameter is the workspace, unless ``bare``."""
        return self._tables.run(connection, text, *(values if bare else (self.workspace, *values)))

    def _evidence_rows(self, what: str, rest: str, *values: Any) -> list[Any]:
        def work(connection: Connection) -> list[Any]:
            if not self._tables.exist(connection):
                return []
            text = f"{what} FROM {{s}}.evidence WHERE workspace = %s {rest}"
            return self._run(connection, text, *values).fetchall()

        return self._link.read(work, "Could not read evidence")

    def _decoded(self, sequence: int, data: bytes) -> Record:
        where = f"journal record {sequence} of {self.where}"
        record = self.codec.decode_record(data, where=where)
        if record.sequence != sequence:
            raise state_error(
                "Damaged journal",
                f"The row of {where} holds record {record.sequence}: it was changed by hand. Restore it "
                "from a backup of the database.",
            )
        return record

    def _begin(self, connection: Connection) -> None:
        """First in each writing transaction: tables are there, and a lock we took is ours yet."""
        self._tables.prepare(connection)
        self._hold.check(connection)


def _redo(_connection: object) -> None:
    """Nothing is lost by doing it twice."""
