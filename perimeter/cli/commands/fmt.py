"""``perimeter fmt``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.config.files import Memory, is_ignored, read_text, reason, shown, tool_of
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.format import format_text
from perimeter.hcl.source import SourceFile
from perimeter.state.envelope import collector_paused
from perimeter.ui.text_diff import text_diff

SUFFIX = ".hcl"
STDIN = "-"

_FAILED = 2
_WOULD_CHANGE = 3


@dataclass(slots=True, kw_only=True)
class _Formatting:
    """What is wanted, and what came of it.

    Attributes:
        changed: whether any file is not in canonical style.
    """

    invocation: Invocation
    list: bool
    write: bool
    diff: bool
    check: bool
    recursive: bool
    changed: bool = False
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    sources: dict[str, SourceFile] = field(default_factory=dict)

    def paths(self, targets: tuple[str, ...]) -> Iterator[Path]:
        """The files that the targets mean."""
        for target in targets or (".",):
            path = Path(target)
            if path.is_dir():
                yield from self.inside(path)
            elif not path.exists():
                self.diagnostics.error(
                    "No such file or directory",
                    f'There is no file or directory at "{target}". Name one that exists, or none'
                    " for the files of the current directory.",
                )
            elif not target.endswith(SUFFIX):
                self.diagnostics.error(
                    "Not a file in HCL syntax",
                    f'"{target}" does not end in {SUFFIX}. Other files cannot be formatted; files'
                    " in JSON syntax are left as they are.",
                )
            else:
                yield path

    def inside(self, directory: Path) -> Iterator[Path]:
        """The files of a directory, those of its directories among them when that is wanted."""
        try:
            entries = sorted(directory.iterdir())
        except OSError as failure:
            self.unreadable(directory, failure)
            return
        for path in entries:
            if is_ignored(path.name):
                continue
            if path.is_dir():
                if self.recursive and not path.is_symlink():
                    yield from self.inside(path)
            elif path.name.endswith(SUFFIX) and tool_of(path.name) is None:
                yield path

    def file(self, path: Path) -> None:
        """Format one file."""
        try:
            content = path.read_bytes()
        except OSError as failure:
            self.unreadable(path, failure)
            return
        result = self.text(path, content)
        if result is None or result == content:
            self.plain(result)
            return
        name = shown(path)
        if self.list:
            self.invocation.terminal.print(f"{name}\n")
        if self.write:
            try:
                path.write_bytes(result)
            except OSError as failure:
                self.diagnostics.error(
                    "Failed to write file",
                    f'The formatted "{name}" could not be written: {reason(failure)}.',
                )
                return
        self.show(name, content, result)

    def stdin(self) -> None:
        """Format what comes on standard input."""
        stream = self.invocation.terminal.input
        raw = getattr(stream, "buffer", None)
        content = stream.read().encode() if raw is None else raw.read()
        result = self.text(Path("<stdin>"), content)
        if result is not None and result != content:
            self.show("<stdin>", content, result)
        else:
            self.plain(result)

    @collector_paused()
    def text(self, path: Path, content: bytes) -> bytes | None:
        """A file's canonical content; None once it is reported why there is none."""
        name = shown(path)
        source = read_text(path, Memory({str(path): content}), self.diagnostics)
        if source is None:
            return None
        self.sources[name] = source
        result, problems = format_text(source.text, name)
        self.diagnostics.extend(problems)
        if problems:
            return None
        made = result.encode()
        self.changed = self.changed or made != content
        return made

    def show(self, name: str, before: bytes, after: bytes) -> None:
        """Print the difference, or the result when nobody else gets it."""
        if self.diff:
            self.invocation.terminal.print(text_diff(name, before.decode(), after.decode()))
        else:
            self.plain(after)

    def plain(self, content: bytes | None) -> None:
        """Print a file's formatted content when it is neither written, listed nor compared."""
        if content and not (self.list or self.write or self.diff or self.check):
            self.invocation.terminal.print(content.decode())

    def unreadable(self, path: Path, failure: OSError) -> None:
        """Report a path that cannot be read."""
        self.diagnostics.error(
            "Failed to read file", f'"{shown(path)}" could not be read: {reason(failure)}.'
        )


@command("fmt")
@click.argument("target", nargs=-1)
@flags(
    switch("list", "Do not list the files whose formatting differs.", default=True),
    switch(
        "write", "Do not write to the files. Set by -check, and for standard input.", default=True
    ),
    switch("diff", "Show what changes."),
    switch("check", "Write nothing; the exit code is 3 if a file is not formatted."),
    switch("recursive", "Also format the files of directories below."),
)
def run(invocation: Invocation, **given: Any) -> int:
    """Bring configuration files into canonical style.

    The targets are files, directories (the current one if there is none), or "-" to read standard
    input and write the result to standard output. Configuration (.hcl), variable files (.vars.hcl)
    and test files (.test.hcl) are formatted; JSON is left alone.
    """
    targets: tuple[str, ...] = given["target"]
    stdin = targets[:1] == (STDIN,)
    formatting = _Formatting(
        invocation=invocation,
        list=given["list"] and not stdin,
        write=given["write"] and not stdin and not given["check"],
        diff=given["diff"],
        check=given["check"],
        recursive=given["recursive"],
    )
    if stdin:
        formatting.stdin()
    else:
        for path in formatting.paths(targets):
            formatting.file(path)
    invocation.reporter.diagnostics(formatting.diagnostics, formatting.sources)
    if formatting.diagnostics.has_errors:
        return _FAILED
    return _WOULD_CHANGE if formatting.check and formatting.changed else 0
