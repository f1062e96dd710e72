"""Files beside the configuration, and paths."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Sequence
from pathlib import Path

from perimeter.lang.functions.crypto import base64_digest, hex_digest
from perimeter.lang.functions.encoding import encode_base64
from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    simple,
    text,
)
from perimeter.lang.functions.glob import matcher
from perimeter.lang.scope import Scope
from perimeter.lang.sets import set_of
from perimeter.lang.text import quote
from perimeter.lang.types import BOOL, STRING, Set
from perimeter.lang.values import Value, boolean


def expanded(path: str, argument: int | None = None) -> str:
    """A path with a leading ``~`` replaced by the home directory.

    Raises:
        FunctionError: it names another user's.
    """
    if path == "~" or path.startswith("~/"):
        return str(Path.home()) + path[1:]
    if path.startswith("~"):
        raise FunctionError("cannot expand user-specific home dir", argument)
    return path


def _located(scope: Scope, path: str) -> Path:
    return Path(scope.base_dir) / path


def read_bytes(path: str, scope: Scope, argument: int | None) -> bytes:
    """A file's content, from the scope where it decides how files are read.

    Raises:
        FunctionError: it cannot be read.
    """
    found = expanded(path, argument)
    try:
        reader: Callable[[str], bytes] | None = getattr(scope, "read_file", None)
        if reader is not None:
            return reader(found)
        return _located(scope, found).read_bytes()
    except FileNotFoundError:
        if argument is None:
            raise FunctionError(f"open {path}: no such file or directory") from None
        raise FunctionError(
            f"no file exists at {quote(path)}; this function works only with files that are "
            "distributed as part of the configuration source code, so if this file will be created "
            "by a resource in this configuration you must instead obtain this result from an "
            "attribute of that resource",
            argument,
        ) from None
    except IsADirectoryError:
        raise FunctionError(f"failed to read file: read {path}: is a directory", argument) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise FunctionError(f"failed to read {path}: {reason}", argument) from None


def read_text(path: str, scope: Scope, argument: int | None) -> str:
    """A file's content as text.

    Raises:
        FunctionError: it cannot be read, or is no UTF-8.
    """
    data = read_bytes(path, scope, argument)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FunctionError(
            f"contents of {path} are not valid UTF-8; use the filebase64 function to obtain the "
            "Base64 encoded contents or the other file functions (e.g. filemd5, filesha256) to "
            "obtain file hashing results instead"
        ) from None


def _file(values: list[Value], context: Context) -> Value:
    return text(read_text(values[0].raw, context.scope, 0))


def _filebase64(values: list[Value], context: Context) -> Value:
    return text(encode_base64(read_bytes(values[0].raw, context.scope, 0)))


def _hashed(compute: Callable[[bytes], str]) -> Function:
    def call(values: list[Value], context: Context) -> Value:
        return text(compute(read_bytes(values[0].raw, context.scope, None)))

    return Function(parameters=(_PATH,), returns=STRING, call=call)


def _fileexists(values: list[Value], context: Context) -> Value:
    path, scope = values[0].raw, context.scope
    found = expanded(path, 0)
    try:
        exists: Callable[[str], bool] | None = getattr(scope, "file_exists", None)
        reader: Callable[[str], bytes] | None = getattr(scope, "read_file", None)
        if exists is not None:
            return boolean(exists(found))
        if reader is not None:
            return boolean(_readable(reader, found))
        located = _located(scope, found)
        if located.is_dir():
            raise FunctionError(f"{quote(path)} is a directory, not a file")
        if located.exists() and not located.is_file():
            raise FunctionError(f"{quote(path)} is not a regular file")
        return boolean(located.is_file())
    except OSError as error:
        raise FunctionError(f"failed to stat {quote(path)}: {error.strerror or error}") from None


def _readable(read: Callable[[str], bytes], path: str) -> bool:
    try:
        read(path)
    except FileNotFoundError:
        return False
    except IsADirectoryError:
        raise FunctionError(f"{quote(path)} is a directory, not a file") from None
    return True


def _fileset(values: list[Value], context: Context) -> Value:
    directory, pattern = (value.raw for value in values)
    scope = context.scope
    above = ""
    while pattern.startswith("../"):
        directory, pattern, above = f"{directory}/..", pattern[3:], f"{above}../"
    try:
        matches = matcher(pattern)
    except ValueError:
        raise FunctionError(
            f"failed to glob pattern {quote(posixpath.join(directory, pattern))}: syntax error in "
            "pattern"
        ) from None
    found = expanded(directory, 0)
    lister: Callable[[str], Sequence[str]] | None = getattr(scope, "list_files", None)
    try:
        names = lister(found) if lister is not None else files_below(_located(scope, found))
    except OSError as error:
        raise FunctionError(
            f"failed to list {quote(directory)}: {error.strerror or error}"
        ) from None
    return set_of(STRING, [text(above + name) for name in names if matches(name)])


def files_below(directory: Path) -> list[str]:
    """The files in a directory and below, relative to it and with ``/``; none when it is missing."""
    out = []
    for root, directories, files in os.walk(directory):
        directories.sort()
        base = Path(root)
        out += [
            (base / name).relative_to(directory).as_posix()
            for name in sorted(files)
            if (base / name).is_file()
        ]
    return out


def _basename(path: str) -> str:
    trimmed = path.rstrip("/")
    if not trimmed:
        return "/" if path else "."
    return posixpath.basename(trimmed)


def _dirname(path: str) -> str:
    return posixpath.normpath(posixpath.dirname(path) or ".")


def _abspath(values: list[Value], context: Context) -> Value:
    return text(os.path.abspath(os.path.join(context.scope.base_dir, values[0].raw)))  # noqa: PTH100, PTH118  # lexical


_PATH = Parameter("path", STRING)

FUNCTIONS: dict[str, Function] = {
    "file": Function(parameters=(_PATH,), returns=STRING, call=_file),
    "filebase64": Function(parameters=(_PATH,), returns=STRING, call=_filebase64),
    "fileexists": Function(parameters=(_PATH,), returns=BOOL, call=_fileexists),
    "fileset": Function(
        parameters=(_PATH, Parameter("pattern", STRING)), returns=Set(STRING), call=_fileset
    ),
    "filemd5": _hashed(hex_digest("md5")),
    "filesha1": _hashed(hex_digest("sha1")),
    "filesha256": _hashed(hex_digest("sha256")),
    "filesha512": _hashed(hex_digest("sha512")),
    "filebase64sha256": _hashed(base64_digest("sha256")),
    "filebase64sha512": _hashed(base64_digest("sha512")),
    "basename": simple([_PATH], STRING, _basename),
    "dirname": simple([_PATH], STRING, _dirname),
    "abspath": Function(parameters=(_PATH,), returns=STRING, call=_abspath),
    "pathexpand": simple([_PATH], STRING, expanded),
}
