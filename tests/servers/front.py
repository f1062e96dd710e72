"""A proxy on loopback before a real server: it can lose answers, refuse, and translate requests."""

import http.client
import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

HOST = "127.0.0.1"
_HOP = {"host", "connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Front:
    """What passes, and what is to go wrong.

    Attributes:
        url: where it listens.
        log: ``(method, path, status)`` of each request that reached the server.
        watch: called with (method, path, headers, body, status, answer's headers, when it arrived, when it
            was answered) for each of them; times are of the monotonic clock.
    """

    url: str = ""
    log: list = field(default_factory=list)
    watch: Callable[..., None] | None = None
    _losses: list = field(default_factory=list)
    _death: list | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def lose(self, method, pattern, times=1):
        """Let the server do the next such requests, and tear the connection instead of answering.

        ``pattern`` is searched for in the path, unquoted and without its query.
        """
        with self._turn:
            self._losses.append([method, re.compile(pattern), times, "lose"])

    def drop(self, method, pattern, times=1):
        """Tear the connection of the next such requests before the server sees them."""
        with self._turn:
            self._losses.append([method, re.compile(pattern), times, "drop"])

    def refuse(self, method, pattern, status, times=1):
        """Answer the next such requests with a status; the server does not see them."""
        with self._turn:
            self._losses.append([method, re.compile(pattern), times, status])

    def die(self, after, *, carried_out):
        """From now on let so many requests pass; the next one is carried out or not, none is answered."""
        with self._turn:
            self._death = [after, carried_out]

    def revive(self):
        """Let everything pass again; whether ``die`` was felt."""
        with self._turn:
            death, self._death = self._death, None
        return death is not None and death[0] < 0

    def expect_spent(self):
        """Check that everything that was to go wrong did; begin anew."""
        with self._turn:
            left, self._losses = [loss for loss in self._losses if loss[2] > 0], []
        assert not left, left

    def fate(self, method, path):
        """What becomes of a request: "", "lose", "drop" or a status to refuse it with."""
        plain = unquote(path.partition("?")[0])
        with self._turn:
            if self._death is not None:
                self._death[0] -= 1
                if self._death[0] < 0:
                    return "lose" if self._death == [-1, True] else "drop"
            for loss in self._losses:
                if loss[0] == method and loss[1].search(plain) and loss[2] > 0:
                    loss[2] -= 1
                    return loss[3]
        return ""


@contextmanager
def front(upstream, translate=None):
    """Stand before ``upstream``; ``translate(method, path, headers, body)`` may rewrite all four."""
    state = Front()
    target = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.close_connection = True
            fate = state.fate(self.command, self.path)
            if fate == "drop":
                return
            if isinstance(fate, int):
                self.send_response_only(fate)
                self.send_header("Content-Length", "0")
                self.send_header("Connection", "close")
                self.end_headers()
                return
            method, path, headers = self.command, self.path, dict(self.headers)
            asked, arrived = (method, path, dict(headers), body), time.monotonic()
            if translate is not None:
                method, path, headers, body = translate(method, path, headers, body)
            connection = http.client.HTTPConnection(target.hostname, target.port, timeout=30)
            try:
                connection.putrequest(method, path, skip_accept_encoding=True)
                for name, value in headers.items():
                    if name.lower() not in _HOP:
                        connection.putheader(name, value)
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body)
                answer = connection.getresponse()
                content = answer.read()
                state.log.append((self.command, self.path, answer.status))
                told = [
                    *answer.getheaders(),
                    *(_version(content) if method != self.command else ()),
                ]
                if state.watch is not None:
                    state.watch(*asked, answer.status, dict(told), arrived, time.monotonic())
                if fate == "lose":
                    return
                self.send_response_only(answer.status)
                for name, value in told:
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else None
                self.send_header("Content-Length", length or str(len(content)))
                self.send_header("Connection", "close")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)
            except (ConnectionError, http.client.HTTPException):
                return
            finally:
                connection.close()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 - the base class names them

        def log_message(self, *arguments):
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request, address):
            """A client that went away is no error here."""

    with Server((HOST, 0), Handler) as server:
        state.url = f"http://{HOST}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _version(content):
    """The headers by which the XML API names the version that a JSON answer describes."""
    try:
        made = json.loads(content)
    except ValueError:
        return
    if "generation" in made:
        yield "x-goog-generation", str(made["generation"])
        yield "ETag", '"' + made["etag"].strip('"') + '"'
