"""AWS's stand-in: starts on a free port, answers when it is up, empties, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import boto3
import pytest

from perimeter.testing import moto as module
from perimeter.testing.moto import HOST, MotoError, MotoServer


def names(server: MotoServer) -> list[str]:
    keys = server.environment
    client = boto3.client(
        "iam",
        endpoint_url=keys["AWS_ENDPOINT_URL"],
        region_name=keys["AWS_DEFAULT_REGION"],
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    try:
        client.create_user(UserName="bob")
        return [user["UserName"] for user in client.list_users()["Users"]]
    finally:
        client.close()


def test_it_answers_empties_and_ends(tmp_path: Path) -> None:
    log = tmp_path / "moto.log"
    with MotoServer(log=log) as server:
        assert server.start() is server
        pid = server.pid
        assert pid is not None
        assert names(server) == ["bob"]
        server.reset()
        assert names(server) == ["bob"]  # a second bob would have been refused
        with pytest.raises(MotoError, match="taken"):
            MotoServer(server.port).start()
    assert server.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, server.port)) != 0
    with pytest.raises(MotoError, match="does not answer"):
        server.reset()
    server.stop()
    assert "Running on" in log.read_text(encoding="utf-8")


def test_without_moto_it_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_installed", lambda: False)
    with pytest.raises(MotoError, match=r"perimeter-as-code\[sandbox\]"):
        MotoServer().start()


def test_a_server_that_cannot_start_tells_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOST", "256.0.0.1")
    monkeypatch.setattr(module, "_answers", lambda port: False)
    server = MotoServer(port=1)
    with pytest.raises(MotoError, match="ended with status") as caught:
        server.start()
    assert "It said:" in str(caught.value)
    assert server.pid is None
