"""What both crash tests need: tenants, and children that die in the middle of an apply."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHILD = [sys.executable, "-W", "error", str(Path(__file__).with_name("child.py"))]


class Crashes:
    """Runs applies on one state from two directories, and kills them."""

    def __init__(self, tmp_path, environment, text):
        self.state = tmp_path / "state"
        self.state.mkdir()
        self.places = [tmp_path / "here", tmp_path / "elsewhere"]
        for place in self.places:
            place.mkdir()
            (place / "main.hcl").write_text(text, encoding="utf-8")
        self.environment = environment

    def run(self, how, place=0):
        """One apply; returns the finished process."""
        return subprocess.run(
            [*CHILD, str(self.places[place]), str(self.state), str(how)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def kill_at_random(self, seed, longest):
        """One apply, killed after a random time; returns whether it was still running."""
        process = subprocess.Popen(
            [*CHILD, str(self.places[0]), str(self.state), "never"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, longest))
        running = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return running

    def converge(self, runs=1):
        """The next runs, on another machine: from another directory, with the same backend."""
        for _ in range(runs):
            done = self.run("never", place=1)
            if done.returncode == 0:
                break
        assert done.returncode == 0, done.stdout + done.stderr
        again = self.run("never", place=1)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "create" not in again.stdout


@pytest.fixture
def crashes(tmp_path):
    def made(environment, text):
        import os

        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return Crashes(tmp_path, {**kept, "PYTHONPATH": str(ROOT), **environment}, text)

    return made
