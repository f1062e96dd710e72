"""What ``perimeter { encryption {} }`` says: which keys protect what is written, and what may still be read.

Decided before anything else, as state cannot be opened without it: only variables, local values and functions take part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perimeter.config.early import EarlyScope
from perimeter.config.literals import traversal_of
from perimeter.config.model import Encryption
from perimeter.config.settings import ENCRYPTION, TARGETS
from perimeter.config.shape import Shape, check_body, check_labels, unexpected
from perimeter.diagnostics import Diagnostics, Range, did_you_mean
from perimeter.hcl import parse_file
from perimeter.hcl.nodes import Attribute, Block, Body, Expr
from perimeter.lang.evaluate import evaluate
from perimeter.lang.plain import to_plain

VARIABLE = "PERIMETER_ENCRYPTION"
"""The environment variable that holds the inside of an encryption block, which then counts more than the files."""

_ARGUMENTS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "passphrase": (frozenset({"passphrase"}), frozenset({"cost"})),
    "environment": (frozenset({"variable"}), frozenset()),
    "aws_kms": (
        frozenset({"kms_key_id"}),
        frozenset({"region", "profile", "endpoint", "encryption_context"}),
    ),
}
"""Required and optional arguments of each kind of key provider."""

_SHORT = {"passphrase": "passphrase", "environment": "variable", "aws_kms": "kms_key_id"}
"""Arguments that stand for a whole key provider, and which of its arguments they are."""

_WAY = frozenset({*_SHORT, "method"})
_TARGET = Shape(optional=frozenset({*_WAY, "enforced"}), blocks=frozenset({"fallback"}))
_FALLBACK = Shape(optional=_WAY)
_PROVIDER = Shape(labels=("type", "name"), open=True)
_METHODS = {
    "aes_gcm": Shape(labels=("type", "name"), required=("keys",)),
    "unencrypted": Shape(labels=("type", "name")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """A key provider as configured.

    Attributes:
        kind: ``passphrase``, ``environment`` or ``aws_kms``.
        arguments: plain values; those that are omitted or null are missing.
    """

    kind: str
    name: str
    arguments: Mapping[str, Any] = field(repr=False)
    range: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """How one kind of file is protected.

    Attributes:
        primary: what it is written with; None is plain.
        fallbacks: what else may be read; None is plain.
    """

    primary: KeySettings | None = None
    fallbacks: tuple[KeySettings | None, ...] = ()
    enforced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionSettings:
    """How each kind of file is protected; ``remote_state`` is the states of others, which are only read."""

    state: TargetSettings = TargetSettings()
    plan: TargetSettings = TargetSettings()
    snapshot: TargetSettings = TargetSettings()
    remote_state: TargetSettings = TargetSettings()


def decide_encryption(
    declared: Encryption | None, text: str, scope: EarlyScope
) -> tuple[EncryptionSettings | None, Diagnostics]:
    """Evaluate what is configured; None when nothing is, or once problems are reported.

    No source is handed out for the variable's text: a snippet of it could show a passphrase.

    Args:
        declared: the block in the files.
        text: of ``PERIMETER_ENCRYPTION``; its arguments and blocks replace those of the same name.
        scope: of the root module.
    """
    diagnostics = Diagnostics()
    bodies = [] if declared is None else [declared.body]
    if text.strip():
        body, problems = parse_file(text, VARIABLE)
        diagnostics.extend(problems)
        unexpected(body, ENCRYPTION.optional, ENCRYPTION.blocks, diagnostics)
        bodies.append(body)
    if not bodies or diagnostics.has_errors:
        return None, diagnostics
    reading = _Reading(scope, diagnostics)
    found = reading.settings(*_merged(bodies), bodies[-1].range)
    return (None if diagnostics.has_errors else found), diagnostics


def _merged(bodies: Sequence[Body]) -> tuple[dict[str, Attribute], list[Block]]:
    """What the bodies say together; a later one's arguments and blocks replace an earlier one's of the same name."""
    attributes: dict[str, Attribute] = {}
    blocks: list[Block] = []
    for body in bodies:
        attributes.update(body.attributes)
        named = {(block.type, *block.labels) for block in body.blocks}
        blocks = [block for block in blocks if (block.type, *block.labels) not in named]
        blocks += body.blocks
    return attributes, blocks


class _Reading:
    """One reading of a block."""

    def __init__(self, scope: EarlyScope, diagnostics: Diagnostics) -> None:
        self.scope = scope
        self.diagnostics = diagnostics
        self.providers: dict[str, KeySettings] = {}
        self.methods: dict[str, KeySettings | None] = {}

    def settings(
        self, attributes: dict[str, Attribute], blocks: list[Block], where: Range
    ) -> EncryptionSettings:
        """All targets."""
        for block in blocks:
            if block.type == "key_provider":
                self._provider(block)
        for block in blocks:
            if block.type == "method":
                self._method(block)
        targets = {block.type: block for block in blocks if block.type in TARGETS}
        general = self._way(attributes, where)
        if general is None and not targets:
            ways = [item for item in self.methods.values() if item is not None]
            if len(ways) == 1:
                general = (ways[0],)
            else:
                self.diagnostics.error(
                    "Nothing is encrypted",
                    "The encryption block does not say what to encrypt. The shortest form is one argument: "
                    'passphrase = var.NAME, environment = "VARIABLE" or aws_kms = "alias/NAME"; with methods, add '
                    "state { method = method.aes_gcm.NAME } and likewise plan and snapshot.",
                    where,
                )
        fallbacks = [self._fallback(block) for block in blocks if block.type == "fallback"]
        enforced = self._flag(attributes.get("enforced"))
        found = {
            name: self._target(
                targets.get(name), general, fallbacks, enforced=enforced, where=where
            )
            for name in TARGETS
        }
        if "remote_state" not in targets:
            found["remote_state"] = TargetSettings(
                primary=found["state"].primary, fallbacks=(*found["state"].fallbacks, None)
            )
        return EncryptionSettings(**found)

    def _target(
        self,
        block: Block | None,
        general: tuple[KeySettings | None] | None,
        fallbacks: list[KeySettings | None],
        *,
        enforced: bool,
        where: Range,
    ) -> TargetSettings:
        way = general
        fallbacks = list(fallbacks)
        if block is not None:
            where = block.header_range
            check_labels(block, _TARGET, self.diagnostics)
            check_body(block, _TARGET, self.diagnostics)
            way = self._way(block.body.attributes, where) or general
            fallbacks += [
                self._fallback(item) for item in block.body.blocks if item.type == "fallback"
            ]
            if "enforced" in block.body.attributes:
                enforced = self._flag(block.body.attributes["enforced"])
            if way is None:
                self.diagnostics.error(
                    "Nothing is encrypted",
                    f"The {block.type} block names no method. Add method = method.aes_gcm.NAME.",
                    where,
                )
        primary = way[0] if way is not None else None
        if enforced and (block is not None or general is not None):
            if primary is None and way is not None:
                self.diagnostics.error(
                    "Encryption is enforced",
                    "With enforced = true the method unencrypted cannot be used to write. Name another one.",
                    where,
                )
            if None in fallbacks:
                self.diagnostics.error(
                    "Encryption is enforced",
                    "With enforced = true no plain file may be read, but a fallback block accepts plain files. Take away one "
                    "of the two.",
                    where,
                )
        return TargetSettings(primary=primary, fallbacks=tuple(fallbacks), enforced=enforced)

    def _fallback(self, block: Block) -> KeySettings | None:
        check_labels(block, _FALLBACK, self.diagnostics)
        check_body(block, _FALLBACK, self.diagnostics)
        way = self._way(block.body.attributes, block.header_range)
        return way[0] if way is not None else None

    def _way(
        self, attributes: Mapping[str, Attribute], where: Range
    ) -> tuple[KeySettings | None] | None:
        """The one way of encrypting that arguments name; a tuple, as None in it means plain."""
        given = [name for name in attributes if name in _WAY]
        if len(given) > 1:
            self.diagnostics.error(
                "Two ways to encrypt",
                f"{' and '.join(sorted(given))} exclude each other. To read what was written with another key, use "
                "fallback { … }.",
                where,
            )
        if not given:
            return None
        name, attribute = given[0], attributes[given[0]]
        if name == "method":
            return self._reference(attribute.expr, "method", self.methods)
        value = self._value(attribute.expr)
        if value is None:
            self.diagnostics.error(
                "Encryption key is missing",
                f'The argument "{name}" of the encryption block is null. Give it a value.',
                attribute.expr.range,
            )
            return (None,)
        return (
            KeySettings(
                kind=name,
                name="main",
                arguments={_SHORT[name]: value},
                range=attribute.expr.range,
            ),
        )

    def _provider(self, block: Block) -> None:
        if not check_labels(block, _PROVIDER, self.diagnostics):
            return
        kind, name = block.labels
        if kind not in _ARGUMENTS:
            self.diagnostics.error(
                "Unknown key provider",
                f'There is no key provider "{kind}".{did_you_mean(kind, _ARGUMENTS)} There are: '
                f"{', '.join(sorted(_ARGUMENTS))}.",
                block.header_range,
            )
            return
        required, optional = _ARGUMENTS[kind]
        shape = Shape(labels=("type", "name"), required=tuple(required), optional=optional)
        check_body(block, shape, self.diagnostics)
        arguments = {
            key: value
            for key, item in block.body.attributes.items()
            if (value := self._value(item.expr)) is not None
        }
        for key in sorted(required & block.body.attributes.keys() - arguments.keys()):
            self.diagnostics.error(
                "Encryption key is missing",
                f'The argument "{key}" of key provider "{name}" has no value.',
                block.body.attributes[key].expr.range,
            )
        self.providers[f"{kind}.{name}"] = KeySettings(
            kind=kind, name=name, arguments=arguments, range=block.header_range
        )

    def _method(self, block: Block) -> None:
        if not check_labels(block, _PROVIDER, self.diagnostics):
            return
        kind, name = block.labels
        shape = _METHODS.get(kind)
        if shape is None:
            self.diagnostics.error(
                "Unknown encryption method",
                f'There is no encryption method "{kind}".{did_you_mean(kind, _METHODS)} There are: '
                f"{', '.join(sorted(_METHODS))}.",
                block.header_range,
            )
            return
        check_body(block, shape, self.diagnostics)
        keys = block.body.attributes.get("keys")
        key = f"{kind}.{name}"
        self.methods[key] = None
        if kind == "aes_gcm" and keys is not None:
            found = self._reference(keys.expr, "key_provider", self.providers)
            self.methods[key] = found[0]

    def _reference(
        self, expr: Expr, what: str, among: Mapping[str, KeySettings | None]
    ) -> tuple[KeySettings | None]:
        traversal = traversal_of(expr, Diagnostics())
        keys = [] if traversal is None else [step.key for step in traversal.steps]
        if traversal is None or traversal.root != what or len(keys) != 2:
            self.diagnostics.error(
                "Invalid reference in encryption",
                f"A reference such as {what}.TYPE.NAME is needed here.",
                expr.range,
            )
            return (None,)
        name = f"{keys[0]}.{keys[1]}"
        if name not in among:
            self.diagnostics.error(
                "Undeclared part of the encryption",
                f"There is no {what}.{name}: no block {what} with these two labels stands in the encryption block."
                f"{did_you_mean(name, among)}",
                expr.range,
            )
        return (among.get(name),)

    def _value(self, expr: Expr) -> Any:
        """The plain value of an argument; None once it is reported to be none, too."""
        found = Diagnostics()
        value = evaluate(expr, self.scope, found)
        if found.has_errors and expr.src.filename == VARIABLE:
            # A passphrase that lost its quotes to the shell reads as a name, which messages quote.
            self.diagnostics.error(
                "Invalid value in PERIMETER_ENCRYPTION",
                f"A value cannot be evaluated: {found.errors[0].summary.lower()}. Texts stand in double quotes; put single "
                "ones around the whole, so that the shell leaves them there.",
                expr.range,
            )
            return ""
        self.diagnostics.extend(found)
        if found.has_errors:
            return ""
        if not value.is_wholly_known:
            self.diagnostics.error(
                "Encryption cannot wait for the plan",
                "This value must be known before state is read: from variables and local values at most.",
                expr.range,
            )
            return ""
        return to_plain(value)

    def _flag(self, attribute: Attribute | None) -> bool:
        if attribute is None:
            return False
        value = self._value(attribute.expr)
        if not isinstance(value, bool):
            self.diagnostics.error(
                "Invalid encryption setting", "enforced is true or false.", attribute.expr.range
            )
        return value is True
