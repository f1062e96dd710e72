"""Who applies, and which commit of the configuration: for the evidence log."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path

_COMMITS = ("PERIMETER_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION", "GIT_COMMIT")
_APPROVERS = ("PERIMETER_APPROVER", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOREMAIL")


def approver(environment: Mapping[str, str], *, automatic: bool) -> str:
    """Who lets this happen, as far as the environment tells."""
    named = next((environment[name] for name in _APPROVERS if environment.get(name)), "")
    if not named:
        try:
            named = getpass.getuser()
        except (OSError, KeyError):  # a uid without a name, as in containers
            named = "unknown"
    return f"{named} (-auto-approve)" if automatic else named


def commit(environment: Mapping[str, str], directory: Path) -> str:
    """The commit that is checked out; empty where none is."""
    for name in _COMMITS:
        if environment.get(name):
            return environment[name]
    for parent in (directory.resolve(), *directory.resolve().parents):
        git = parent / ".git"
        if git.is_dir():
            return _head(git)
    return ""


def _head(git: Path) -> str:
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        loose = git / name
        if loose.is_file():
            return loose.read_text(encoding="ascii").strip()
        for line in (git / "packed-refs").read_text(encoding="ascii").splitlines():
            if line.endswith(f" {name}"):
                return line.partition(" ")[0]
    except (OSError, UnicodeError):
        return ""
    return ""
