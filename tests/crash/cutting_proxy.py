"""A proxy on loopback that can cut a connection after the server has answered: the client never learns what happened."""

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class CuttingProxy:
    """Passes requests on to ``target``; logs each call's ``Action`` and whether the server carried it out.

    Attributes:
        calls: (action, status) in the order of the server's answers.
        cuts: by action, the numbers (from 0) of calls whose answers are cut off.
    """

    def __init__(self, target):
        self.target = urlsplit(target)
        self.calls = []
        self.cuts = {}
        self._seen = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def count(self, action):
        """How often the server carried out an action."""
        return sum(1 for name, status in self.calls if name == action and status < 300)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _is_cut(self, action):
        with self._lock:
            number = self._seen.get(action, 0)
            self._seen[action] = number + 1
            return number in self.cuts.get(action, ())

    def _handler(proxy):  # noqa: N805 - the handler's own self is the request
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                action = parse_qs(body.decode()).get("Action", [""])[0]
                upstream = http.client.HTTPConnection(proxy.target.hostname, proxy.target.port)
                with contextlib.closing(upstream):
                    headers = dict(self.headers.items())
                    upstream.request("POST", self.path, body, headers)
                    answer = upstream.getresponse()
                    content = answer.read()
                    with proxy._lock:
                        proxy.calls.append((action, answer.status))
                    self.close_connection = True
                    if proxy._is_cut(action):
                        return
                    self.send_response_only(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in (
                            "connection",
                            "content-length",
                            "transfer-encoding",
                        ):
                            self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.send_header("Connection", "close")
                    self.end_headers()
                    with contextlib.suppress(OSError):
                        self.wfile.write(content)

            def log_message(self, *args):
                pass

        return Handler
