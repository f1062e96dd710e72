"""Azure Blob Storage, by Azurite, which ``script/setup`` installs where npm is."""

import base64
import hashlib
import hmac
import shutil
import sys
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from tests.servers.processes import HOST, Unavailable, free_port, process

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, the same everywhere (its documentation)."""
CONTAINER = "perimeter-states"
PROGRAM = Path("azurite/node_modules/azurite/dist/src/blob/main.js")
_open = build_opener(ProxyHandler({})).open


@contextmanager
def azure():
    """A server with one container; the URL of its account."""
    node = shutil.which("node")
    program = Path(sys.prefix) / PROGRAM
    if node is None:
        raise Unavailable("Azurite needs Node.js, which is not installed")
    if not program.exists():
        raise Unavailable("Azurite is not installed: script/azurite installs it where npm is")
    port = free_port()
    command = [node, str(program), "--blobHost", HOST, "--blobPort", str(port)]
    with process([*command, "--inMemoryPersistence", "--disableTelemetry", "--silent"], port):
        url = f"http://{HOST}:{port}/{ACCOUNT}"
        _make_container(url)
        yield url


def _make_container(url):
    now = formatdate(usegmt=True)
    text = (
        f"PUT{chr(10) * 12}x-ms-date:{now}\nx-ms-version:2021-08-06\n"
        f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
    )
    signed = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": now,
        "x-ms-version": "2021-08-06",
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(signed).decode()}",
        "Content-Length": "0",
    }
    wanted = Request(f"{url}/{CONTAINER}?restype=container", headers=headers, method="PUT")
    with _open(wanted, timeout=20):
        return
