import io
import os
import sys
from dataclasses import dataclass

import pytest

from perimeter.cli.main import run


@dataclass
class Result:
    code: int
    out: str
    err: str


class Cli:
    """The command line in a directory of its own."""

    def __init__(self, directory, monkeypatch, capsys):
        self.directory = directory
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def write(self, text, name="main.hcl"):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def __call__(self, *arguments, typed=""):
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        self._capsys.readouterr()
        code = run(list(arguments))
        seen = self._capsys.readouterr()
        return Result(code, seen.out, seen.err)

    def ok(self, *arguments, typed=""):
        result = self(*arguments, typed=typed)
        assert result.code == 0, result
        return result.out


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    for name in list(os.environ):
        if name.startswith("PERIMETER_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Cli(directory, monkeypatch, capsys)
