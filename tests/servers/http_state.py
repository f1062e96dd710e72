"""An HTTP server that keeps state and speaks Terraform's protocol, strictly; written for tests.

It is its own witness: it refuses writes under a lock that is not the holder's, and records who held
the lock from when to when, and every state that it was given.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Slot:
    """What is kept under one path."""

    body: bytes = b""
    holder: dict[str, str] | None = None
    since: float = 0.0
    versions: list[int] = field(default_factory=list)


@dataclass
class Interval:
    """Who held a lock, and when (seconds of the monotonic clock)."""

    path: str
    id: str
    begin: float
    end: float


@dataclass
class Fault:
    """What happens to the next requests of a method: ``drop`` does what is asked and does not answer,
    ``cut`` does nothing and does not answer, a number answers with that status and does nothing.
    """

    method: str
    kind: str | int
    times: int = 1


class HttpStateServer:
    """Keeps a state under each path.

    Args:
        gitlab: behave as GitLab does: ``/lock`` below the state's path, by POST and DELETE; every
            state needs a ``serial`` that was not there yet; lock bodies must be complete.
        user: ``name:password`` that requests must bring.
    """

    def __init__(
        self, *, gitlab: bool = False, user: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        self.gitlab = gitlab
        self.user = user
        self.slots: dict[str, Slot] = {}
        self.intervals: list[Interval] = []
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, int]] = []
        self.headers: list[dict[str, str]] = []
        self._turn = threading.RLock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return lambda: server._handle(self)
                raise AttributeError(name)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls is not None else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fault(self, method: str, kind: str | int, times: int = 1) -> None:
        """Let the next requests of a method go wrong."""
        self.faults.append(Fault(method, kind, times))

    def settings(self, name: str) -> dict[str, Any]:
        """The backend's arguments for a state of that name."""
        address = f"{self.url}/state/{name}"
        if not self.gitlab:
            return {"address": address, "lock_address": address, "unlock_address": address}
        return {
            "address": address,
            "lock_address": f"{address}/lock",
            "lock_method": "POST",
            "unlock_address": f"{address}/lock",
            "unlock_method": "DELETE",
        }

    def slot(self, name: str) -> Slot:
        """What is kept under a name."""
        return self.slots.setdefault(f"/state/{name}", Slot())

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("content-length") or 0)
        body = request.rfile.read(length)
        url = urlsplit(request.path)
        method = request.command
        with self._turn:
            fault = next((item for item in self.faults if item.method == method), None)
            if fault is not None:
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
            kind = fault.kind if fault is not None else None
            if kind == "cut":
                status, answer = 0, b""
            elif isinstance(kind, int):
                # A careless server repeats what it was sent.
                said = f"no luck with {dict(request.headers)} {body[:200]!r}"
                status, answer = kind, said.encode()
            else:
                status, answer = self._decide(request, method, url.path, url.query, body)
            self.requests.append((method, request.path, status))
            self.headers.append({key.lower(): value for key, value in request.headers.items()})
        if kind in ("cut", "drop"):
            request.close_connection = True
            request.connection.close()
            return
        request.send_response(status)
        request.send_header("content-length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def _decide(
        self, request: BaseHTTPRequestHandler, method: str, path: str, query: str, body: bytes
    ) -> tuple[int, bytes]:
        if self.user:
            given = request.headers.get("authorization", "")
            if given != "Basic " + base64.b64encode(self.user.encode()).decode():
                return (403 if given else 401), b"who are you?"
        digest = request.headers.get("content-md5")
        if digest and base64.b64decode(digest) != hashlib.md5(body).digest():
            return 400, b"content-md5 does not fit"
        if self.gitlab and path.endswith("/lock"):
            path = path.removesuffix("/lock")
            method = {"POST": "LOCK", "DELETE": "UNLOCK"}.get(method, method)
        slot = self.slots.setdefault(path, Slot())
        if method == "LOCK":
            return self._lock(path, slot, body)
        if method == "UNLOCK":
            return self._unlock(path, slot, body)
        if method == "GET":
            return (200, slot.body) if slot.body else (404, b"")
        holder = slot.holder["ID"] if slot.holder else ""
        if holder != parse_qs(query).get("ID", [""])[0]:
            return 409, json.dumps(slot.holder or {}).encode()
        if method == "DELETE":
            slot.body = b""
            return 200, b""
        if method in ("POST", "PUT"):
            return self._store(slot, body)
        return 405, b""

    def _store(self, slot: Slot, body: bytes) -> tuple[int, bytes]:
        found = json.loads(body)
        if self.gitlab and (
            not isinstance(found.get("serial"), int) or found["serial"] in slot.versions
        ):
            return 422, b"version has been taken or is missing"
        slot.versions.append(found.get("serial", 0))
        slot.body = body
        return 200, b""

    def _lock(self, path: str, slot: Slot, body: bytes) -> tuple[int, bytes]:
        info = json.loads(body)
        needed = {"ID", "Operation", "Info", "Who", "Version", "Created", "Path"}
        if self.gitlab and not needed <= info.keys():
            return 400, b"incomplete lock info"
        if slot.holder is not None:
            return (409 if self.gitlab else 423), json.dumps(slot.holder).encode()
        slot.holder, slot.since = info, time.monotonic()
        return 200, json.dumps(info).encode() if self.gitlab else b""

    def _unlock(self, path: str, slot: Slot, body: bytes) -> tuple[int, bytes]:
        given = json.loads(body)["ID"] if body else None
        if slot.holder is None or given not in (None, slot.holder["ID"]):
            return 409, json.dumps(slot.holder or {}).encode()
        self.intervals.append(Interval(path, slot.holder["ID"], slot.since, time.monotonic()))
        slot.holder = None
        return 200, b""


@contextmanager
def http_state_server(**options: Any) -> Iterator[HttpStateServer]:
    """Run a server on a free port."""
    server = HttpStateServer(**options)
    try:
        yield server
    finally:
        server.close()
