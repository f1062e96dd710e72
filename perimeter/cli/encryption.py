"""The keys that a working directory's files are written and read with."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from perimeter.cli.failure import Refused
from perimeter.cli.workspaces import current
from perimeter.config.assignments import Assignments
from perimeter.config.early import EarlyScope
from perimeter.config.encryption import (
    VARIABLE,
    EncryptionSettings,
    KeySettings,
    TargetSettings,
    decide_encryption,
)
from perimeter.config.load import load
from perimeter.config.model import Config, Module
from perimeter.diagnostics import error
from perimeter.sdk.redact import SECRETS
from perimeter.state.encryption import Keys, KeysByKind
from perimeter.state.errors import StateError
from perimeter.state.keys import COST, MIN_PASSPHRASE, EnvironmentKey, KeyProvider, Passphrase
from perimeter.state.kms import AwsKms

Supply = Callable[[], KeysByKind]
"""Makes the keys when the first file is read or written: a command that touches none needs none."""

NOT_ENCRYPTED = "State is not encrypted"
NOT_ENCRYPTED_DETAIL = (
    "The state lies in {place} and no encryption is configured, so whoever can read it there reads every value in it, sensitive "
    "ones included. The shortest remedy is perimeter {{ encryption {{ passphrase = var.NAME }} }}, or the environment variable "
    "PERIMETER_ENCRYPTION."
)


def plain() -> KeysByKind:
    """No encryption."""
    return KeysByKind()


def supply(
    config: Config | None,
    given: Callable[[], Assignments],
    environment: Mapping[str, str] | None = None,
) -> Supply:
    """How to get at the keys that a configuration names.

    Args:
        config: None where a command needs none; what the directory's files say counts all the same.
        given: values of root variables.
        environment: the process's by default.
    """
    found = dict(os.environ if environment is None else environment)
    declares = config.root.encryption is not None if config is not None else _mentions(Path())
    if not declares and not found.get(VARIABLE, "").strip():
        return plain

    @cache
    def make() -> KeysByKind:
        return _keys(config, given, found)

    return make


def _mentions(directory: Path) -> bool:
    """Whether a file of a directory could configure encryption: loading them all costs more."""
    for file in directory.glob("*.hcl*"):
        try:
            if file.name.endswith((".hcl", ".hcl.json")) and b"encryption" in file.read_bytes():
                return True
        except OSError:
            continue
    return False


def _keys(
    config: Config | None, given: Callable[[], Assignments], environment: Mapping[str, str]
) -> KeysByKind:
    workspace = current(environment)
    if config is None:
        config, _, _ = load(Path(), given=given, workspace=workspace)
    root = config.root if config is not None else Module(path=(), source_dir=".")
    settings, problems = decide_encryption(
        root.encryption,
        environment.get(VARIABLE, ""),
        EarlyScope(root, given, workspace=workspace),
    )
    sources = config.sources if config is not None else {}
    if problems.has_errors:
        raise Refused(problems, sources)
    if settings is None:
        return KeysByKind()
    try:
        return _by_kind(settings, environment)
    except _UnusableError as problem:
        raise Refused(
            [error(problem.summary, problem.detail, problem.settings.range)], sources
        ) from None


class _UnusableError(Exception):
    """Key settings of which no provider can be made."""

    def __init__(self, settings: KeySettings, summary: str, detail: str) -> None:
        super().__init__()
        self.settings, self.summary, self.detail = settings, summary, detail


def _by_kind(settings: EncryptionSettings, environment: Mapping[str, str]) -> KeysByKind:
    made: dict[int, KeyProvider] = {}

    def provider(item: KeySettings | None) -> KeyProvider | None:
        if item is None:
            return None
        if id(item) not in made:
            try:
                made[id(item)] = _provider(item, environment)
            except StateError as problem:
                said = problem.diagnostic
                raise _UnusableError(item, said.summary, said.detail) from None
        return made[id(item)]

    def keys(target: TargetSettings) -> Keys:
        return Keys(
            primary=provider(target.primary),
            fallbacks=tuple(provider(item) for item in target.fallbacks),
            enforced=target.enforced,
        )

    return KeysByKind(
        state=keys(settings.state),
        plan=keys(settings.plan),
        snapshot=keys(settings.snapshot),
        remote=keys(settings.remote_state),
    )


def _provider(item: KeySettings, environment: Mapping[str, str]) -> KeyProvider:
    given = item.arguments
    match item.kind:
        case "passphrase":
            passphrase = _text(item, "passphrase")
            if len(passphrase) >= MIN_PASSPHRASE:
                SECRETS.add(passphrase)
            cost = given.get("cost", COST)
            if not isinstance(cost, int):
                raise _UnusableError(
                    item, "Invalid cost of a passphrase", "It must be a whole number."
                )
            return Passphrase(name=item.name, passphrase=passphrase, cost=cost)
        case "environment":
            variable = _text(item, "variable")
            text = environment.get(variable, "")
            SECRETS.add(text)
            return EnvironmentKey(name=item.name, variable=variable, text=text)
    context = given.get("encryption_context", {})
    if not isinstance(context, Mapping) or not all(
        isinstance(text, str) for text in context.values()
    ):
        raise _UnusableError(
            item, "Invalid encryption context", "encryption_context must be a map of strings."
        )
    return AwsKms(
        name=item.name,
        key_id=_text(item, "kms_key_id"),
        region=_text(item, "region"),
        profile=_text(item, "profile"),
        endpoint=_text(item, "endpoint"),
        context=context,
    )


def _text(item: KeySettings, name: str) -> str:
    value = item.arguments.get(name, "")
    if not isinstance(value, str):
        raise _UnusableError(
            item, "Invalid encryption setting", f'The argument "{name}" must be a string.'
        )
    return value
