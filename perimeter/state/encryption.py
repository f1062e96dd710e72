"""Encryption at rest: an envelope around the plain envelope, readable but for its content.

::

    {
     "format": "perimeter state",
     "encryption": {
      "version": 1,
      "cipher": "AES-256-GCM",
      "workspace": "default",
      "lineage": "…",
      "serial": 7,
      "key": {"provider": "passphrase", "name": "main", …, "id": "…"},
      "salt": "…",
      "nonce": "…"
     },
     "checksum": "sha256:…",
     "content": "…"
    }

The key of a file is derived (HKDF-SHA-256) from the provider's master key and the file's own random salt of 256 bits, so no
two files share one and a nonce (96 bits, random) is used once. Format and header are the associated data. The bytes must
be exactly as written, or (inside another document) without any white space: a file that reads the same but is spaced
otherwise is refused. The checksum tells damage from a
wrong key; it protects nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from perimeter.state.envelope import (
    ADVICE,
    UNREADABLE,
    Upgrade,
    canonical,
    collector_paused,
    damaged,
    malformed,
    unwrap,
    wrap,
)
from perimeter.state.errors import StateError, state_error
from perimeter.state.keys import KEY_BYTES, Context, KeyProvider, Master, derived

T = TypeVar("T")

VERSION = 1
_CIPHER = "AES-256-GCM"
_PURPOSE = b"perimeter file key 1"
_NONCE_BYTES = 12
_SNIFFED = 80
"""Bytes within which an encrypted file says so; a plain one has its checksum there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a file is, bound to its content and readable in its header.

    Attributes:
        serial: of the state; of a journal record its sequence; 0 where there is none.
        name: what else identifies it: a plan's fingerprint, when a snapshot was taken.
    """

    workspace: str = "default"
    lineage: str = ""
    serial: int = 0
    name: str = ""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an encrypted file says about itself; see ``Label`` for the middle part."""

    version: int
    cipher: str
    workspace: str
    lineage: str
    serial: int
    name: str
    key: dict[str, str | int]
    salt: bytes
    nonce: bytes

    def words(self) -> str:
        """Which one it is, for people."""
        parts = [f"workspace {self.workspace}"]
        parts += [f"lineage {self.lineage}"] if self.lineage else []
        parts += [f"serial {self.serial}"] if self.serial else []
        parts += [self.name] if self.name else []
        return ", ".join(parts)


