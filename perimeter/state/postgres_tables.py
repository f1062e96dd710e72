"""The tables that hold states in PostgreSQL."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from perimeter.state.errors import state_error
from perimeter.state.postgres_link import driver

if TYPE_CHECKING:
    import psycopg

TABLES_VERSION = 1
"""Rises when the tables change; a newer one is refused."""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS {s}.format (version integer PRIMARY KEY)",
    (
        "CREATE TABLE IF NOT EXISTS {s}.states (workspace text PRIMARY KEY, data bytea NOT NULL, etag text NOT NULL, "
        "serial bigint NOT NULL, lineage text NOT NULL, written_at timestamptz NOT NULL DEFAULT now())"
    ),
    (
        "CREATE TABLE IF NOT EXISTS {s}.versions (workspace text, serial bigint, data bytea NOT NULL, "
        "written_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (workspace, serial))"
    ),
    (
        "CREATE TABLE IF NOT EXISTS {s}.records (workspace text, sequence bigint, data bytea NOT NULL, "
        "written_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (workspace, sequence))"
    ),
    (
        "CREATE TABLE IF NOT EXISTS {s}.evidence (workspace text, position bigint, batch text NOT NULL, line bytea NOT NULL, "
        "written_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (workspace, position))"
    ),
    (
        "CREATE TABLE IF NOT EXISTS {s}.locks (workspace text PRIMARY KEY, id text NOT NULL, info text NOT NULL, "
        "pid integer NOT NULL, taken_at timestamptz NOT NULL DEFAULT now())"
    ),
    "CREATE TABLE IF NOT EXISTS {s}.registry (name text PRIMARY KEY, data bytea NOT NULL, etag text NOT NULL)",
)
_EVIDENCE_STAYS = (
    (
        "CREATE OR REPLACE FUNCTION {s}.evidence_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'perimeter: evidence is only ever added to'; END $$"
    ),
    (
        "CREATE TRIGGER evidence_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {s}.evidence "
        "EXECUTE FUNCTION {s}.evidence_stays()"
    ),
)


class Tables:
    """The tables in one schema; statements name the schema ``{s}``."""

    def __init__(self, schema: str, *, create_schema: bool = True, create: bool = True) -> None:
        from psycopg import sql

        self.schema = schema
        self._name = sql.Identifier(schema)
        self._create_schema = create_schema
        self._create = create
        self._ready = False

    def run(
        self, connection: psycopg.Connection[Any], text: str, *values: Any
    ) -> psycopg.Cursor[Any]:
        """Run a statement."""
        from psycopg import sql

        # The texts are this package's own; values go as parameters.
        statement = sql.SQL(text).format(s=self._name)  # pyright: ignore[reportArgumentType]
        return connection.execute(statement, values)

    def lock_key(self, workspace: str) -> int:
        """The advisory lock of a workspace: a signed number of 64 bits."""
        name = f"perimeter\0{self.schema}\0{workspace}".encode()
        return int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)

    def exist(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether there are tables; a version that is not understood is refused.

        Raises:
            StateError: they are newer.
        """
        if self._ready:
            return True
        try:
            with connection.transaction():
                row = self.run(connection, "SELECT max(version) FROM {s}.format").fetchone()
        except (driver().errors.UndefinedTable, driver().errors.InvalidSchemaName):
            return False
        if row is None or row[0] is None:
            return False
        if row[0] > TABLES_VERSION:
            raise state_error(
                "Tables are newer",
                f'The tables in schema "{self.schema}" have version {row[0]}; this perimeter knows '
                f"{TABLES_VERSION}. Install the version that the others use.",
            )
        self._ready = True
        return True

    def prepare(self, connection: psycopg.Connection[Any]) -> None:
        """Make what is missing.

        Raises:
            StateError: something is missing and may not be made.
        """
        if self.exist(connection):
            return
        if not self._create:
            raise state_error(
                "Tables are missing",
                f'Schema "{self.schema}" does not hold perimeter\'s tables, and skip_table_creation '
                "forbids to make them. Let somebody who may run perimeter once without it.",
            )
        with connection.transaction():
            # IF NOT EXISTS does not keep two sessions from colliding.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (self.lock_key("\0tables"),))
            if self._create_schema:
                self.run(connection, "CREATE SCHEMA IF NOT EXISTS {s}")
            for text in _TABLES:
                self.run(connection, text)
            if self.run(connection, "SELECT 1 FROM {s}.format").fetchone() is None:
                for text in _EVIDENCE_STAYS:
                    self.run(connection, text)
                self.run(connection, "INSERT INTO {s}.format VALUES (%s)", TABLES_VERSION)
        self._ready = True
