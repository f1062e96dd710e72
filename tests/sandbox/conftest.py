import json
from dataclasses import dataclass, field

import pytest

from perimeter.sandbox.conditional import conditional
from perimeter.sandbox.server import Sandbox
from perimeter.sandbox.wire import Response


class Notes:
    """A vendor whose tenant holds notes: GET lists them, POST adds one."""

    name = "notes"

    def __init__(self, seed, clock):
        self.notes = list(seed["notes"])
        self.clock = clock

    def handle(self, request):
        if request.path == "/boom":
            raise RuntimeError("boom")
        if request.method == "POST" and request.path == "/search":
            return Response(body=self.notes)
        if request.method == "POST":
            self.notes.append(request.json())
            return Response(status=201, body={"count": len(self.notes), "at": self.clock()})
        if request.method == "DELETE":
            self.notes.clear()
            return Response(status=204)
        body = {"notes": self.notes, "query": dict(request.query), "base": request.base_url}
        return conditional(request, Response(body=body, headers={"X-Left": "7"}))

    def writes(self, request):
        return request.path != "/search"

    def error_body(self, status, request):
        return {"code": status, "path": request.path}

    def dump(self):
        return {"notes": list(self.notes)}


@dataclass
class Reply:
    status: int
    headers: dict = field(default_factory=dict)
    text: bytes = b""

    @property
    def data(self):
        return json.loads(self.text)


@pytest.fixture
def sandbox():
    with Sandbox({"notes": Notes({"notes": ["one"]}, lambda: 1000.0)}, clock=lambda: 1000.0) as it:
        yield it
    assert it.problems == []


@pytest.fixture
def ask(sandbox):
    from http.client import HTTPConnection

    def ask(method, path, body=None, headers=None, keep=None):
        connection = keep or HTTPConnection("127.0.0.1", sandbox.port, timeout=5)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, headers or {})
            response = connection.getresponse()
            got = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, got, response.read())
        finally:
            if keep is None:
                connection.close()

    return ask