class _Sealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    encryption: Header
    checksum: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """How one kind of file is written and may be read.

    Attributes:
        primary: encrypts what is written; None writes plain.
        fallbacks: read what the primary does not; None among them reads plain files.
        enforced: nothing plain is written or read.
    """

    primary: KeyProvider | None = None
    fallbacks: tuple[KeyProvider | None, ...] = ()
    enforced: bool = False

    @property
    def encrypts(self) -> bool:
        """Whether what is written is encrypted."""
        return self.primary is not None

    def wrap(
        self, kind: str, version: int, content: object, label: Label, *, indent: int = 1
    ) -> bytes:
        """Return the persisted form of ``content``; see ``envelope.wrap``.

        Raises:
            StateError: it has no JSON form, or there is no key to be had.
        """
        if self.primary is None:
            return wrap(kind, version, content, indent=indent)
        return self._seal(kind, wrap(kind, version, content, indent=-1), label)

    def unwrap(
        self,
        kind: str,
        data: bytes,
        upgrades: Sequence[Upgrade] = (),
        *,
        into: type[T],
        where: str,
        workspace: str | None = None,
    ) -> T:
        """Return the content of a persisted form; see ``envelope.unwrap``.

        With a ``workspace`` it must be a file of that one.

        Raises:
            StateError: damaged, tampered with, of another workspace, under another key, or plain where
                it must not be.
        """
        if not is_encrypted(data):
            found = unwrap(kind, data, upgrades, into=into, where=where)
            self._check_plain(kind, where)
            return found
        with collector_paused():
            sealed = _sealed(kind, data, where)
        plain = self._opened(kind, sealed, where)
        if workspace not in (None, sealed.encryption.workspace):
            raise state_error(
                f"{kind.capitalize()} of another workspace",
                f'{where} belongs to the workspace "{sealed.encryption.workspace}" ({sealed.encryption.words()}); this is '
                f'"{workspace}". Somebody copied or exchanged files. {ADVICE.get(kind, "")}'.rstrip(),
            )
        return unwrap(kind, plain, upgrades, into=into, where=where)

    def is_current(self, data: bytes) -> bool:
        """Whether a file is written as this would write it now: by the primary key, or plain."""
        if not is_encrypted(data):
            return self.primary is None
        if self.primary is None:
            return False
        try:
            header = _sealed(_kind(data), data, "").encryption
            if header.key.get("provider") != self.primary.kind:
                return False
            context = Context(workspace=header.workspace, lineage=header.lineage)
            found = self.primary.found(header.key, context)
            return found.id == header.key.get("id") and self.primary.writes(header.key, context)
        except StateError:
            return False

    def _seal(self, kind: str, plain: bytes, label: Label) -> bytes:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        assert self.primary is not None
        context = Context(workspace=label.workspace, lineage=label.lineage)
        master = self.primary.fresh(context)
        header = Header(
            version=VERSION,
            cipher=_CIPHER,
            workspace=label.workspace,
            lineage=label.lineage,
            serial=label.serial,
            name=label.name,
            key={**master.facts, "id": master.id},
            salt=secrets.token_bytes(KEY_BYTES),
            nonce=secrets.token_bytes(_NONCE_BYTES),
        )
        cipher = AESGCM(derived(master.secret, header.salt, _PURPOSE))
        content = cipher.encrypt(header.nonce, plain, _associated(kind, header))
        sealed = _Sealed(
            format=f"perimeter {kind}",
            encryption=header,
            checksum=_checksum(kind, header, content),
            content=content,
        )
        return _written(sealed)

    def _opened(self, kind: str, sealed: _Sealed, where: str) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        header = sealed.encryption
        cipher = AESGCM(derived(self._fitting(kind, header, where).secret, header.salt, _PURPOSE))
        try:
            return cipher.decrypt(header.nonce, sealed.content, _associated(kind, header))
        except (InvalidTag, ValueError):
            raise state_error(
                f"Tampered {kind}",
                f"{where} ({header.words()}) was changed on purpose: its checksum fits and its seal does not. Content, "
                f"workspace, lineage or serial are not what perimeter wrote. Trust nothing in it. {ADVICE.get(kind, '')}",
            ) from None

    def _fitting(self, kind: str, header: Header, where: str) -> Master:
        """The master key that a file was written with."""
        written = f'{header.key.get("provider")} "{header.key.get("name")}"'
        known = [item for item in (self.primary, *self.fallbacks) if item is not None]
        if not known:
            raise state_error(
                f"Encryption key needed for this {kind}",
                f"{where} ({header.words()}) is encrypted under a key from {written}, and no encryption is configured "
                "here. Configure it in perimeter { encryption { … } }, or in the environment variable "
                "PERIMETER_ENCRYPTION.",
            )
        refusal: StateError | None = None
        for provider in known:
            if provider.kind != header.key.get("provider"):
                continue
            try:
                master = self._master(provider, header)
            except StateError as problem:
                refusal = refusal or problem
                continue
            if master.id == header.key.get("id"):
                return master
        if refusal is not None:
            raise refusal
        tried = ", ".join(f'{item.kind} "{item.name}"' for item in known)
        raise state_error(
            f"Wrong key for this {kind}",
            f"{where} ({header.words()}) is encrypted under a key from {written} with the id {header.key.get('id')}; "
            f"{tried} {'give' if len(known) > 1 else 'gives'} another one. Supply the key it was written with, or add it as "
            "fallback { … } in the encryption block. Nothing was changed.",
        )

    @staticmethod
    def _master(provider: KeyProvider, header: Header) -> Master:
        context = Context(workspace=header.workspace, lineage=header.lineage)
        return provider.found(header.key, context)

    def _check_plain(self, kind: str, where: str) -> None:
        if not self.enforced and (self.primary is None or None in self.fallbacks):
            return
        how = (
            "encryption is enforced here: take away enforced = true and add"
            if self.enforced
            else "encryption is configured here. If it was written before that was so, add"
        )
        raise state_error(
            f"{kind.capitalize()} is not encrypted",
            f"{where} is plain, and {how} an empty block fallback {{}} to the encryption block, which accepts plain files, "
            'run "perimeter state rekey", then take it out again. If it was encrypted before, somebody replaced it: '
            "restore a good copy.",
        )


