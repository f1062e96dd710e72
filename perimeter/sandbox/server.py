"""The loopback server that hosts emulated vendors, each below ``/NAME``."""

from __future__ import annotations

import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import formatdate
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import unquote

from perimeter.sandbox import control
from perimeter.sandbox.calls import Call, CallLog
from perimeter.sandbox.faults import Fault, Faults
from perimeter.sandbox.seeds import Clock, VendorMaker, installed, vendors_of
from perimeter.sandbox.wire import Request, Response, Vendor

HOST = "127.0.0.1"
LARGEST_BODY = 64 * 1024 * 1024
OnExchange = Callable[[str, Request, Response], None]
"""Called with (vendor, request, response) for each call that a vendor handled."""


class Sandbox:
    """Emulated vendors on one loopback port.

    Args:
        vendors: by name; see ``perimeter.sandbox.seeds.vendors_of``.
        port: 0 for any free one.
        faults: what goes wrong from the start.
        on_exchange: called before the answer leaves, so that what it records is there when the
            client goes on; also for answers that a fault then loses.
        clock: tells the time in ``Date`` headers and the log, and to reseeded vendors.
    """

    def __init__(
        self,
        vendors: Mapping[str, Vendor],
        *,
        port: int = 0,
        faults: Faults | None = None,
        on_exchange: OnExchange | None = None,
        clock: Clock = time.time,
    ) -> None:
        self.vendors: dict[str, Vendor] = dict(vendors)
        self.faults = faults or Faults()
        self.calls = CallLog()
        self.clock = clock
        self.on_exchange = on_exchange
        self.problems: list[str] = []
        """Tracebacks of vendors that raised; each was answered 500."""
        self._port = port
        self._locks = {name: threading.Lock() for name in self.vendors}
        self._stopping = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen; returns itself.

        Raises:
            OSError: the port is taken.
        """
        if self._server is None:
            self._stopping.clear()
            self._server = _Server((HOST, self._port), self)
            self._thread = threading.Thread(
                target=self._server.serve_forever,
                kwargs={"poll_interval": 0.02},
                name="sandbox",
                daemon=True,
            )
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and cut all connections."""
        server, self._server = self._server, None
        if server is None:
            return
        self._stopping.set()
        server.shutdown()
        server.cut_all()
        server.server_close()
        assert self._thread is not None
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: it is not started.
        """
        if self._server is None:
            raise RuntimeError("The sandbox is not started.")
        return int(self._server.server_address[1])

    @property
    def root(self) -> str:
        """The server's own URL."""
        return f"http://{HOST}:{self.port}"

    def url(self, name: str) -> str:
        """The URL below which a vendor answers, without a trailing slash."""
        return f"{self.root}/{name}"

    def dump(self) -> dict[str, Any]:
        """The present content of all tenants, as a seed."""
        found = {}
        for name, vendor in sorted(self.vendors.items()):
            with self._locks[name]:
                found[name] = vendor.dump()
        return found

    def reseed(self, seed: Mapping[str, Any]) -> None:
        """Replace the tenants that a seed names; the others stay.

        Raises:
            SeedError: the seed cannot be used; nothing has changed then.
        """
        makers: dict[str, VendorMaker] = dict(installed())
        makers.update({name: _again(vendor) for name, vendor in self.vendors.items()})
        for name, vendor in vendors_of(seed, self.clock, makers).items():
            with self._locks.setdefault(name, threading.Lock()):
                self.vendors[name] = vendor

    def answer(self, name: str, request: Request) -> tuple[Response, Fault | None]:
        """Let a vendor handle a request, faults included; the fault is one that cuts the answer."""
        vendor = self.vendors[name]
        cutting: Fault | None = None
        for fault in self.faults.take(name, request.method, request.path):
            if fault.kind in {"latency", "timeout"}:
                self._stopping.wait(fault.seconds)
            if fault.kind in {"status", "timeout"}:
                self._log(name, request, fault=fault)
                return _failure(vendor, request, fault), fault if fault.kind == "timeout" else None
            cutting = fault if fault.kind in {"lost", "torn"} else cutting
        with self._locks[name]:
            vendor = self.vendors[name]
            response = self._handled(vendor, request)
            self._log(name, request, response, vendor, cutting)
        if self.on_exchange is not None:
            try:
                self.on_exchange(name, request, response)
            except Exception:  # noqa: BLE001 - the observer's bug must show, not kill the connection
                self.problems.append(traceback.format_exc())
        return response, cutting

    def _handled(self, vendor: Vendor, request: Request) -> Response:
        try:
            return vendor.handle(request)
        except Exception:  # noqa: BLE001 - the vendor's bug must show, not kill the connection
            self.problems.append(traceback.format_exc())
            return Response(status=500, body={"message": "The sandbox has a bug."})

    def _log(
        self,
        name: str,
        request: Request,
        response: Response | None = None,
        vendor: Vendor | None = None,
        fault: Fault | None = None,
    ) -> None:
        status = 0 if response is None else response.status
        write = request.method not in {"GET", "HEAD", "OPTIONS"} and 200 <= status < 300
        writes = getattr(vendor, "writes", None)
        if write and writes is not None:
            write = writes(request)
        self.calls.add(
            Call(
                vendor=name,
                method=request.method,
                path=request.path,
                query=request.query,
                status=status,
                committed=write,
                fault=fault.kind if fault else "",
                at=self.clock(),
            )
        )


