"""The two commands of the README, as far as a test can run them, and the example they rest on."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def run(*command, **more):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PERIMETER_")},
        "PERIMETER_VENV": sys.prefix,
        **more,
    }
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.timeout(300)
def test_the_demo_works_twice_in_a_row_and_leaves_nothing(tmp_path):
    """It finds the four drifts, repairs three, and says which one is left to a person."""
    pytest.importorskip("moto")
    for _ in range(2):
        done = run("script/demo", TMPDIR=str(tmp_path))
        text = COLOURS.sub("", done.stdout)
        assert done.returncode == 0, text + done.stderr
        assert "Plan: 0 to add, 1 to change, 2 to destroy. 1 to change by hand." in text
        assert "Access: 4 changes narrow it, none widens it." in text
        assert "Apply finished: 1 changed, 2 destroyed, 1 by hand." in text
        assert "No changes. Your tenants match the configuration, but for one change" in text
        assert "Not visible: okta_api_token (the credential lacks okta.apiTokens.read)" in text
        assert "Try it yourself:" in text
        assert [path for path in tmp_path.iterdir() if not path.name.startswith("uv-")] == []


def test_a_wrong_python_gets_one_sentence(tmp_path):
    """Not a traceback, and nothing installed."""
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    names = ("python3", "python3.11", "python3.12", "python3.13")
    for name in names:
        (tmp_path / name).symlink_to(old)
    done = run(
        "script/setup",
        PATH=f"{tmp_path}:/usr/bin:/bin",
        PYTHON=str(old),
        PERIMETER_VENV=str(tmp_path / "venv"),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("perimeter needs Python 3.11, 3.12 or 3.13")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "venv").exists()


def test_a_missing_network_gets_one_sentence(tmp_path):
    """Where the package index cannot be reached."""
    nowhere = "http://127.0.0.1:9/simple"
    done = run(
        "script/setup",
        PERIMETER_VENV=str(tmp_path / "venv"),
        PIP_INDEX_URL=nowhere,
        PIP_EXTRA_INDEX_URL="",
        PIP_NO_CACHE_DIR="1",
        PIP_FIND_LINKS="",
        PIP_RETRIES="0",
        PIP_CONFIG_FILE=os.devnull,
        UV_DEFAULT_INDEX=nowhere,
        UV_NO_CACHE="1",
        PYTHON=sys.executable,
    )
    assert done.returncode == 1
    assert "Check the network" in done.stderr
    assert "Traceback" not in done.stderr
