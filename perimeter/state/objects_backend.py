"""State, journal, evidence and lock as objects in a bucket.

``KEY`` is the state, ``KEY.journal/00000001.json`` a journal record,
``KEY.evidence/00000/00000001.jsonl`` a segment of the evidence log,
``KEY.history/00000001.20260131T235959Z.json`` a state before the present one, by its serial and the
time it was written, ``KEY.lock`` the lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from perimeter.state import objects_lock
from perimeter.state.backend import Failpoint, Remembered, Version, Waiting, no_failpoint
from perimeter.state.codec import PLAIN, Codec
from perimeter.state.errors import StateError, state_error
from perimeter.state.lockinfo import LockInfo
from perimeter.state.model import Record, State
from perimeter.state.objects import (
    Found,
    ObjectStore,
    Outdated,
    StoreProblem,
    delete_all,
    read_all,
    stamp,
)

KEPT_VERSIONS = 50
"""How many states are kept, the present one included."""
REGISTRY_KEY = "perimeter.registry.json"

_RECORD = re.compile(r"(\d{8,})\.json")
_SEGMENT = re.compile(r"(\d{8,})\.jsonl")
_VERSION = re.compile(r"(\d{8,})\.(\d{8}T\d{6}Z)\.json")
_PER_FOLDER = 1000
_AT_ONCE = 8
_LOAD_ATTEMPTS = 50
_LIST_ATTEMPTS = 3
_STATE_KEPT = (
    "The state is whole, and the journal holds what happened since; the next run takes it up."
)
_JOURNAL_KEPT = (
    "The state is as it was: no call that this record announces was made, and what "
    "earlier records announced is looked up in the tenant by the next run."
)


@dataclass(frozen=True, slots=True)
class _Known:
    """The state as this process last read or wrote it."""

    etag: str
    data: bytes
    serial: int
    written_at: datetime


class ObjectRegistry:
    """A document that states of one bucket share; see ``perimeter.state.backend.Registry``."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._store = store
        self._key = key

    @property
    def place(self) -> str:
        """The object's address."""
        return f"{self._store.place}/{self._key}"

    def load(self) -> tuple[bytes, str]:
        """Return the document and its etag; both are empty when there is none.

        Raises:
            StateError: it cannot be read.
        """
        with self._explaining("read"):
            found = self._store.get(self._key)
        return (found.data, found.etag) if found is not None else (b"", "")

    def write(self, data: bytes, expected_etag: str) -> str:
        """Replace the document and return its etag.

        Raises:
            StateError: another run wrote meanwhile, or it cannot be written.
        """
        with self._explaining("written"):
            try:
                if expected_etag:
                    return self._store.replace(self._key, data, expected_etag)
                return self._store.create(self._key, data)
            except Outdated:
                raise state_error(
                    "Registry changed",
                    f"{self.place} was written by another run since this one read it. Run again.",
                ) from None

    @contextmanager
    def _explaining(self, done: str) -> Iterator[None]:
        try:
            yield
        except StoreProblem as problem:
            raise state_error(
                f"Registry cannot be {done}",
                f"{self.place} is shared by the states of this bucket; another key can be set by "
                f'"registry_key". {problem.what} {problem.then} Nothing was changed.',
            ) from None


