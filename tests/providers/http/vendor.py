"""A small vendor of API keys on loopback, which no provider knows."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

ADMIN = "canary-admin-token-0123456789"
PAGE = 2


class Vendor:
    """Keys by id, and everything that was asked."""

    def __init__(self):
        self.keys = {}
        self.calls = []
        self.count = 0
        self.redirect = ""
        self.lose = ""
        self.echo = False

    def make(self, name, **more):
        self.count += 1
        identifier = f"k/{self.count}"
        self.keys[identifier] = {
            "id": identifier,
            "label": name,
            "owner": {"mail": "ops@acme.example"},
            "created": 1767225600 + self.count,
            "used": None,
            "state": "on",
            "secret": f"canary-made-secret-{self.count}",
            **more,
        }
        return self.keys[identifier]

    def answer(self, method, target, headers, text):
        """(status, JSON, further headers)."""
        parts = urlsplit(target)
        self.calls.append((method, target, headers, text))
        if self.redirect and not parts.path.startswith("/elsewhere"):
            return 302, {}, {"Location": self.redirect}
        if parts.path == "/whoami":
            given = headers.get("x-api-key", "")
            good = any(k["secret"] == given and k["state"] == "on" for k in self.keys.values())
            return (200, {}, {}) if good else (401, {"message": f"bad key {given}"}, {})
        if headers.get("authorization") != f"Bearer {ADMIN}":
            return 401, {"message": f"no such token {headers.get('authorization')}"}, {}
        if parts.path == "/api/keys" and method == "GET":
            start = int(parse_qs(parts.query).get("from", ["0"])[0])
            every = list(self.keys.values())
            shown = [{n: v for n, v in key.items() if n != "secret"} for key in every]
            page = {"data": {"keys": shown[start : start + PAGE]}}
            if start + PAGE < len(every):
                page["next"] = str(start + PAGE)
            return 200, page, {}
        if parts.path == "/api/keys" and method == "POST":
            made = self.make(json.loads(text)["label"], body=json.loads(text))
            return 201, {"key": {"id": made["id"], "value": made["secret"]}}, {}
        identifier, _, verb = parts.path.removeprefix("/api/keys/").partition("/")
        key = self.keys.get(unquote(identifier))
        if key is None:
            return 404, {"message": "no such key"}, {}
        if method == "DELETE":
            del self.keys[key["id"]]
            return 204, None, {}
        if verb in ("off", "on"):
            key["state"] = verb
            return 200, {}, {}
        return 405, {"message": "no"}, {}


@contextmanager
def running(vendor):
    """The vendor at an address on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self):
            size = int(self.headers.get("content-length") or 0)
            text = self.rfile.read(size).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body, more = vendor.answer(self.command, self.path, headers, text)
            if vendor.lose == self.command:
                vendor.lose = ""
                self.close_connection = True
                self.connection.close()
                return
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = respond  # noqa: N815

        def log_message(self, *_):
            pass

        def handle(self):
            with suppress(OSError, ValueError):
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
