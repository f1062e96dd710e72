"""Signatures of approvals: Ed25519 (RFC 8032) or HMAC-SHA-256 (RFC 2104), with keys from the environment.

A private key or a shared secret is never written, logged or shown; a key is named by a digest of its public half.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from perimeter.diagnostics import DiagnosticError, error
from perimeter.sdk.redact import SECRETS

PRIVATE = "PERIMETER_APPROVAL_KEY"
PUBLIC = "PERIMETER_APPROVAL_PUBLIC_KEYS"
SHARED = "PERIMETER_APPROVAL_SECRET"

SHORTEST = 32
"""Bytes of a shared secret, as many as SHA-256's output (RFC 2104, section 3)."""

ED25519 = "ed25519"
HMAC = "hmac-sha256"

_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)


class SigningError(DiagnosticError):
    """A key is missing or cannot be used."""


def _problem(summary: str, detail: str) -> SigningError:
    return SigningError(error(summary, detail))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Makes signatures.

    Attributes:
        algorithm: ``ed25519`` or ``hmac-sha256``.
        key: the key's name.
        sign: bytes to signature.
    """

    algorithm: str
    key: str
    sign: Callable[[bytes], bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Checks signatures.

    Attributes:
        who: the one person whose key it is; empty where it stands for whoever holds it.
        check: whether a signature over some bytes is this key's.
    """

    algorithm: str
    key: str
    who: str = ""
    check: Callable[[bytes, bytes], bool] = field(repr=False)


def signer(environment: Mapping[str, str], pem: str = "") -> Signer:
    """The signer of a private key's PEM text, or else of the environment.

    Raises:
        SigningError: there is no key, or none that can be used.
    """
    text = pem or environment.get(PRIVATE, "")
    if text:
        SECRETS.add(text)
        return _ed25519_signer(text)
    if environment.get(SHARED):
        secret = _shared(environment[SHARED])
        return Signer(
            algorithm=HMAC,
            key=_shared_name(secret),
            sign=lambda data: hmac.digest(secret, data, "sha256"),
        )
    raise _problem(
        "No key to sign with",
        f"Put an Ed25519 private key (PEM, or base64 of its 32 bytes) into {PRIVATE}, or into a file for -key=FILE; or a shared "
        f"secret of {SHORTEST} bytes or more into {SHARED}. A new key: openssl genpkey -algorithm ed25519",
    )


def verifiers(
    environment: Mapping[str, str], declared: Mapping[str, str] | None = None
) -> tuple[Verifier, ...]:
    """Whose signatures count.

    Where the environment names public keys they alone count, so that configuration, which is what is approved, cannot add to
    them; else those that configuration declares (approver to public key). A shared secret counts besides.

    Raises:
        SigningError: one of them is no key.
    """
    found: list[Verifier] = []
    named = environment.get(PUBLIC, "")
    if named.strip():
        found += [_ed25519_verifier(text, who) for who, text in _entries(named)]
    else:
        found += [_ed25519_verifier(text, who) for who, text in (declared or {}).items()]
    if environment.get(SHARED):
        secret = _shared(environment[SHARED])
        found.append(
            Verifier(
                algorithm=HMAC,
                key=_shared_name(secret),
                check=lambda data, signature: hmac.compare_digest(
                    hmac.digest(secret, data, "sha256"), signature
                ),
            )
        )
    return tuple(found)


def public_key(text: str) -> str:
    """The one form of a public key, base64 of its 32 bytes.

    Raises:
        SigningError: it is none.
    """
    return base64.b64encode(_public_bytes(text)).decode()


def _shared(text: str) -> bytes:
    secret = text.encode()
    if len(secret) < SHORTEST:
        raise _problem(
            "Shared secret is too short",
            f"{SHARED} has {len(secret)} bytes; {SHORTEST} or more are needed. A new one: openssl rand -base64 48",
        )
    SECRETS.add(text)
    return secret


def _shared_name(secret: bytes) -> str:
    return hmac.digest(secret, b"perimeter approval key", "sha256").hex()[:16]


def _name(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def _ed25519_signer(text: str) -> Signer:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data = _binary(text)
    try:
        if data.startswith(b"-----BEGIN"):
            loaded: object = serialization.load_pem_private_key(data, None)
        elif len(data) == 32:
            loaded = Ed25519PrivateKey.from_private_bytes(data)
        else:
            loaded = serialization.load_der_private_key(data, None)
    except (ValueError, TypeError):
        loaded = None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise _problem(
            "Not an Ed25519 private key",
            f"{PRIVATE} (or the file of -key) must hold one, unencrypted: as PEM, or as base64 of its 32 bytes. A new key: "
            "openssl genpkey -algorithm ed25519",
        )
    public = loaded.public_key().public_bytes_raw()
    return Signer(algorithm=ED25519, key=_name(public), sign=loaded.sign)


def _ed25519_verifier(text: str, who: str) -> Verifier:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = _public_bytes(text)
    key = Ed25519PublicKey.from_public_bytes(public)

    def check(data: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    return Verifier(algorithm=ED25519, key=_name(public), who=who, check=check)


def _public_bytes(text: str) -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    data = _binary(text)
    try:
        if data.startswith(b"-----BEGIN"):
            loaded: object = serialization.load_pem_public_key(data)
        elif len(data) == 32:
            loaded = Ed25519PublicKey.from_public_bytes(data)
        else:
            loaded = serialization.load_der_public_key(data)
    except (ValueError, TypeError):
        loaded = None
    if not isinstance(loaded, Ed25519PublicKey):
        raise _problem(
            "Not an Ed25519 public key",
            "A public key is given as PEM (openssl pkey -in KEY -pubout) or as base64 of its 32 bytes, where it is to stand "
            f"for one person as NAME=KEY: in {PUBLIC}, or in an approver block.",
        )
    return loaded.public_bytes_raw()


def _binary(text: str) -> bytes:
    """PEM as it is, what is base64 as bytes, what is neither as nothing."""
    text = text.strip().replace("\\n", "\n").removeprefix(f"{ED25519}:")
    if text.startswith("-----BEGIN"):
        return text.encode()
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data


def _entries(text: str) -> Iterable[tuple[str, str]]:
    """``NAME=KEY`` or ``KEY``, separated by commas, semicolons or line breaks; a key may be PEM of several lines."""
    text = text.replace("\\n", "\n")
    pem: list[str] = []

    def kept(match: re.Match[str]) -> str:
        pem.append(match[0])
        return f"\0{len(pem) - 1}"

    for entry in re.split(r"[,;\n]", _PEM.sub(kept, text)):
        entry = entry.strip()
        if not entry:
            continue
        who, _, key = entry.partition("=")
        if not key.strip("= "):  # base64's own padding
            who, key = "", entry
        key = key.strip()
        yield who.strip(), pem[int(key[1:])] if key.startswith("\0") else key
