"""The lock of a state in an object store: an object that is created, and from then on only replaced.

Stores replace an object only if it is still the one that was read; few delete on such a condition. So
whoever releases the lock writes that it is free, and the next one replaces that: at no moment can one
run take away the lock of another.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from types import TracebackType

import msgspec

from perimeter.state.backend import Waiting
from perimeter.state.errors import StateError, state_error
from perimeter.state.lockinfo import LockError, LockInfo
from perimeter.state.objects import ObjectStore, Outdated, StoreProblem
from perimeter.state.polling import Held, poll, table_of


class ObjectLock:
    """A lock that this process holds; see ``perimeter.state.backend.Lock``."""

    def __init__(self, store: ObjectStore, key: str, info: LockInfo, etag: str) -> None:
        self.info = info
        self.taken_over: LockInfo | None = None
        self._store = store
        self._key = key
        self._etag = etag

    def release(self) -> None:
        """Write that the lock is free, unless it is another's by now; a second call does nothing.

        Raises:
            StateError: the store cannot be asked; the lock stays.
        """
        etag, self._etag = self._etag, ""
        if not etag:
            return
        try:
            self._store.replace(self._key, _free(self.info), etag)
        except Outdated:
            return  # taken away by force-unlock
        except StoreProblem as problem:
            raise state_error(
                "Error releasing the state lock",
                f"{problem.what} All else is done, but the lock stays. Remove it with "
                f'"perimeter force-unlock {self.info.id}".',
            ) from None

    def __enter__(self) -> ObjectLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What went wrong first is what people have to hear of.
        with nullcontext() if problem is None else suppress(StateError):
            self.release()


def acquire(
    store: ObjectStore,
    key: str,
    info: LockInfo,
    where: str,
    timeout: float = 0.0,
    waiting: Waiting | None = None,
) -> ObjectLock:
    """Take the lock, waiting up to ``timeout`` seconds; see ``polling.poll``.

    Raises:
        LockError: somebody else holds it.
        StateError: the store cannot be asked.
    """

    def attempt() -> ObjectLock | Held:
        try:
            found = store.get(key)
            body = msgspec.json.encode(info)
            try:
                if found is None:
                    return ObjectLock(store, key, info, store.create(key, body))
                holder = _holder(found.data)
                if holder is None or holder.id:
                    return Held(holder)
                return ObjectLock(store, key, info, store.replace(key, body, found.etag))
            except Outdated:  # somebody was quicker
                present = store.get(key)
                return Held(_holder(present.data) if present is not None else None)
        except StoreProblem as problem:
            raise state_error(
                "Error acquiring the state lock",
                f"{problem.what} {problem.then} Nothing was changed.",
            ) from None

    return poll(attempt, timeout, waiting, where)


def force_unlock(store: ObjectStore, key: str, lock_id: str) -> None:
    """Free a lock that was left behind.

    Raises:
        LockError: there is none, or it has another id.
        StateError: the store cannot be asked.
    """
    summary = "Failed to unlock state"
    try:
        found = store.get(key)
        holder = _holder(found.data) if found is not None else None
        if found is None or (holder is not None and not holder.id):
            raise LockError(summary, "The state is not locked.")
        if holder is None:
            raise LockError(
                summary,
                f"{store.place}/{key} is no lock of perimeter. Look what it is; if nobody needs it, "
                "delete it there.",
            )
        if holder.id != lock_id:
            raise LockError(
                summary, f'The lock\'s ID is not "{lock_id}".\n\n{table_of(holder)}', holder
            )
        try:
            store.replace(key, _free(holder), found.etag)
        except Outdated:
            raise LockError(
                summary, "The lock changed hands just now. Look who holds it, then decide again."
            ) from None
    except StoreProblem as problem:
        raise state_error(summary, f"{problem.what} {problem.then}") from None


def _free(holder: LockInfo) -> bytes:
    """The body of a lock that nobody holds; never the same twice."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return msgspec.json.encode(
        LockInfo(id="", info=f"Free since {now}; {holder.id} held it.", path=holder.path)
    )


def _holder(data: bytes) -> LockInfo | None:
    try:
        return msgspec.json.decode(data, type=LockInfo)
    except (ValueError, RecursionError):
        return None