PLAIN_KEYS = Keys()
"""Writes and reads plain files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysByKind:
    """The keys of everything that a working directory writes.

    Attributes:
        remote: for states of others, which are only read.
    """

    state: Keys = PLAIN_KEYS
    plan: Keys = PLAIN_KEYS
    snapshot: Keys = PLAIN_KEYS
    remote: Keys = field(default=PLAIN_KEYS)


def is_encrypted(data: bytes) -> bool:
    """Whether a persisted form says of itself that it is encrypted."""
    return b'"encryption"' in data[:_SNIFFED]


def header_of(data: bytes, *, where: str) -> Header | None:
    """What an encrypted file says about itself, unverified; None for a plain one.

    Raises:
        StateError: it is damaged.
    """
    return _sealed(_kind(data), data, where).encryption if is_encrypted(data) else None


def _kind(data: bytes) -> str:
    start = data[:_SNIFFED].partition(b'"perimeter ')[2]
    return start.partition(b'"')[0].decode("utf-8", "replace")


def _written(sealed: _Sealed) -> bytes:
    return msgspec.json.format(canonical(sealed), indent=1) + b"\n"


def _associated(kind: str, header: Header) -> bytes:
    return canonical([f"perimeter {kind}", header])


def _checksum(kind: str, header: Header, content: bytes) -> str:
    digest = hashlib.sha256(_associated(kind, header))
    digest.update(content)
    return f"sha256:{digest.hexdigest()}"


def _sealed(kind: str, data: bytes, where: str) -> _Sealed:
    """Read the outer envelope, which must be exactly as it was written."""
    try:
        sealed = msgspec.json.decode(data, type=_Sealed)
    except msgspec.ValidationError:
        raise _newer(data, where) or damaged(
            kind, where, "its encryption header is not as perimeter writes it"
        ) from None
    except UNREADABLE as problem:
        raise malformed(kind, data, where, problem) from None
    if sealed.format != f"perimeter {kind}":
        raise state_error(
            f"Not a {kind}",
            f'{where} is a "{sealed.format}", and a {kind} is needed here. Check the path.',
        )
    header = sealed.encryption
    if header.version != VERSION or header.cipher != _CIPHER:
        raise _newer(data, where) or damaged(
            kind, where, "its encryption header names no cipher that perimeter uses"
        )
    fits = sealed.checksum == _checksum(kind, header, sealed.content)
    as_written = data in (_written(sealed), canonical(sealed))
    if not fits or len(header.nonce) != _NONCE_BYTES or not as_written:
        raise state_error(
            f"Checksum mismatch in {kind}",
            f"{where} ({header.words()}) was changed after perimeter wrote it: by hand, by a merge, or by a failing disk. "
            f"{ADVICE.get(kind, '')}".rstrip(),
        )
    return sealed


def _newer(data: bytes, where: str) -> StateError | None:
    try:
        found: Any = msgspec.json.decode(data)["encryption"]["version"]
    except (*UNREADABLE, KeyError, TypeError):
        return None
    if not isinstance(found, int) or found <= VERSION:
        return None
    return state_error(
        "Newer encryption format",
        f"{where} has encryption format {found}; this perimeter reads up to {VERSION}. It was written by a newer perimeter: "
        "upgrade perimeter here. Nothing was changed.",
    )