class ObjectBackend:
    """State in a bucket; see ``perimeter.state.backend.Backend``.

    Attributes:
        store: the bucket.
        key: of the state.
        registry_key: of the document shared with other states of the bucket.
        failpoint: called with ``append.written`` (nothing is sent yet), ``append.linked``,
            ``write.written`` (nothing is sent yet), ``write.backed_up``, ``write.replaced`` and
            ``clear.removed`` as each of these is done.
    """

    def __init__(
        self,
        store: ObjectStore,
        key: str,
        *,
        codec: Codec = PLAIN,
        registry_key: str = REGISTRY_KEY,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self.store = store
        self.key = key
        self.codec = codec
        self.registry_key = registry_key
        self.failpoint = failpoint
        self._known: _Known | None = None
        self._segments: int | None = None

    @property
    def place(self) -> str:
        """The state's address."""
        return f"{self.store.place}/{self.key}"

    def load(self) -> Remembered:
        """Read state and journal as of one moment; needs no lock and writes nothing.

        Raises:
            StateError: either cannot be read.
        """
        with _explaining("Could not read state", "Nothing was changed."):
            for attempt in range(_LOAD_ATTEMPTS):
                found = self.store.get(self.key)
                keys = self._record_keys()
                if attempt < _LIST_ATTEMPTS and _has_gap(list(keys.values())):
                    continue  # pages of a listing are not of one moment
                bodies = read_all(self.store, list(keys))
                if None in bodies:
                    continue  # compacted meanwhile
                if self.store.etag(self.key) == (found.etag if found is not None else ""):
                    break
            else:
                raise state_error(
                    "State keeps changing",
                    f"{self.place} was rewritten each time it was read. Wait for the other run to end.",
                )
        state = self._read_state(found)
        records = tuple(
            self._read_record(key, number, body.data)
            for (key, number), body in zip(keys.items(), bodies, strict=True)
            if body is not None
        )
        whole = _unbroken(records, state.seal.journal_sequence)
        return Remembered(state, whole, found.etag if found is not None else "")

    def write_state(self, state: State, expected_etag: str) -> str:
        """Replace the state, keeping the one before in the history; return the etag.

        Raises:
            StateError: somebody else wrote meanwhile, or it cannot be written (then it is as it
            was).
        """
        data = self.codec.encode_state(state)
        with _explaining("Could not write state", _STATE_KEPT):
            try:
                before = self._present(expected_etag)
                self.failpoint("write.written")
                if before is not None:
                    self._keep(before)
                    self.failpoint("write.backed_up")
                    etag = self.store.replace(self.key, data, expected_etag)
                else:
                    etag = self.store.create(self.key, data)
            except Outdated:
                raise state_error(
                    "State changed",
                    f"{self.place} was written by somebody else since this run read it. "
                    f"{_STATE_KEPT} Plan again.",
                ) from None
            self._known = _Known(etag, data, state.serial, datetime.now(UTC))
            self.failpoint("write.replaced")
        if before is not None:
            self._forget_oldest()
        return etag

    def append(self, record: Record) -> None:
        """Add a journal record; it is seen whole or not at all.

        Raises:
            StateError: another record has this sequence, or it cannot be written.
        """
        data = self.codec.encode_record(record)
        key = f"{self.key}.journal/{record.sequence:08d}.json"
        with _explaining("Could not write the journal", _JOURNAL_KEPT):
            self.failpoint("append.written")
            try:
                try:
                    self.store.create(key, data)
                except Outdated:
                    self._correct(key, record, data)
            except Outdated:
                raise state_error(
                    "Journal changed",
                    f"{self.store.place}/{key} exists already: another run writes to this state. "
                    f"{_JOURNAL_KEPT} Make sure that runs take the lock, then plan again.",
                ) from None
            self.failpoint("append.linked")

    def clear_records(self, up_to_sequence: int) -> None:
        """Remove the records up to and including that sequence, the oldest first.

        Raises:
            StateError: one cannot be removed; those that remain are harmless.
        """
        remains = "The state is written and contains them; the next run removes them."
        with _explaining("Could not remove journal records", remains):
            keys = [key for key, number in self._record_keys().items() if number <= up_to_sequence]
            for start in range(0, len(keys), _AT_ONCE):
                delete_all(self.store, keys[start : start + _AT_ONCE])
                self.failpoint("clear.removed")

    def lock(
        self, info: LockInfo, timeout: float = 0.0, waiting: Waiting | None = None
    ) -> objects_lock.ObjectLock:
        """Take the lock, waiting up to ``timeout`` seconds.

        Raises:
            LockError: somebody else holds it.
            StateError: the bucket cannot be asked.
        """
        return objects_lock.acquire(
            self.store, f"{self.key}.lock", info, self.place, timeout, waiting
        )

    def force_unlock(self, lock_id: str) -> None:
        """Free a lock that was left behind.

        Raises:
            LockError: there is none, or it has another id.
        """
        objects_lock.force_unlock(self.store, f"{self.key}.lock", lock_id)

    def append_evidence(self, data: bytes) -> None:
        """Add whole lines to the evidence log, as a segment of their own.

        Raises:
            StateError: it cannot be written, or another run writes to it; the log is as it was.
        """
        remains = "State and journal are not touched."
        with _explaining("Could not write evidence", remains):
            number = self._last_segment() + 1
            try:
                self.store.create(self._segment_key(number), data)
            except Outdated:
                # Nothing is found out about the others' segments: the next try has to fail, too.
                raise state_error(
                    "Evidence log changed",
                    f"{self.store.place}/{self._segment_key(number)} exists already: another run "
                    f"writes to this log. {remains} Make sure that runs take the lock, then plan "
                    "again.",
                ) from None
            self._segments = number

    def evidence_tail(self) -> bytes:
        """Return the evidence log's last line, without the newline; empty when there is none.

        Raises:
            StateError: it cannot be read.
        """
        with _explaining("Could not read evidence", "Nothing was changed."):
            self._segments = None  # another run may have written since
            number = self._last_segment()
            found = self.store.get(self._segment_key(number)) if number else None
        return found.data.rstrip(b"\n").rpartition(b"\n")[2] if found is not None else b""

    def evidence_lines(self) -> Iterator[bytes]:
        """Yield the evidence log's lines, the oldest first.

        Raises:
            StateError: it cannot be read.
        """
        with _explaining("Could not read evidence", "Nothing was changed."):
            keys = [key for key, _ in self.store.below(f"{self.key}.evidence")]
            keys = sorted(_numbered(keys, _SEGMENT), key=lambda key: _number(key, _SEGMENT))
            for start in range(0, len(keys), _AT_ONCE):
                for found in read_all(self.store, keys[start : start + _AT_ONCE]):
                    if found is not None:
                        yield from found.data.splitlines(keepends=True)

    def versions(self) -> tuple[Version, ...]:
        """Return the present state and those kept in ``KEY.history``, the newest first.

        Raises:
            StateError: they cannot be listed or read.
        """
        with _explaining("Could not read the state's history", "Nothing was changed."):
            found = {serial: moment for serial, moment, _ in self._history()}
            present = self.store.get(self.key)
        if present is not None:
            found[self._read_state(present).serial] = present.modified
        return tuple(
            Version(serial, moment.astimezone(UTC).isoformat(timespec="seconds"))
            for serial, moment in sorted(found.items(), reverse=True)
        )

    def version(self, serial: int) -> State:
        """Return the state as it was with this serial.

        Raises:
            StateError: it is not kept, or cannot be read.
        """
        with _explaining("Could not read the state's history", "Nothing was changed."):
            present = self.store.get(self.key)
            if present is not None:
                state = self._read_state(present)
                if state.serial == serial:
                    return state
            keys = [key for number, _, key in self._history() if number == serial]
            kept = self.store.get(keys[-1]) if keys else None
        if kept is None:
            raise state_error(
                "No such version of the state",
                f"{self.place} is not kept with serial {serial}. "
                '"perimeter state history" lists what is kept.',
            )
        return self.codec.decode_state(kept.data, where=f"{self.store.place}/{keys[-1]}")

    def recode(self) -> int:
        """Write again what the codec would write otherwise now: state, journal and history.

        Raises:
            StateError: one cannot be read or written; those before it are done.
        """
        written = 0
        with _explaining("Could not write state", "What was written is whole; run it again."):
            for key, encode in (
                *((item, self.codec.recoded_state) for _, _, item in self._history()),
                (self.key, self.codec.recoded_state),
                *((item, self.codec.recoded_record) for item in self._record_keys()),
            ):
                found = self.store.get(key)
                if found is None:
                    continue
                data = encode(found.data, where=f"{self.store.place}/{key}")
                if data is None:
                    continue
                try:
                    self.store.replace(key, data, found.etag)
                except Outdated:
                    raise state_error(
                        "State changed",
                        f"{self.store.place}/{key} was written by another run meanwhile. Make sure that runs take "
                        "the lock, then run it again.",
                    ) from None
                self.failpoint("recode.replaced")
                written += 1
        self._known = None
        return written

    def registry(self) -> ObjectRegistry:
        """Return the document that the states of the bucket share."""
        return ObjectRegistry(self.store, self.registry_key)

    def _read_state(self, found: Found | None) -> State:
        if found is None:
            self._known = None
            return State()
        state = self.codec.decode_state(found.data, where=self.place)
        self._known = _Known(found.etag, found.data, state.serial, found.modified)
        return state

    def _read_record(self, key: str, number: int, data: bytes) -> Record:
        where = f"{self.store.place}/{key}"
        record = self.codec.decode_record(data, where=where)
        if record.sequence != number:
            raise state_error(
                "Damaged journal",
                f"{where} holds record {record.sequence}: it was renamed or copied. Put it back "
                "under its own name.",
            )
        return record

    def _correct(self, key: str, record: Record, data: bytes) -> None:
        """Replace a record that this run wrote and was told that it failed: no call followed it.

        Raises:
            Outdated: it is another run's.
        """
        found = self.store.get(key)
        if found is None:
            raise Outdated
        held = self._read_record(key, record.sequence, found.data)
        if (held.run, held.lineage, held.previous) != (record.run, record.lineage, record.previous):
            raise Outdated
        self.store.replace(key, data, found.etag)

    def _record_keys(self) -> dict[str, int]:
        """The keys of journal records with their numbers, in order."""
        keys = _numbered([key for key, _ in self.store.below(f"{self.key}.journal")], _RECORD)
        found = {key: _number(key, _RECORD) for key in keys}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def _present(self, etag: str) -> _Known | None:
        """The state that ``etag`` names.

        Raises:
            Outdated: it is not there any more.
        """
        if not etag:
            return None
        if self._known is None or self._known.etag != etag:
            self._read_state(self.store.get(self.key))
            if self._known is None or self._known.etag != etag:
                raise Outdated
        return self._known

    def _keep(self, before: _Known) -> None:
        name = f"{before.serial:08d}.{stamp(before.written_at)}.json"
        self.store.overwrite(f"{self.key}.history/{name}", before.data)

    def _history(self) -> list[tuple[int, datetime, str]]:
        """Serial, time of writing and key of each state kept, the oldest first."""
        found = []
        for key, _ in self.store.below(f"{self.key}.history"):
            if match := _VERSION.fullmatch(key.rpartition("/")[2]):
                moment = datetime.strptime(match[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                found.append((int(match[1]), moment, key))
        return sorted(found)

    def _forget_oldest(self) -> None:
        remains = "The new state is written; older ones than need be are kept."
        with _explaining("Could not thin out the state's history", remains):
            kept = self._history()
            if len(kept) >= KEPT_VERSIONS:
                delete_all(self.store, [key for _, _, key in kept[: 1 - KEPT_VERSIONS]])

    def _segment_key(self, number: int) -> str:
        return f"{self.key}.evidence/{number // _PER_FOLDER:05d}/{number:08d}.jsonl"

    def _last_segment(self) -> int:
        """The number of the evidence log's last segment; 0 when there is none."""
        if self._segments is None:
            _, folders = self.store.folder(f"{self.key}.evidence")
            keys = [key for key, _ in self.store.below(folders[-1])] if folders else []
            numbers = [_number(key, _SEGMENT) for key in _numbered(keys, _SEGMENT)]
            self._segments = max(numbers, default=0)
        return self._segments


def _numbered(keys: list[str], pattern: re.Pattern[str]) -> list[str]:
    return [key for key in keys if pattern.fullmatch(key.rpartition("/")[2])]


def _number(key: str, pattern: re.Pattern[str]) -> int:
    match = pattern.fullmatch(key.rpartition("/")[2])
    return int(match[1]) if match else 0


def _has_gap(numbers: list[int]) -> bool:
    return bool(numbers) and numbers[-1] - numbers[0] != len(numbers) - 1


def _unbroken(records: tuple[Record, ...], sealed: int) -> tuple[Record, ...]:
    """Leave out what is older than a record that ``clear_records`` removed.

    It removes several at a time, so one that was killed may have left an older one. What the state
    seals and is gone was removed by it: only then are there newer records, or none is needed.
    """
    if records and records[-1].sequence < sealed:
        return ()
    start = 0
    for index in range(1, len(records)):
        expected = records[index - 1].sequence + 1
        if records[index].sequence != expected and records[index].sequence <= sealed + 1:
            start = index
    return records[start:]


@contextmanager
def _explaining(summary: str, remains: str) -> Iterator[None]:
    """Turn a store's problem into a ``StateError`` that says what is still true."""
    try:
        yield
    except StoreProblem as problem:
        raise _explained(summary, remains, problem) from None


def _explained(summary: str, remains: str, problem: StoreProblem) -> StateError:
    return state_error(summary, f"{problem.what} {remains} {problem.then}")
