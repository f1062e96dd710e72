"""No output, log or file holds what a backend is given as a secret, whatever its server repeats."""

import json

import pytest

from perimeter.testing.ladder import forms
from tests.servers.backends import Unavailable
from tests.servers.http_state import http_state_server
from tests.servers.postgres import postgres_server

PASSWORD = 'backend-canary "secret"/+'
HEADER = "backend-canary-header-value"
FLAG = "backend-canary-given-by-flag"


def search(cli, texts, secrets):
    files = [
        path.read_bytes()
        for path in cli.directory.rglob("*")
        if path.is_file() and path.name != "main.hcl"
    ]
    for secret in secrets:
        for form in forms(secret):
            for text in (*(item.encode() for item in texts), *files):
                assert form not in text


def commands(cli, texts):
    def run(*arguments, typed=""):
        result = cli(*arguments, typed=typed)
        texts.extend([result.out, result.err])
        return result

    return run


@pytest.fixture
def traced(cli, monkeypatch):
    monkeypatch.setenv("PERIMETER_LOG", "TRACE")
    monkeypatch.setenv("PERIMETER_LOG_PATH", str(cli.directory / "trace.log"))
    return cli


def test_an_http_servers_password_and_headers_show_nowhere(traced, monkeypatch):
    """In block, flag and environment; with a server that repeats its requests in its errors."""
    texts = []
    run = commands(traced, texts)
    with http_state_server(user=f"me:{PASSWORD}") as server:
        settings = {
            **server.settings("s"),
            "username": "me",
            "headers": {"X-Key": HEADER},
            "retry_max": 0,
        }
        lines = "\n".join(f"    {name} = {json.dumps(item)}" for name, item in settings.items())
        traced.write(
            f'resource "perimeter_data" "a" {{}}\nperimeter {{\n  backend "http" {{\n{lines}\n  }}\n}}\n'
        )
        assert run("init", f"-backend-config=password={FLAG}").code == 0
        assert run("plan").code == 1  # withheld
        monkeypatch.setenv("PERIMETER_HTTP_PASSWORD", FLAG)
        assert run("plan").code == 1  # the wrong one
        monkeypatch.setenv("PERIMETER_HTTP_PASSWORD", PASSWORD)
        assert run("apply", "-auto-approve").code == 0
        for method in ("GET", "LOCK", "UNLOCK", "POST"):
            server.fault(method, 400)
            assert run("apply", "-auto-approve", "-replace=perimeter_data.a").code == 1
            server.faults.clear()
            server.slot("s").holder = None
        run("force-unlock", "-force", "nosuch")
        run("workspace", "list")
        run("init", "-reconfigure")
        run("state", "pull")
    search(traced, texts, (PASSWORD, HEADER, FLAG))


def test_a_connection_strings_password_shows_nowhere(traced):
    """Of a server that wants it, of one that refuses it, and of none."""
    texts = []
    run = commands(traced, texts)
    from urllib.parse import quote

    import psycopg
    from psycopg import sql

    try:
        with postgres_server() as server:
            with psycopg.connect(server.conninfo, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("CREATE ROLE canary LOGIN SUPERUSER PASSWORD {}").format(
                        sql.Literal(PASSWORD)
                    )
                )
            server.require_passwords()
            where = f"127.0.0.1:{server.port}/postgres"
            for given in (PASSWORD, FLAG):
                conninfo = f"postgresql://canary:{quote(given, safe='')}@{where}"
                traced.write(
                    'resource "perimeter_data" "a" {}\n'
                    f'perimeter {{\n  backend "pg" {{\n    conn_str = {json.dumps(conninfo)}\n  }}\n}}\n'
                )
                run("init", "-reconfigure")
                code = run("apply", "-auto-approve").code
                assert code == (0 if given == PASSWORD else 1)
                run("workspace", "list")
                run("force-unlock", "-force", "nosuch")
            server.stop()
            assert run("plan").code == 1
    except Unavailable as problem:
        pytest.skip(str(problem))
    search(traced, texts, (PASSWORD, FLAG))
