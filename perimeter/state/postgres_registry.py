"""The document that all workspaces of a schema share, as a row."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from perimeter.state.errors import state_error
from perimeter.state.postgres_link import Link
from perimeter.state.postgres_tables import Tables

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]


class PostgresRegistry:
    """A row that all workspaces of a schema share; see ``perimeter.state.backend.Registry``."""

    def __init__(self, link: Link, tables: Tables) -> None:
        self._link = link
        self._tables = tables

    @property
    def place(self) -> str:
        """The table's name."""
        return f"table {self._tables.schema}.registry of PostgreSQL"

    def load(self) -> tuple[bytes, str]:
        """Return the document and its etag; both are empty when there is none.

        Raises:
            StateError: it cannot be read.
        """

        def work(connection: Connection) -> tuple[bytes, str]:
            if not self._tables.exist(connection):
                return b"", ""
            row = self._tables.run(
                connection, "SELECT data, etag FROM {s}.registry WHERE name = 'registry'"
            ).fetchone()
            return (row[0], row[1]) if row else (b"", "")

        return self._link.read(work, "Registry cannot be read")

    def write(self, data: bytes, expected_etag: str) -> str:
        """Replace the document and return its etag.

        Raises:
            StateError: somebody else wrote meanwhile, or it cannot be written.
        """
        etag = hashlib.sha256(secrets.token_bytes(16) + data).hexdigest()

        def work(connection: Connection) -> str:
            self._tables.prepare(connection)
            if expected_etag:
                change = self._tables.run(
                    connection,
                    "UPDATE {s}.registry SET data = %s, etag = %s WHERE name = 'registry' AND etag = %s",
                    data,
                    etag,
                    expected_etag,
                )
            else:
                change = self._tables.run(
                    connection,
                    "INSERT INTO {s}.registry (name, data, etag) VALUES ('registry', %s, %s) ON CONFLICT DO NOTHING",
                    data,
                    etag,
                )
            if change.rowcount != 1:
                raise state_error(
                    "Registry changed",
                    f"The {self.place} was written by another run since this one read it. Run again.",
                )
            return etag

        def landed(connection: Connection) -> str | None:
            row = self._tables.run(
                connection, "SELECT etag FROM {s}.registry WHERE name = 'registry'"
            )
            return etag if row.fetchone() == (etag,) else None

        return self._link.write(work, landed, "Registry cannot be written", "It is as it was.")
