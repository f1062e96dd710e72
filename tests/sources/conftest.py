import http.server
import io
import os
import subprocess
import tarfile
import threading

import pytest

from tests.cli.conftest import cli  # noqa: F401 - the command line, as its own tests use it


class Repository:
    """A bare git repository on disk, written to through a working copy."""

    def __init__(self, place):
        self.bare = place / "bare.git"
        self.work = place / "work"
        self.url = f"file://{self.bare}"
        self.git("init", "-q", "--bare", "-b", "main", str(self.bare), at=place)
        self.git("init", "-q", "-b", "main", str(self.work), at=place)

    def git(self, *arguments, at=None):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.bare.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@example.com",
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=at or self.work,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, files, *, tag=None, branch="main"):
        """Write files, commit and push them; the commit."""
        for name, content in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        if tag:
            self.git("tag", "-a", "-m", tag, tag)
        self.git("push", "-q", "-f", "--tags", str(self.bare), f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    place = tmp_path / "source"
    place.mkdir()
    return Repository(place)


class Site:
    """A web server on loopback that answers from a table and keeps what it was asked."""

    def __init__(self):
        self.answers = {}
        self.seen = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.seen.append((self.path, dict(self.headers)))
                found = site.answers.get(self.path) or site.answers.get(self.path.partition("?")[0])
                status, headers, body = found or (404, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"localhost:{self._server.server_port}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def paths(self):
        return [path for path, _ in self.seen]

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def site():
    made = Site()
    yield made
    made.close()


MODULE = """
variable "name" { type = string }
resource "perimeter_data" "this" { input = var.name }
output "greeting" { value = "VERSION ${perimeter_data.this.input}" }
"""


def module(version):
    """A module whose output tells its version."""
    return MODULE.replace("VERSION", version)


def call(source, version=None, name="a"):
    """A root module that calls it."""
    more = f'  version = "{version}"\n' if version else ""
    return (
        f'module "{name}" {{\n  source = "{source}"\n{more}  name = "x"\n}}\n'
        f'output "{name}" {{ value = module.{name}.greeting }}\n'
    )


def packed(files, top=""):
    """A .tar.gz of text files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{top}{name}")
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    return out.getvalue()