def _again(vendor: Vendor) -> VendorMaker:
    return cast("VendorMaker", type(vendor))


def _failure(vendor: Vendor, request: Request, fault: Fault) -> Response:
    make = getattr(vendor, "error_body", None)
    body = make(fault.status, request) if make else {"message": responses.get(fault.status, "")}
    return Response(status=fault.status, body=body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread | None] = {}
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[request] = threading.current_thread()
        super().process_request_thread(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._lock:
            self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event; anything else is a bug to show."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            self.sandbox.problems.append(traceback.format_exc())

    def cut_all(self) -> None:
        """Cut every connection and wait for its thread."""
        with self._lock:
            pending = dict(self._open)
        for connection in pending:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in pending.values():
            if thread is not None:
                thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Buffered, and sent at once: Nagle's algorithm and delayed acknowledgements cost 40 ms a call.
    wbufsize = -1
    disable_nagle_algorithm = True

    @property
    def _sandbox(self) -> Sandbox:
        return cast("_Server", self.server).sandbox

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing is printed; see ``Sandbox.calls``."""

    def _serve(self) -> None:
        sandbox = self._sandbox
        target, _, query = self.path.partition("?")
        first, _, rest = target.lstrip("/").partition("/")
        name = unquote(first)
        # Not the sandbox's own word: it may have been stopped since this request came.
        port = cast("_Server", self.server).server_address[1]
        request = self._request("/" + unquote(rest), query, f"http://{HOST}:{port}/{name}")
        if request is None:
            return
        if name == control.NAME:
            self._send(control.answer(sandbox, request), None)
        elif name in sandbox.vendors:
            self._send(*sandbox.answer(name, request))
        else:
            known = ", ".join(sorted(sandbox.vendors)) or "none"
            body = {"message": f'No vendor "{name}" is emulated here; these are: {known}.'}
            self._send(Response(status=404, body=body), None)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _request(self, path: str, query: str, base_url: str) -> Request | None:
        length = self.headers.get("content-length", "0")
        if self.headers.get("transfer-encoding") or not length.isdigit():
            self._refuse(411, "Send a Content-Length.")
            return None
        if int(length) > LARGEST_BODY:
            self._refuse(413, f"The body is larger than {LARGEST_BODY} bytes.")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            # The client is gone in the middle of its request: no vendor acts on half of one.
            self.close_connection = True
            return None
        return Request(
            method=self.command,
            path=path,
            query=Request.parse_query(query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            base_url=base_url,
        )

    def _refuse(self, status: int, message: str) -> None:
        self.close_connection = True
        self._send(Response(status=status, body={"message": message}), None)

    def _send(self, response: Response, fault: Fault | None) -> None:
        content = response.encoded()
        bodyless = response.status in {204, 304}
        headers = {
            "Date": formatdate(self._sandbox.clock(), usegmt=True),
            **({} if isinstance(response.body, bytes | None) else _JSON),
            **response.headers,
        }
        if fault is not None:
            self.close_connection = True
            if fault.kind != "torn":
                return
        self.send_response_only(response.status, responses.get(response.status, ""))
        for name, value in headers.items():
            self.send_header(name, value)
        if not bodyless:
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and not bodyless:
            self.wfile.write(content if fault is None else content[: len(content) // 2])


_JSON = {"Content-Type": "application/json; charset=utf-8"}
