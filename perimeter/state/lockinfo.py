"""Who holds the state, in Terraform's words."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from datetime import UTC, datetime

import msgspec

from perimeter import __version__
from perimeter.diagnostics import error
from perimeter.state.errors import StateError


class LockInfo(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "id": "ID",
        "operation": "Operation",
        "info": "Info",
        "who": "Who",
        "version": "Version",
        "created": "Created",
        "path": "Path",
    },
):
    """The body of a lock.

    Attributes:
        id: what ``force-unlock`` takes.
        operation: what the holder does, such as ``OperationTypeApply``.
        info: anything more.
        who: ``user@host``.
        version: of perimeter.
        created: when, RFC 3339.
        path: of the state.
    """

    id: str
    operation: str = ""
    info: str = ""
    who: str = ""
    version: str = ""
    created: str = ""
    path: str = ""

    @property
    def host(self) -> str:
        """The host part of ``who``."""
        return self.who.rpartition("@")[2]

    def table(self) -> str:
        """Return the ``Lock Info`` lines as Terraform prints them."""
        return (
            "Lock Info:\n"
            f"  ID:        {self.id}\n"
            f"  Path:      {self.path}\n"
            f"  Operation: {self.operation}\n"
            f"  Who:       {self.who}\n"
            f"  Version:   {self.version}\n"
            f"  Created:   {self.created}\n"
            f"  Info:      {self.info}"
        )


def new_lock_info(operation: str, path: str, info: str = "") -> LockInfo:
    """Describe a lock of this process."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a uid without a name, as in containers
        user = str(os.getuid())
    return LockInfo(
        id=str(uuid.uuid4()),
        operation=operation,
        info=info,
        who=f"{user}@{socket.gethostname()}",
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        path=path,
    )


class LockError(StateError):
    """The lock cannot be had.

    Attributes:
        holder: who has it, where known.
    """

    def __init__(self, summary: str, detail: str, holder: LockInfo | None = None) -> None:
        super().__init__(error(summary, detail))
        self.holder = holder
