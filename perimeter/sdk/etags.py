"""Bodies that a vendor may confirm instead of sending again (ETag, RFC 9110 §13.1.2)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

_TABLE = "page (key TEXT PRIMARY KEY, entry BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """One stored answer.

    Attributes:
        etag: what to send as ``If-None-Match``.
        data: the decoded body, stripped of secrets.
        headers: the headers that a 304 does not repeat, such as ``link``.
    """

    etag: str
    data: Any = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class EtagCache:
    """Answers by URL, credential and decoder version, in memory or in one SQLite file.

    A credential sees only what was answered to itself. Keys are digests, so that neither URLs nor
    credentials are readable in the file, which only its owner may read. A file that cannot be used
    is dropped and begun anew; where that fails, too, the cache is empty: it only ever saves calls.

    Attributes:
        strip: pure; drops what must not be kept (secrets) from a body. The client applies it to
            every body that it returns, so that a cached answer and a new one never differ.
        decoder_version: raised when what is kept changes in meaning.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        strip: Callable[[Any], Any],
        decoder_version: str = "1",
        max_entries: int = 50_000,
    ) -> None:
        self.strip = strip
        self.decoder_version = decoder_version
        self._path = path
        self._max_entries = max_entries
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._broken = False

    def get(self, url: str, credential: str) -> Cached | None:
        """The stored answer for a URL (query as sent) and a credential's fingerprint."""
        key = self._key(url, credential)
        with self._using() as connection:
            if connection is None:
                return None
            row = connection.execute("SELECT entry FROM page WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            try:
                etag, data, headers = json.loads(row[0])
                return Cached(etag=etag, data=data, headers=dict(headers))
            except (ValueError, TypeError):
                connection.execute("DELETE FROM page WHERE key = ?", (key,))
        return None

    def put(self, url: str, credential: str, cached: Cached) -> None:
        """Store an answer whose body has been stripped already."""
        entry = json.dumps([cached.etag, cached.data, dict(cached.headers)], separators=(",", ":"))
        with self._using() as connection:
            if connection is None:
                return
            connection.execute(
                "INSERT OR REPLACE INTO page SELECT ?, ?, COALESCE(MAX(used), 0) + 1 FROM page",
                (self._key(url, credential), entry.encode("utf-8", "surrogatepass")),
            )

    def close(self) -> None:
        """Drop the oldest entries above the allowed number and close the file."""
        with self._using() as connection:
            if connection is not None:
                connection.execute(
                    "DELETE FROM page WHERE key IN"
                    " (SELECT key FROM page ORDER BY used DESC LIMIT -1 OFFSET ?)",
                    (self._max_entries,),
                )
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _key(self, url: str, credential: str) -> str:
        text = json.dumps([url, credential, self.decoder_version])
        return hashlib.sha256(text.encode()).hexdigest()

    @contextlib.contextmanager
    def _using(self) -> Iterator[sqlite3.Connection | None]:
        import sqlite3

        with self._lock:
            try:
                if self._connection is None and not self._broken:
                    self._connection = self._open()
                yield self._connection
            except (sqlite3.Error, OSError):
                # Damaged, full or not writable: go on without what was kept.
                self._reset()

    def _reset(self) -> None:
        import sqlite3

        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None
        self._remove()
        try:
            self._connection = self._connect()
        except (sqlite3.Error, OSError):
            self._broken = True

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        try:
            return self._connect()
        except (sqlite3.Error, OSError):
            self._remove()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            self._path.chmod(0o600)
        name = ":memory:" if self._path is None else str(self._path)
        connection = sqlite3.connect(
            name, timeout=5.0, isolation_level=None, check_same_thread=False
        )
        try:
            # A cache may be lost at a power cut: no waiting for the disk.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE}")
            connection.execute("SELECT key, entry, used FROM page LIMIT 1").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _remove(self) -> None:
        if self._path is None:
            return
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink()
