"""Where the values of root variables come from: environment, variable files, command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from perimeter.config.files import DISK, Reader, is_ignored, read_text, reason, shown
from perimeter.config.shape import is_name
from perimeter.diagnostics import Diagnostics, Range
from perimeter.hcl.nodes import Expr
from perimeter.hcl.source import SourceFile
from perimeter.lang.values import Value

PREFIX = "PERIMETER_VAR_"
"""Environment variables of this prefix give values to root variables."""

DEFAULT_FILES = ("perimeter.vars.hcl", "perimeter.vars.hcl.json")
AUTO_SUFFIXES = (".auto.vars.hcl", ".auto.vars.hcl.json")


class Origin(Enum):
    """Where a value was written, from weakest to strongest."""

    ENVIRONMENT = "environment"
    FILE = "file"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value for one variable, not yet converted. Exactly one of the four is set.

    Attributes:
        where: the file as shown, or the environment variable's name.
        range: where in a file the value stands.
        expr: from a variable file.
        text: from the environment or ``-var``; its meaning depends on the variable's type.
        plain: from a JSON variable file.
        value: evaluated already, as by a test's ``variables`` block.
    """

    name: str
    origin: Origin
    where: str
    range: Range | None = None
    expr: Expr | None = None
    text: str | None = field(default=None, repr=False)
    plain: Any = field(default=None, repr=False)
    value: Value | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments:
    """The values that win, by variable name, and the variable files read, by shown name."""

    values: Mapping[str, Given] = field(default_factory=dict)
    sources: Mapping[str, SourceFile] = field(default_factory=dict)


def collect(
    directory: Path,
    *,
    options: Iterable[tuple[str, str]] = (),
    environment: Mapping[str, str] | None = None,
    reader: Reader = DISK,
) -> tuple[Assignments, Diagnostics]:
    """Gather the values for the root module's variables in Terraform's order of precedence.

    Args:
        directory: the root module's directory, whose variable files load by themselves.
        options: ``("var", "name=value")`` and ``("var-file", path)`` in command-line order; the
            last one wins.
        environment: the process environment.
        reader: where files come from.

    Returns:
        The winning values and what is wrong with the files and options.
    """
    diagnostics = Diagnostics()
    values: dict[str, Given] = {}
    sources: dict[str, SourceFile] = {}
    for key, text in sorted((environment or {}).items()):
        if key.startswith(PREFIX) and len(key) > len(PREFIX):
            name = key.removeprefix(PREFIX)
            values[name] = Given(name=name, origin=Origin.ENVIRONMENT, where=key, text=text)
    try:
        names = reader.names(reader.resolve(directory))
    except OSError:
        names = []
    automatic = [name for name in DEFAULT_FILES if name in names]
    automatic += sorted(
        name for name in names if name.endswith(AUTO_SUFFIXES) and not is_ignored(name)
    )
    for name in automatic:
        values.update(read_values(directory / name, sources, diagnostics, reader))
    for kind, text in options:
        if kind == "var-file":
            path = Path(text)
            try:
                reader.read(path)
            except OSError as failure:
                missing = isinstance(failure, FileNotFoundError)
                diagnostics.error(
                    "Failed to read variables file",
                    f"Given variables file {text} does not exist."
                    if missing
                    else f"Given variables file {text} could not be read: {reason(failure)}.",
                )
                continue
            values.update(read_values(path, sources, diagnostics, reader))
        else:
            given = _option(text, diagnostics)
            if given is not None:
                values[given.name] = given
    return Assignments(values=values, sources=sources), diagnostics


def _option(text: str, diagnostics: Diagnostics) -> Given | None:
    name, equals, value = text.partition("=")
    if not equals:
        diagnostics.error(
            "Invalid -var option",
            f'The given -var option "{name}" is not correctly specified. Must be a variable name '
            'and value separated by an equals sign, like -var="key=value".',
        )
        return None
    if name != name.strip() or not is_name(name):
        diagnostics.error(
            "Invalid -var option",
            f'Variable name "{name}" is invalid'
            + (
                f' due to surrounding space. Did you mean -var="{name.strip()}=…"?'
                if is_name(name.strip())
                else ': write -var="key=value" with the name of a variable as the key.'
            ),
        )
        return None
    return Given(name=name, origin=Origin.COMMAND_LINE, where=f'-var="{name}=..."', text=value)


