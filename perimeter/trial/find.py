"""Test files and mock files on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from perimeter.config.files import DISK, is_ignored, read_text, reason, shown
from perimeter.config.literals import plain_text
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.hcl.nodes import Attribute
from perimeter.hcl.source import SourceFile
from perimeter.trial.decode import decode_file
from perimeter.trial.json_files import parse_mock
from perimeter.trial.model import File, MockProvider
from perimeter.trial.overrides import merge_mocks

SUFFIX = ".test.hcl"
MOCKS = ".mock.hcl"
DEFAULT_DIRECTORY = "tests"


@dataclass(slots=True, kw_only=True)
class Found:
    """The test files of a configuration.

    Attributes:
        files: by name.
        sources: all files read, by shown name.
    """

    files: dict[str, File] = field(default_factory=dict)
    sources: dict[str, SourceFile] = field(default_factory=dict)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)

    def only(self, names: Iterable[str]) -> tuple[File, ...]:
        """Those of the given names, all for none; a name that is no test file's is reported."""
        wanted = [shown(Path(name)) for name in names]
        for name in wanted:
            if name not in self.files:
                known = ", ".join(self.files) or "none"
                self.diagnostics.error(
                    "Unknown test file",
                    f'The filter "{name}" names no test file.{did_you_mean(name, self.files)} '
                    f"There are: {known}.",
                )
        return tuple(
            file for name, file in sorted(self.files.items()) if not wanted or name in wanted
        )


def find_tests(directory: Path, tests: Path) -> Found:
    """Read the test files in the root module's directory and in the one for tests."""
    found = Found()
    for folder in dict.fromkeys((directory, tests)):
        for name in _names(folder, SUFFIX):
            source = read_text(folder / name, DISK, found.diagnostics)
            if source is None:
                continue
            found.sources[source.filename] = source

            def read_mocks(
                mock: MockProvider, attribute: Attribute, diagnostics: Diagnostics
            ) -> MockProvider:
                return _mocks(directory, mock, attribute, diagnostics, found.sources)

            file = decode_file(source, shown(folder), found.diagnostics, read_mocks)
            found.files[file.name] = file
    return found


def _names(folder: Path, suffix: str) -> list[str]:
    try:
        names = DISK.names(folder)
    except OSError:
        return []
    wanted = (suffix, f"{suffix}.json")
    return sorted(name for name in names if name.endswith(wanted) and not is_ignored(name))


def _mocks(
    directory: Path,
    mock: MockProvider,
    attribute: Attribute,
    diagnostics: Diagnostics,
    sources: dict[str, SourceFile],
) -> MockProvider:
    text = plain_text(attribute.expr)
    if not text:
        diagnostics.error(
            "Invalid source attribute",
            "The source of a mock_provider is the path of a directory with *.mock.hcl files, "
            "written as a string without references.",
            attribute.expr.range,
        )
        return mock
    folder = directory / text
    try:
        DISK.names(folder)
    except OSError as failure:
        diagnostics.error(
            "Unreadable mock directory",
            f'The directory "{shown(folder)}" could not be read: {reason(failure)}.',
            attribute.expr.range,
        )
        return mock
    for name in _names(folder, MOCKS):
        source = read_text(folder / name, DISK, diagnostics)
        if source is None:
            continue
        sources[source.filename] = source
        body, problems = parse_mock(source.text, source.filename)
        diagnostics.extend(problems)
        mock = merge_mocks(mock, body, diagnostics)
    return mock
