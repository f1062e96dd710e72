"""A backend's arguments: from its block and from ``-backend-config``, checked against what it can be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perimeter.cli.failure import Refused
from perimeter.config.early import EarlyScope
from perimeter.config.files import reason
from perimeter.config.model import Backend as BackendBlock
from perimeter.config.model import Module
from perimeter.diagnostics import Diagnostics, Range, did_you_mean
from perimeter.hcl.source import SourceFile
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.evaluate import evaluate
from perimeter.lang.plain import to_plain
from perimeter.lang.types import BOOL, NUMBER, STRING, List, Map, Type
from perimeter.lang.values import Value, string
from perimeter.sdk.redact import SECRETS
from perimeter.state.places import KINDS, Kind, Setting

LOCAL = "local"

_TYPES: Mapping[str, Type] = {
    "str": STRING,
    "bool": BOOL,
    "number": NUMBER,
    "list": List(STRING),
    "map": Map(STRING),
}
_WORDS = {
    "str": "a string",
    "bool": "true or false",
    "number": "a whole number",
    "list": "a list of strings",
    "map": "a map of strings",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A kind of backend and what it is told.

    Attributes:
        settings: the arguments that are set, by name.
        block: where it is configured; None when it is not.
    """

    type: str = LOCAL
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    block: BackendBlock | None = None

    @property
    def kind(self) -> Kind:
        """What it can do."""
        return KINDS[self.type]

    @property
    def public(self) -> dict[str, Any]:
        """The arguments that may be kept and shown."""
        known = self.kind.settings
        return {name: item for name, item in self.settings.items() if not known[name].secret}

    def range_of(self, setting: str = "") -> Range | None:
        """Where an argument stands, or the block."""
        if self.block is None:
            return None
        found = self.block.body.attributes.get(setting)
        return found.expr.range if found is not None else self.block.range

    @property
    def sources(self) -> dict[str, SourceFile]:
        """The file of the block, for snippets."""
        return {self.block.src.filename: self.block.src} if self.block is not None else {}


def configured(block: BackendBlock | None) -> Configured:
    """What a block says.

    Raises:
        Refused: the type is unknown, or an argument is unknown, of the wrong type, not known yet, or sensitive.
    """
    if block is None:
        return Configured()
    found = Diagnostics()
    if block.type not in KINDS:
        found.error(
            "Unsupported backend type",
            f'There is no backend type named "{block.type}".{did_you_mean(block.type, KINDS)} There are '
            f"{', '.join(sorted(KINDS))}.",
            block.range,
        )
        raise Refused(found, {block.src.filename: block.src})
    known = KINDS[block.type].settings
    settings: dict[str, Any] = {}
    for item in block.body.blocks:
        found.error(
            "Unsupported block type",
            f'Blocks of type "{item.type}" are not expected here: the backend "{block.type}" takes arguments only.',
            item.type_range,
        )
    for name, attribute in block.body.attributes.items():
        setting = known.get(name)
        if setting is None:
            _unknown(name, block.type, attribute.name_range, found)
            continue
        value = block.arguments.get(name)
        if value is not None:
            _put(settings, setting, value, attribute.expr.range, found)
    if found.has_errors:
        raise Refused(
            [item.at(block=f'backend "{block.type}"') for item in found],
            {block.src.filename: block.src},
        )
    return Configured(type=block.type, settings=settings, block=block)


def given_settings(kind: str, options: Iterable[str]) -> dict[str, Any]:
    """What ``-backend-config`` says: ``NAME=VALUE``, or files of arguments; the last one wins.

    Raises:
        Refused: a file cannot be read, or an argument is unknown or of the wrong type.
    """
    known = KINDS[kind].settings
    found = Diagnostics()
    sources: dict[str, SourceFile] = {}
    settings: dict[str, Any] = {}
    for option in options:
        name, equals, text = option.partition("=")
        name = name.strip()
        if not equals:
            _read_file(Path(option), kind, settings, found, sources)
        elif name not in known:
            _unknown(name, kind, None, found)
        else:
            value = _from_text(known[name], text, found)
            if value is not None:
                _put(settings, known[name], value, None, found)
    if found.has_errors:
        raise Refused(found, sources)
    return settings


def _read_file(
    path: Path,
    kind: str,
    settings: dict[str, Any],
    found: Diagnostics,
    sources: dict[str, SourceFile],
) -> None:
    from perimeter.hcl import parse_file

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as problem:
        why = reason(problem) if isinstance(problem, OSError) else "it is not UTF-8 text"
        found.error(
            "Backend configuration file not readable",
            f"{path}: {why}. -backend-config takes NAME=VALUE, or a file of such arguments.",
        )
        return
    body, problems = parse_file(text, str(path))
    sources[str(path)] = body.src
    found.extend(problems)
    known = KINDS[kind].settings
    for block in body.blocks:
        found.error(
            "Unsupported block type",
            "A file for -backend-config holds arguments only, as the backend block has them.",
            block.type_range,
        )
    for name, attribute in body.attributes.items():
        if name not in known:
            _unknown(name, kind, attribute.name_range, found)
            continue
        value = evaluate(attribute.expr, _no_names(), found)
        _put(settings, known[name], value, attribute.expr.range, found)


def _no_names() -> EarlyScope:
    from perimeter.config.assignments import Assignments

    return EarlyScope(Module(path=(), source_dir="."), Assignments)


def _from_text(setting: Setting, text: str, found: Diagnostics) -> Value | None:
    if setting.kind in ("list", "map"):
        from perimeter.hcl import parse_expression

        expr, problems = parse_expression(text, f"-backend-config={setting.name}")
        found.extend(problems)
        if problems or expr is None:
            return None
        return evaluate(expr, _no_names(), found)
    return string(text)


def _put(
    settings: dict[str, Any],
    setting: Setting,
    value: Value,
    where: Range | None,
    found: Diagnostics,
) -> None:
    """Take an argument's value, or report why not."""
    if not value.is_wholly_known:
        # That a reference cannot be used here was reported where it was evaluated.
        found.error(
            "Backend argument is not known",
            f'"{setting.name}" is needed before anything is planned: it can be made of variables and local values only.',
            where,
        )
        return
    marked = bool(value.deep_marks())
    if marked and not setting.secret:
        found.error(
            "Backend argument is sensitive",
            f'"{setting.name}" is shown and kept in .perimeter/backend.json, so it cannot be made of a sensitive or '
            "ephemeral value.",
            where,
        )
        return
    try:
        plain = to_plain(convert(value, _TYPES[setting.kind]))
    except ConversionError as problem:
        why = "" if marked or setting.secret else f": {problem}"
        found.error(
            "Incorrect attribute value type",
            f'"{setting.name}" must be {_WORDS[setting.kind]}{why}.',
            where,
        )
        return
    if setting.kind == "number" and plain is not None and not isinstance(plain, int):
        found.error(
            "Incorrect attribute value type", f'"{setting.name}" must be a whole number.', where
        )
        return
    if setting.secret and plain is not None:
        SECRETS.add_all(plain)
    if plain is not None:
        settings[setting.name] = plain


def _unknown(name: str, kind: str, where: Range | None, found: Diagnostics) -> None:
    known = KINDS[kind].settings
    found.error(
        "Unsupported argument",
        f'The backend "{kind}" takes no argument named "{name}".{did_you_mean(name, known)}',
        where,
    )
