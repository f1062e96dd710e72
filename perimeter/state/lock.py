"""A lock file: ``flock`` decides, the JSON body tells others who holds it.

The kernel drops the lock with its process, so a lock left by a killed run on this host is free and
is
taken over. A body from another host is believed: file systems shared between hosts do not always
share ``flock``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from pathlib import Path
from types import TracebackType

import msgspec

from perimeter.state.backend import Waiting
from perimeter.state.errors import state_error
from perimeter.state.lockinfo import LockError, LockInfo

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_WHY_LOCKED = (
    "perimeter locks the state so that two runs do not write it at the same time. Wait for the "
    "other "
    'run to end, or wait for it with "-lock-timeout=5m".'
)


class FileLock:
    """A lock file that this process holds; see ``perimeter.state.backend.Lock``."""

    __slots__ = ("_fd", "_path", "info", "taken_over")

    def __init__(self, path: Path, fd: int, info: LockInfo, taken_over: LockInfo | None) -> None:
        self.info = info
        self.taken_over = taken_over
        self._path = path
        self._fd = fd

    def release(self) -> None:
        """Remove the file and drop the lock; a second call does nothing."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            # Removed while still locked: whoever opened the old file notices that it is gone.
            if _is_at(fd, self._path):
                self._path.unlink(missing_ok=True)
        except OSError:
            pass  # the body stays, the lock does not: the next run takes it over
        finally:
            os.close(fd)

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def acquire(
    path: Path, info: LockInfo, timeout: float = 0.0, waiting: Waiting | None = None
) -> FileLock:
    """Take the lock, waiting up to ``timeout`` seconds.

    Args:
        path: of the lock file.
        info: what others shall read in it.
        timeout: seconds.
        waiting: called before the first pause and then about once a second.

    Raises:
        LockError: somebody else holds it; the message has the Lock Info table.
        StateError: the lock file cannot be made.
    """
    start = time.monotonic()
    pause = _FIRST_PAUSE
    told = -1.0
    while True:
        outcome = _attempt(path, info)
        if isinstance(outcome, FileLock):
            return outcome
        waited = time.monotonic() - start
        if waited >= timeout:
            raise _held(outcome.holder, path)
        if waiting is not None and (told < 0 or waited - told >= 1.0):
            waiting(outcome.holder, waited)
            told = waited
        time.sleep(min(pause, timeout - waited))
        pause = min(pause * 2, _LONGEST_PAUSE)


def force_unlock(path: Path, lock_id: str) -> None:
    """Remove a lock file that was left behind.

    Raises:
        LockError: there is none, it has another id, or its holder is alive.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise LockError("Failed to unlock state", "The state is not locked.") from None
    except OSError as problem:
        raise _unusable(path, problem) from None
    try:
        holder = _read(fd)
        if holder is None or holder.id != lock_id:
            raise LockError(
                "Failed to unlock state",
                f'The lock\'s ID is not "{lock_id}".\n\n{_table(holder)}',
                holder,
            )
        if not _try_flock(fd, path):
            raise LockError(
                "Failed to unlock state",
                "The run that holds the lock is alive on this host; end it instead.\n\n"
                f"{_table(holder)}",
                holder,
            )
        FileLock(path, os.dup(fd), holder, None).release()
    finally:
        os.close(fd)


class _Held:
    """Somebody else has the lock."""

    __slots__ = ("holder",)

    def __init__(self, holder: LockInfo | None) -> None:
        self.holder = holder


def _attempt(path: Path, info: LockInfo) -> FileLock | _Held:
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise _unusable(path, problem) from None
        kept = False
        try:
            if not _try_flock(fd, path):
                return _Held(_read(fd))
            if not _is_at(fd, path):
                continue  # its holder removed it between our open and our flock
            left = _read(fd)
            if left is not None and left.host not in ("", socket.gethostname()):
                return _Held(left)
            os.ftruncate(fd, 0)
            body = msgspec.json.encode(info)
            if os.pwrite(fd, body, 0) != len(body):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            kept = True
            return FileLock(path, fd, info, left)
        except OSError as problem:
            raise _unusable(path, problem) from None
        finally:
            if not kept:
                os.close(fd)


def _try_flock(fd: int, path: Path) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as problem:
        raise _unusable(path, problem) from None
    return True


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _read(fd: int) -> LockInfo | None:
    try:
        return msgspec.json.decode(os.pread(fd, 65536, 0), type=LockInfo)
    except (OSError, ValueError):
        return None  # being written, or cut short by a full disk


def _table(holder: LockInfo | None) -> str:
    return holder.table() if holder else "Lock Info: not readable"


def _held(holder: LockInfo | None, path: Path) -> LockError:
    how = _WHY_LOCKED
    if holder is not None and holder.host != socket.gethostname():
        how += (
            f' If that run is surely dead, remove its lock with "perimeter force-unlock '
            f'{holder.id}".'
        )
    return LockError(
        "Error acquiring the state lock",
        f"Another run holds {path}.\n\n{_table(holder)}\n\n{how}",
        holder,
    )


def _unusable(path: Path, problem: OSError) -> Exception:
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "Free some space" if full else "Make the directory writable"
    return state_error(
        "Error acquiring the state lock",
        f"The lock file {path} cannot be used: {problem.strerror}. {advice}, or "
        'go without a lock by "-lock=false" if nobody else can be writing. Nothing was changed.',
    )
