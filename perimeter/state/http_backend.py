"""State on an HTTP server that speaks Terraform's protocol, such as GitLab's.

The server keeps one document (``http_document``). It knows no conditional writes, only the lock: its
id goes with each write, and a server that keeps the rules refuses a write under another id.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

import msgspec

from perimeter.state.backend import Failpoint, Remembered, Version, Waiting, no_failpoint
from perimeter.state.codec import PLAIN, Codec
from perimeter.state.errors import StateError, state_error
from perimeter.state.http_document import Document, compressed, decode_document, encode_document
from perimeter.state.http_exchange import Access, Exchange, Reply, failed
from perimeter.state.lockinfo import LockError, LockInfo, new_lock_info
from perimeter.state.model import Record, State
from perimeter.state.polling import Held, poll, table_of

_STATE_KEPT = "The state there is as it was; the journal has what this run did."
_JOURNAL_KEPT = (
    "Nothing was begun that is not in the journal: the next run looks up what became of the rest."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where and how, in Terraform's words; empty ``lock_address``: the server keeps no locks."""

    address: str
    update_method: str = "POST"
    lock_address: str = ""
    lock_method: str = "LOCK"
    unlock_address: str = ""
    unlock_method: str = "UNLOCK"
    access: Access = field(default_factory=Access)


class HttpLock:
    """The lock that a backend holds; see ``perimeter.state.backend.Lock``."""

    def __init__(self, backend: HttpBackend, info: LockInfo) -> None:
        self.info = info
        self.taken_over: LockInfo | None = None
        self._backend = backend

    def release(self) -> None:
        """Let others have it; a second call does nothing.

        Raises:
            StateError: the server cannot be told; the lock stays there.
        """
        self._backend.release(self.info)

    def __enter__(self) -> HttpLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.release()
        except StateError:
            if problem is None:  # what went wrong first matters more
                raise