def read_values(
    path: Path,
    sources: dict[str, SourceFile],
    diagnostics: Diagnostics,
    reader: Reader = DISK,
) -> dict[str, Given]:
    """Read one variable file, HCL or (by its name's end) JSON; its source is added to ``sources``."""
    source = read_text(path, reader, diagnostics)
    if source is None:
        return {}
    name = shown(path)
    sources[name] = source
    if name.endswith(".json"):
        return _json_values(source, diagnostics)
    from perimeter.hcl import parse_file

    body, problems = parse_file(source.text, name)
    sources[name] = body.src
    diagnostics.extend(problems)
    for block in body.blocks:
        hint = ""
        if block.type == "variable" and block.labels:
            hint = (
                f' To give variable "{block.labels[0]}" a value, write {block.labels[0]} = "value". '
                "To declare it, write the block into a file that ends in .hcl only."
            )
        diagnostics.error(
            f'Unexpected "{block.type}" block',
            f"Blocks are not allowed here.{hint}",
            block.type_range,
        )
    return {
        key: Given(
            name=key,
            origin=Origin.FILE,
            where=name,
            range=attribute.expr.range,
            expr=attribute.expr,
        )
        for key, attribute in body.attributes.items()
    }


_DECODER = json.JSONDecoder(parse_float=Decimal)
_BLANK = " \t\r\n"


class _JsonError(ValueError):
    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def _json_values(source: SourceFile, diagnostics: Diagnostics) -> dict[str, Given]:
    found: dict[str, Given] = {}
    try:
        for key, plain, key_at, start, end in _json_members(source.text):
            if key == "//":
                continue
            if key in found:
                diagnostics.error(
                    "Duplicate JSON object property",
                    f'A property named "{key}" was already given in this file.',
                    source.range(*key_at),
                )
                continue
            found[key] = Given(
                name=key,
                origin=Origin.FILE,
                where=source.filename,
                range=source.range(start, end),
                plain=plain,
            )
    except _JsonError as failure:
        diagnostics.error("Invalid JSON", f"{failure}.", source.range(failure.at, failure.at + 1))
    except RecursionError:
        diagnostics.error("Invalid JSON", f"{source.filename} is nested too deeply.")
    return found


def _json_members(text: str) -> Iterable[tuple[str, Any, tuple[int, int], int, int]]:
    """The members of a JSON object with the spans of their keys and values."""

    def blank(at: int) -> int:
        while at < len(text) and text[at] in _BLANK:
            at += 1
        return at

    def expect(at: int, wanted: str, what: str) -> int:
        at = blank(at)
        if text[at : at + 1] not in tuple(wanted):
            raise _JsonError(f"Expected {what} here", at)
        return at

    def value(at: int) -> tuple[Any, int]:
        try:
            plain, end = _DECODER.raw_decode(text, blank(at))
        except json.JSONDecodeError as failure:
            raise _JsonError(failure.msg, failure.pos) from None
        except (ValueError, ArithmeticError):
            raise _JsonError("A number is out of range", blank(at)) from None
        return plain, end

    at = expect(0, "{", 'an object of variable values, "{"') + 1
    if text[blank(at) : blank(at) + 1] == "}":
        at = blank(at) + 1
    else:
        while True:
            start = expect(at, '"', "a variable's name in double quotes")
            key, key_end = value(start)
            first = blank(expect(key_end, ":", "a colon") + 1)
            plain, end = value(first)
            yield key, plain, (start, key_end), first, end
            at = expect(end, ",}", "a comma or a closing brace") + 1
            if text[at - 1] == "}":
                break
    rest = blank(at)
    if rest < len(text):
        raise _JsonError("Nothing may follow the object", rest)
