"""Fetching modules with the git command."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from perimeter.config.sources.address import Git, SourceError, is_loopback
from perimeter.config.sources.limits import LIMITS, Limits, check_links, too_large
from perimeter.config.sources.unpack import remove

PROTOCOLS = "https:ssh"
"""What git may speak unless the environment's GIT_ALLOW_PROTOCOL says otherwise."""

TIMEOUT = 600.0
"""Seconds for one git command."""

_ELSEWHERE = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_TEMPLATE_DIR",
        "GIT_PREFIX",
    }
)
"""Variables that would make git work on another repository; a hook that runs perimeter sets them."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "core.eol": "lf",
    "core.symlinks": "true",
    "gc.auto": "0",
}
"""Nothing runs, and every machine gets the same bytes: they are what the lock file's hash is of."""

_OPTIONS = tuple(part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}"))


def fetch(
    address: Git,
    target: Path,
    environment: Mapping[str, str],
    *,
    commit: str = "",
    limits: Limits = LIMITS,
) -> str:
    """Check a repository out into a new folder, without its history.

    Args:
        address: what to fetch.
        target: a folder that does not exist.
        environment: the process's; git finds its credentials there.
        commit: the commit to take instead of the one that the address's ref names now.
        limits: what the commit may hold.

    Returns:
        The commit, in full.

    Raises:
        SourceError: git is missing or fails, or the commit holds what modules may not.
        OSError: the folder cannot be made.
    """
    git = _Command(target, _environment(address, environment), address)
    git("init", "--quiet", "--template=", "--", str(target), inside=False)
    found = _fetched(git, address, commit)
    _measure(git, found, limits)
    # Filters are programs that the machine's configuration names and the repository chooses.
    attributes = target / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* -filter\n", encoding="utf-8")
    git("-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", found)
    if address.submodules:
        git("submodule", "update", "--quiet", "--init", "--recursive", "--depth", "1")
    for place in [*target.rglob(".git")]:
        if place.is_dir() and not place.is_symlink():
            remove(place)
        else:
            place.unlink()
    check_links(target)
    return found


class _Command:
    def __init__(self, target: Path, environment: Mapping[str, str], address: Git) -> None:
        self.target = target
        self.environment = environment
        self.address = address

    def argv(self, *arguments: str, inside: bool = True) -> list[str]:
        place = ["-C", str(self.target)] if inside else []
        return ["git", *place, *_OPTIONS, *arguments]

    def __call__(self, *arguments: str, inside: bool = True) -> str:
        """Run git; raise SourceError with what it says."""
        done = self.tried(*arguments, inside=inside)
        if done.returncode:
            raise self.failed(done.stderr)
        return done.stdout.strip()

    def tried(self, *arguments: str, inside: bool = True) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(  # noqa: S603 - no shell; URLs and refs were checked and stand after --
                self.argv(*arguments, inside=inside),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT,
                check=False,
            )
        except FileNotFoundError:
            raise SourceError(
                "git not found",
                f"{self.address.package} is fetched with the git command, which is not on the "
                "PATH. Install git.",
            ) from None
        except subprocess.TimeoutExpired:
            raise self.failed(f"git took longer than {TIMEOUT:.0f} s") from None

    def failed(self, said: str) -> SourceError:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        text = "; ".join(lines[-4:]).rstrip(".") or "git gave no reason"
        hint = ""
        if "transport" in text and "not allowed" in text:
            allowed = self.environment["GIT_ALLOW_PROTOCOL"]
            hint = (
                f" Allowed are {allowed.replace(':', ', ')}; the environment variable "
                "GIT_ALLOW_PROTOCOL can allow others."
            )
        elif "could not read Username" in text or "Permission denied" in text:
            hint = " Give git a credential for it: a credential helper, or a key in ssh-agent."
        return SourceError(
            "Failed to download module",
            f"git could not fetch {self.address.package}: {text}.{hint}",
        )


def _environment(address: Git, environment: Mapping[str, str]) -> dict[str, str]:
    found = {name: value for name, value in environment.items() if name not in _ELSEWHERE}
    protocols = PROTOCOLS + (":http" if is_loopback(address.url) else "")
    found.setdefault("GIT_ALLOW_PROTOCOL", protocols)
    found["GIT_TERMINAL_PROMPT"] = "0"
    found["GIT_OPTIONAL_LOCKS"] = "0"
    found["GIT_LFS_SKIP_SMUDGE"] = "1"
    found["LC_ALL"] = "C"
    if address.url.startswith("ssh:") and not found.keys() & {"GIT_SSH", "GIT_SSH_COMMAND"}:
        # ssh asks on the terminal however its input is redirected.
        found["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
    return found


def _fetched(git: _Command, address: Git, commit: str) -> str:
    """The commit, once it is in the repository."""
    wanted = commit or address.ref or "HEAD"
    depth = str(address.depth or 1)
    options = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
    done = git.tried(*options, "--depth", depth, "--", address.url, wanted)
    if not done.returncode:
        return git("rev-parse", "--verify", "FETCH_HEAD^{commit}")
    # A server may give no commits by name, or nothing shallow: then everything has to come.
    refs = ("+refs/heads/*:refs/remotes/source/*", "+refs/tags/*:refs/tags/*")
    whole = git.tried(*options, "--", address.url, *refs)
    if whole.returncode:
        raise git.failed(whole.stderr or done.stderr)
    for name in (f"refs/tags/{wanted}", f"refs/remotes/source/{wanted}", wanted):
        if name == wanted and not re.fullmatch(r"[0-9a-f]{7,64}", wanted):
            continue
        at = git.tried("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if not at.returncode and _COMMIT.fullmatch(at.stdout.strip()):
            return at.stdout.strip()
    if commit:
        raise SourceError(
            "Locked module commit is gone",
            f"{address.package} no longer holds the commit {commit} that the lock file names. If "
            "that is expected, take what it holds now: perimeter init -upgrade",
        )
    raise SourceError(
        "Failed to download module",
        f'{address.package} has no branch, tag or commit "{wanted}".',
    )


def _measure(git: _Command, commit: str, limits: Limits) -> None:
    """Refuse a commit that would fill the disk, before anything is checked out."""
    with subprocess.Popen(  # noqa: S603 - no shell; the commit is hexadecimal
        git.argv("ls-tree", "-r", "-z", "--long", commit),
        env=git.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as listing:
        assert listing.stdout is not None
        entries = size = 0
        rest = b""
        try:
            while chunk := os.read(listing.stdout.fileno(), 1 << 20):
                *whole, rest = (rest + chunk).split(b"\0")
                entries += len(whole)
                for item in whole:
                    amount = item.split(None, 4)[3]
                    size += int(amount) if amount.isdigit() else 0
                if entries > limits.entries:
                    raise too_large(f"holds over {limits.entries} files")
                if size > limits.content:
                    raise too_large(f"holds over {limits.content} bytes")
        except SourceError:
            listing.kill()
            raise
