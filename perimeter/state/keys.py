"""Where encryption keys come from: a passphrase, or a key in the environment.

A provider gives a *master key* and a few readable facts that lead to it again; each file is encrypted under
a key of its own, derived from the master key (``perimeter.state.encryption``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from perimeter.state.errors import StateError, state_error

Facts = Mapping[str, str | int]
"""What a file's header says about its master key; plain JSON, no secret."""

KEY_BYTES = 32
MIN_PASSPHRASE = 16
"""Characters; as OpenTofu asks for."""

COST = 1 << 16
"""scrypt's N; with r = 8 and p = 2 one of the settings that OWASP's Password Storage Cheat Sheet recommends:
64 MiB and about a third of a second."""
_BLOCK, _PARALLEL = 8, 2
MIN_COST, MAX_COST = 1 << 14, 1 << 20
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a master key is asked for: the workspace and the lineage of the file."""

    workspace: str
    lineage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """A master key, and the facts that lead to it again."""

    secret: bytes = field(repr=False)
    facts: Facts

    @property
    def id(self) -> str:
        """Tells keys apart and discloses none: 16 hex digits."""
        return derived(self.secret, b"", b"perimeter key id 1", 8).hex()


class KeyProvider(Protocol):
    """Gives master keys; threads may share it.

    Attributes:
        kind: ``passphrase``, ``environment`` or ``aws_kms``.
        name: label of the block that configures it.
    """

    @property
    def kind(self) -> str:
        """Which kind of provider it is."""
        ...

    @property
    def name(self) -> str:
        """The label of its block."""
        ...

    def fresh(self, context: Context) -> Master:
        """Return the key to write with.

        Raises:
            StateError: there is none to be had.
        """
        ...

    def found(self, facts: Facts, context: Context) -> Master:
        """Return the key that a file was written with, as far as this provider can tell.

        Raises:
            StateError: the facts are none of this provider's, or its key service refuses.
        """
        ...

    def writes(self, facts: Facts, context: Context) -> bool:
        """Whether what is written now would have the key of a file, which ``found`` gave.

        Raises:
            StateError: the key service refuses.
        """
        ...


def derived(secret: bytes, salt: bytes, purpose: bytes, length: int = KEY_BYTES) -> bytes:
    """Derive a key by HKDF-SHA-256 (RFC 5869)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length, salt or None, purpose).derive(secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passphrase:
    """A master key derived from a passphrase by scrypt (RFC 7914).

    Attributes:
        cost: scrypt's N for what is written; what is read says its own.

    Raises:
        StateError: it is too short, or the cost is out of range.
    """

    name: str
    passphrase: str = field(repr=False)
    cost: int = COST
    kind: str = field(default="passphrase", init=False)

    def __post_init__(self) -> None:
        if len(self.passphrase) < MIN_PASSPHRASE:
            raise state_error(
                "Passphrase too short",
                f'The passphrase of key provider "{self.name}" has {len(self.passphrase)} characters; at least '
                f"{MIN_PASSPHRASE} are needed. Whoever gets hold of a file can try passphrases as fast as their "
                "machines allow: take a long one, made at random.",
            )
        if not _fits(self.cost):
            raise state_error(
                "Invalid cost of a passphrase",
                f'The cost of key provider "{self.name}" must be a power of two between {MIN_COST} and {MAX_COST}.',
            )

    def fresh(self, context: Context) -> Master:
        """Return the key to write with; one derivation per process, however many files it writes."""
        del context
        return self._master(_salt_of(self._fingerprint(), self.cost), self.cost)

    def found(self, facts: Facts, context: Context) -> Master:
        """Return the key that this passphrase gives with a file's salt and cost."""
        del context
        salt, cost = _binary(facts.get("salt")), facts.get("n")
        if (
            salt is None
            or not isinstance(cost, int)
            or not _fits(cost)
            or (facts.get("r"), facts.get("p")) != (_BLOCK, _PARALLEL)
        ):
            raise unreadable_facts(self.kind)
        _remember_salt(self._fingerprint(), cost, salt)
        return self._master(salt, cost)

    def writes(self, facts: Facts, context: Context) -> bool:
        """Whether the cost is the present one: a file may have another salt."""
        del context
        return facts.get("n") == self.cost

    def _master(self, salt: bytes, cost: int) -> Master:
        key = (self._fingerprint(), salt, cost)
        with _LOCK:
            if key not in _DERIVED:
                _DERIVED[key] = _scrypt(self.passphrase, salt, cost)
            secret = _DERIVED[key]
        facts: dict[str, str | int] = {
            "provider": self.kind,
            "name": self.name,
            "kdf": "scrypt",
            "n": cost,
            "r": _BLOCK,
            "p": _PARALLEL,
            "salt": base64.b64encode(salt).decode(),
        }
        return Master(secret=secret, facts=facts)

    def _fingerprint(self) -> bytes:
        return hashlib.sha256(self.passphrase.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentKey:
    """A master key as it stands, in base64, in an environment variable.

    Attributes:
        variable: its name, for messages.
        text: what it holds.

    Raises:
        StateError: the variable is not set, or holds no key of 32 bytes.
    """

    name: str
    variable: str
    text: str = field(repr=False)
    kind: str = field(default="environment", init=False)

    def __post_init__(self) -> None:
        if not self.text:
            raise state_error(
                "Encryption key is missing",
                f'Key provider "{self.name}" reads the environment variable {self.variable}, which is not set. {_MAKE}',
            )
        if (key := _binary(self.text.strip())) is None or len(key) != KEY_BYTES:
            raise state_error(
                "Invalid encryption key",
                f"The environment variable {self.variable} must hold {KEY_BYTES} bytes in base64. {_MAKE}",
            )

    def fresh(self, context: Context) -> Master:
        """Return the key."""
        del context
        secret = _binary(self.text.strip())
        assert secret is not None
        return Master(secret=secret, facts={"provider": self.kind, "name": self.name})

    def found(self, facts: Facts, context: Context) -> Master:
        """Return the key."""
        del facts
        return self.fresh(context)

    def writes(self, facts: Facts, context: Context) -> bool:
        """There is only one."""
        del facts, context
        return True


_MAKE = '"openssl rand -base64 32" makes one; keep it where the state is not.'


def unreadable_facts(kind: str) -> StateError:
    """A header that does not say what its key provider needs."""
    return state_error(
        "Unreadable encryption header",
        f"The header does not say what the {kind} key provider needs to find the key. The file was changed, or written "
        "by a newer perimeter. Restore a good copy, or upgrade perimeter.",
    )


_LOCK = threading.Lock()
_DERIVED: dict[tuple[bytes, bytes, int], bytes] = {}
_SALTS: dict[tuple[bytes, int], bytes] = {}


def _salt_of(fingerprint: bytes, cost: int) -> bytes:
    """The salt that this process writes with: the one of what it has read, else a new one."""
    with _LOCK:
        return _SALTS.setdefault((fingerprint, cost), secrets.token_bytes(_SALT_BYTES))


def _remember_salt(fingerprint: bytes, cost: int, salt: bytes) -> None:
    with _LOCK:
        _SALTS.setdefault((fingerprint, cost), salt)


def _scrypt(passphrase: str, salt: bytes, cost: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    key = Scrypt(salt=salt, length=KEY_BYTES, n=cost, r=_BLOCK, p=_PARALLEL)
    return key.derive(passphrase.encode("utf-8", "surrogatepass"))


def _fits(cost: int) -> bool:
    return MIN_COST <= cost <= MAX_COST and cost & (cost - 1) == 0


def _binary(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
