"""The line between a machine and its state's place: what can go wrong on it, in the same words for every kind.

Reads pass, as long as nobody is ``away``. ``direct`` is the place itself, where a line changes its address.
"""

import contextlib
from dataclasses import replace

from tests.faults.tcp import Wire

STEPS = ("lock", "journal", "evidence", "state", "clear", "unlock")
HOWS = ("answers lost after the commit", "connections cut before", "500s")
_PATTERNS = {
    "lock": ("PUT", r"\.lock$"),
    "unlock": ("PUT", r"\.lock$"),
    "journal": ("PUT", r"\.journal/"),
    "evidence": ("PUT", r"\.evidence/"),
    "state": ("PUT", r"state\.json$"),
    "clear": ("DELETE", r"\.journal/"),
}

_WORDS = {
    "lock": b"pg_try_advisory_lock",
    "unlock": b"pg_advisory_unlock",
    "journal": b".records",
    "evidence": b".evidence",
    "state": b".states",
    "clear": b"DELETE FROM",
}
IN_A_TRANSACTION = "connections lost in the middle of a transaction"
"""What stands for 500s with PostgreSQL, which has none."""


class FrontLine:
    """Through the proxy before an object store."""

    def __init__(self, place):
        self.place, self.direct = place, None
        self._front = place.front

    def disturb(self, step, how):
        method, pattern = _PATTERNS[step]
        if (self.place.kind, step) == ("azurerm", "clear"):
            method, pattern = "POST", "states$"  # Azure removes in batches
        if how == HOWS[0]:
            self._front.lose(method, pattern)
        elif how == HOWS[1]:
            self._front.drop(method, pattern)
        else:
            self._front.refuse(method, pattern, 503)

    def felt(self):
        """Whether what was to go wrong did; all is well from now on."""
        with contextlib.suppress(AssertionError):
            self._front.expect_spent()
            return True
        return False

    def away(self, gone):
        if gone:
            self._front.die(0, carried_out=False)
        else:
            self._front.revive()


class HttpLine:
    """By the server itself."""

    def __init__(self, place):
        self.place, self.direct = place, None
        self._server = place.server

    def disturb(self, step, how):
        from tests.servers.http_state import Fault

        # State, journal and evidence are one document.
        method = {"lock": "LOCK", "unlock": "UNLOCK"}.get(step, "POST")
        kind = {HOWS[0]: "drop", HOWS[1]: "cut", HOWS[2]: 503}[how]
        self._server.faults.append(Fault(method, kind))

    def felt(self):
        left, self._server.faults[:] = list(self._server.faults), []
        return not left

    def away(self, gone):
        from tests.servers.http_state import Fault

        methods = ("GET", "POST", "LOCK", "UNLOCK", "DELETE") if gone else ()
        self._server.faults[:] = [Fault(method, "cut", -1) for method in methods]


class WireLine:
    """Through a proxy before PostgreSQL."""

    def __init__(self, place, direct, wire):
        self.place, self.direct = place, direct
        self._wire = wire

    def disturb(self, step, how):
        if how == HOWS[0]:
            self._wire.lose(b"COMMIT")
        elif how == HOWS[1]:
            self._wire.drop(_WORDS[step])
        else:
            self._wire.lose(_WORDS[step])

    def felt(self):
        spent = self._wire.spent()
        self._wire.forget()
        return spent

    def away(self, gone):
        self._wire.away(gone)


@contextlib.contextmanager
def line(servers, kind):
    """A fresh place of a kind, and the line to it."""
    place = servers.place(kind, lossy=True)
    if kind == "http":
        yield HttpLine(place)
    elif kind == "pg":
        before, _, port = place.settings["conn_str"].rpartition(":")
        number, _, rest = port.partition("/")
        with Wire(int(number)) as wire:
            settings = {**place.settings, "conn_str": f"{before}:{wire.port}/{rest}"}
            yield WireLine(replace(place, settings=settings), place, wire)
    else:
        yield FrontLine(place)