class HttpBackend:
    """See ``perimeter.state.backend.Backend``.

    Args:
        endpoints: of the server.
        codec: how state and records become bytes.
        failpoint: called with ``append.written``, ``write.written`` and ``clear.removed`` after
            each.
    """

    def __init__(
        self, endpoints: Endpoints, codec: Codec = PLAIN, failpoint: Failpoint = no_failpoint
    ) -> None:
        self.endpoints = endpoints
        self.codec = codec
        self.failpoint = failpoint
        self.where = endpoints.address
        self._exchange = Exchange(endpoints.access)
        self._turn = threading.RLock()
        self._held: LockInfo | None = None
        self._known: Document | None = None

    def load(self) -> Remembered:
        """Read state and journal as of one moment; needs no lock and writes nothing.

        Raises:
            StateError: they cannot be read.
        """
        with self._turn:
            document = self._read("Could not read state")
            self._known = document
        state = (
            State()
            if document.is_empty
            else self.codec.decode_state(bytes(document.state), where=self.where)
        )
        records = tuple(self._decoded(sequence, data) for sequence, data in document.records)
        return Remembered(state, records, document.etag)

    def write_state(self, state: State, expected_etag: str) -> str:
        """Replace the state and return its etag.

        Raises:
            StateError: somebody else wrote meanwhile, the lock was lost, or it cannot be written.
        """
        data = compressed(self.codec.encode_state(state))

        def change(document: Document) -> Document:
            if document.etag != expected_etag:
                raise _changed(self.where)
            return msgspec.structs.replace(document, state=data, lineage=state.lineage)

        etag = self._write(change, "Could not write state", _STATE_KEPT).etag
        self.failpoint("write.written")
        return etag

    def append(self, record: Record) -> None:
        """Add a journal record.

        Raises:
            StateError: another record has this sequence, the lock was lost, or it cannot be written.
        """
        data = compressed(self.codec.encode_record(record))

        def change(document: Document) -> Document:
            if any(sequence == record.sequence for sequence, _ in document.records):
                raise state_error(
                    "Journal changed",
                    f"The journal in {self.where} has a record {record.sequence} already: another run "
                    f"writes to this state. {_JOURNAL_KEPT} Make sure that runs take the lock, then "
                    "plan again.",
                )
            records = sorted((*document.records, (record.sequence, data)), key=lambda item: item[0])
            return msgspec.structs.replace(
                document, records=tuple(records), lineage=document.lineage or record.lineage
            )

        self._write(change, "Could not write the journal", _JOURNAL_KEPT)
        self.failpoint("append.written")

    def clear_records(self, up_to_sequence: int) -> None:
        """Remove the records up to and including that sequence.

        Raises:
            StateError: they cannot be removed; those that remain are harmless.
        """

        def change(document: Document) -> Document:
            left = tuple(item for item in document.records if item[0] > up_to_sequence)
            if len(left) == len(document.records):
                return document
            return msgspec.structs.replace(document, records=left)

        remains = "The state is written and contains them; the next run removes them."
        self._write(change, "Could not remove journal records", remains)
        self.failpoint("clear.removed")

    def lock(
        self, info: LockInfo, timeout: float = 0.0, waiting: Waiting | None = None
    ) -> HttpLock:
        """Take the lock, waiting up to ``timeout`` seconds.

        Raises:
            LockError: somebody else holds it, or the server keeps no locks.
            StateError: the server cannot be asked.
        """
        if not self.endpoints.lock_address:
            raise LockError(
                "Backend has no lock",
                f"{self.where} is configured without lock_address, so nothing keeps two runs from writing "
                "at the same time. Set it if the server has one. Where surely nobody else runs, go "
                "without by -lock=false.",
            )
        if self._held is not None:
            raise LockError(
                "Error acquiring the state lock",
                f"This run holds {self.where} already.\n\n{self._held.table()}",
                self._held,
            )
        return poll(lambda: self._try(info), timeout, waiting, self.where)

    def release(self, info: LockInfo) -> None:
        """Give up the lock if ``info`` is its holder.

        Raises:
            StateError: the server cannot be told.
        """
        if self._held is None or self._held.id != info.id:
            return
        self._held = self._known = None
        reply = self._unlock(info)
        # Another holder, or none: it was removed by force.
        if not reply.ok and reply.status not in (404, 409, 423):
            raise failed(
                "Error releasing the state lock",
                reply,
                self.endpoints.unlock_address or self.endpoints.lock_address,
                "What was to be written is written; only the lock stays. Remove it with "
                f'"perimeter force-unlock {info.id}".',
            )

    def force_unlock(self, lock_id: str) -> None:
        """Remove a lock that was left behind.

        Raises:
            LockError: there is none, or another id holds it.
            StateError: the server cannot be asked.
        """
        summary = "Failed to unlock state"
        if not self.endpoints.lock_address:
            raise LockError(summary, f"{self.where} is configured without lock_address.")
        # The protocol tells who holds a lock only to those who want it.
        mine = new_lock_info("force-unlock", self.where)
        outcome = self._ask(mine)
        if not isinstance(outcome, Held):
            self._unlock(mine)
            raise LockError(summary, "The state is not locked.")
        holder = outcome.holder
        if holder is not None and holder.id != lock_id:
            raise LockError(
                summary, f'The lock\'s ID is not "{lock_id}".\n\n{table_of(holder)}', holder
            )
        reply = self._unlock(holder or LockInfo(id=lock_id))
        if not reply.ok:
            raise failed(summary, reply, self.where, "The lock is as it was.")

    def append_evidence(self, data: bytes) -> None:
        """Add whole lines to the evidence log.

        Raises:
            StateError: the lock was lost, or they cannot be written; the log is as it was.
        """
        remains = "The evidence log is as it was; state and journal are not touched."
        self._write(lambda item: item.with_evidence(data), "Could not write evidence", remains)

    def evidence_tail(self) -> bytes:
        """Return the evidence log's last line without its newline; empty when there is none.

        Raises:
            StateError: it cannot be read.
        """
        with self._turn:
            document = self._current("Could not read evidence")
        return document.evidence[-1].encode() if document.evidence else b""

    def evidence_lines(self) -> Iterator[bytes]:
        """Yield the evidence log's lines, the oldest first.

        Raises:
            StateError: it cannot be read.
        """
        with self._turn:
            document = self._current("Could not read evidence")
        return document.evidence_lines(self.where)

    def versions(self) -> tuple[Version, ...]:
        """Return nothing: the protocol has no older versions (GitLab shows them on its pages)."""
        return ()

    def version(self, serial: int) -> State:
        """Refuse; see ``versions``.

        Raises:
            StateError: always.
        """
        raise state_error(
            "No such version of the state",
            f"{self.where} gives no older states: the HTTP protocol has none. GitLab keeps them; download "
            "one there.",
        )

    def recode(self) -> int:
        """Write again what the codec would write otherwise now: state and journal, at once.

        Raises:
            StateError: it cannot be read or written; it is as it was.
        """
        written = 0

        def change(document: Document) -> Document:
            nonlocal written
            state, records, written = document.state, list(document.records), 0
            if not document.is_empty and (
                data := self.codec.recoded_state(bytes(state), where=self.where)
            ):
                state, written = compressed(data), 1
            for index, (sequence, raw) in enumerate(records):
                where = f"journal record {sequence} in {self.where}"
                if data := self.codec.recoded_record(bytes(raw), where=where):
                    records[index] = (sequence, compressed(data))
                    written += 1
            if not written:
                return document
            return msgspec.structs.replace(document, state=state, records=tuple(records))

        self._write(change, "Could not write state", "It is as it was; run it again.")
        self.failpoint("recode.replaced")
        return written

    def registry(self) -> None:
        """Return None: the protocol has no place for a document that states share."""

    def delete(self) -> None:
        """Remove the document, evidence included.

        Raises:
            StateError: it cannot be removed.
        """
        params = {"ID": self._held.id} if self._held else None
        reply = self._exchange.once("DELETE", self.endpoints.address, params=params)
        if not reply.ok and reply.status != 404:
            raise failed("Could not delete the state", reply, self.where, "It may be there yet.")
        self._known = None

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def _decoded(self, sequence: int, data: msgspec.Raw) -> Record:
        where = f"journal record {sequence} in {self.where}"
        record = self.codec.decode_record(bytes(data), where=where)
        if record.sequence != sequence:
            raise state_error(
                "Damaged journal", f"{where} is record {record.sequence}: it was changed by hand."
            )
        return record

    def _current(self, summary: str) -> Document:
        """The document: as last seen while the lock keeps others from it, read anew otherwise."""
        if self._held is not None and self._known is not None:
            return self._known
        return self._read(summary)

    def _read(self, summary: str) -> Document:
        reply = self._exchange.repeated("GET", self.endpoints.address)
        if reply.status in (204, 404) or (reply.ok and not reply.body.strip()):
            return Document()
        if not reply.ok:
            raise failed(summary, reply, self.where, "Nothing was changed.")
        return decode_document(reply.body, self.where)

    def _write(
        self, change: Callable[[Document], Document], summary: str, remains: str
    ) -> Document:
        """Write the changed document; when an answer is lost, what lies there decides."""
        with self._turn:
            base = self._current(summary)
            wanted = change(base)
            if wanted is base:
                return base
            wanted = msgspec.structs.replace(wanted, serial=base.serial + 1)
            self._known = None
            self._put(encode_document(wanted), base, wanted, summary, remains)
            self._known = wanted
            return wanted

    def _put(
        self, data: bytes, base: Document, wanted: Document, summary: str, remains: str
    ) -> None:
        params = {"ID": self._held.id} if self._held else None
        access = self.endpoints.access
        tried = 0
        while True:
            reply = self._exchange.once(
                self.endpoints.update_method, self.endpoints.address, data, params
            )
            tried += 1
            if reply.ok:
                return
            if reply.unsure or tried > 1:
                # The first try may have been done though its answer was lost.
                if tried <= access.retry_max:
                    time.sleep(access.pause(tried))
                try:
                    found = self._read(summary)
                except StateError:
                    found = None
                if found == wanted:
                    return
                if found is not None and found != base:
                    raise _changed(self.where)
                if reply.unsure and tried <= access.retry_max:
                    continue
            if reply.status in (409, 423):
                raise self._lost(reply)
            raise failed(summary, reply, self.where, remains)

    def _lost(self, reply: Reply) -> LockError:
        holder = _info(reply.body)
        what = "This run's lock is gone" if self._held else "Another run holds the lock"
        return LockError(
            "State lock lost" if self._held else "State is locked",
            f"{self.where} refused the write ({reply.status}). {what}, and others may have written since; "
            f"this run writes nothing more. {_STATE_KEPT} Plan again.\n\n{table_of(holder)}",
            holder,
        )

    def _try(self, info: LockInfo) -> HttpLock | Held:
        outcome = self._ask(info)
        if isinstance(outcome, Held):
            return outcome
        self._held, self._known = info, None
        return outcome

    def _ask(self, info: LockInfo) -> HttpLock | Held:
        """Ask for the lock."""
        reply = self._exchange.repeated(
            self.endpoints.lock_method, self.endpoints.lock_address, msgspec.json.encode(info)
        )
        if reply.ok:
            return HttpLock(self, info)
        if reply.status in (409, 423):
            holder = _info(reply.body)
            # Ours, when the answer to the first try was lost.
            if holder is not None and holder.id == info.id:
                return HttpLock(self, info)
            return Held(holder)
        if not reply.status:
            # It may have been given to us; nobody but us knows that id.
            self._exchange.once(
                self.endpoints.unlock_method,
                self.endpoints.unlock_address or self.endpoints.lock_address,
                msgspec.json.encode(info),
            )
        raise failed(
            "Error acquiring the state lock",
            reply,
            self.endpoints.lock_address,
            "Nothing was changed.",
        )

    def _unlock(self, info: LockInfo) -> Reply:
        return self._exchange.repeated(
            self.endpoints.unlock_method,
            self.endpoints.unlock_address or self.endpoints.lock_address,
            msgspec.json.encode(info),
        )


def _info(body: bytes) -> LockInfo | None:
    try:
        return msgspec.json.decode(body, type=LockInfo)
    except ValueError:
        return None


def _changed(where: str) -> StateError:
    return state_error(
        "State changed",
        f"{where} was written by somebody else since this run read it. {_STATE_KEPT} Plan again.",
    )
