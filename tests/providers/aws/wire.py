"""A loopback endpoint that answers as a test scripts it: what moto does not do (pages, throttling, lost answers)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from perimeter.sdk import ConnectRequest, WritePermit
from perimeter_aws.client import AwsReader, AwsWriter
from perimeter_aws.provider import Aws

CUT = "cut"
"""The server takes the request in, and closes the connection without an answer."""

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
DATE = "Sat, 01 Aug 2026 10:00:00 GMT"


def answer(action: str, inner: str = "") -> tuple[int, str]:
    """A good answer to an IAM call."""
    return 200, (
        f'<{action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<{action}Result>{inner}</{action}Result>"
        f"<ResponseMetadata><RequestId>r-{action}</RequestId></ResponseMetadata></{action}Response>"
    )


def refusal(status: int, code: str, message: str = "No.") -> tuple[int, str]:
    """An error answer of IAM's."""
    return status, (
        '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>r-error</RequestId></ErrorResponse>"
    )


@dataclass
class Wire:
    """What is answered, and what was asked.

    Attributes:
        script: answers by action, in order; the last one is repeated.
        asked: the parameters of each call, in order.
    """

    url: str
    script: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    events: list[tuple[str, int]] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    open: list[Any] = field(default_factory=list)

    def connect(self, **config: Any) -> ConnectRequest:
        return ConnectRequest(
            config={"endpoint_url": self.url, **config},
            environment={
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_SECRET_ACCESS_KEY": SECRET,
            },
            capacity_share=1.0,
            on_request=lambda method, url, status, seconds: self.events.append((url, status)),
            on_wait=lambda seconds, reason: self.waits.append(reason),
            timeout=2,
        )

    def reader(self) -> AwsReader:
        made = Aws().reader(self.connect())
        self.open.append(made)
        return made

    def writer(self) -> AwsWriter:
        made = Aws().writer(self.connect(), WritePermit("a test's apply"))
        self.open.append(made)
        return made

    def actions(self) -> list[str]:
        return [call["Action"] for call in self.asked]

    def next(self, call: Mapping[str, str]) -> Any:
        answers = self.script[call["Action"]]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def wired() -> Iterator[Wire]:
    """A running endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            call = {name: values[0] for name, values in parse_qs(body).items()}
            wire.asked.append(call)
            found = wire.next(call)
            self.close_connection = True
            if found == CUT:
                return
            status, text = found
            self.send_response_only(status)
            self.send_header("Date", DATE)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wire = Wire(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield wire
    finally:
        for client in wire.open:
            client.close()
        server.shutdown()
        thread.join()
        server.server_close()
