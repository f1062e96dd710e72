"""SSH public keys as OpenSSH writes them (RFC 4253 §6.6, sshd(8) AUTHORIZED_KEYS)."""

from __future__ import annotations

import base64
import binascii
import hashlib


def normal(key: str) -> str:
    """Type and key without the comment."""
    return " ".join(key.split()[:2])


def fingerprint(key: str) -> str:
    """``SHA256:`` and the unpadded Base64 of the digest, as ``ssh-keygen -l`` shows it."""
    blob = _blob(key)
    digest = hashlib.sha256(normal(key).encode() if blob is None else blob).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def problem(key: str) -> str:
    """What is wrong with a public key and what to do, or nothing. Never repeats the key."""
    if "PRIVATE KEY" in key:
        return "This is a private key. Give the public one, and replace the pair: it has leaked."
    blob = _blob(key)
    kind = key.split(maxsplit=1)[0] if key.split() else ""
    if blob is None or blob[4 : 4 + len(kind)] != kind.encode():
        return 'This is no OpenSSH public key. It looks like "ssh-ed25519 AAAA…".'
    return ""


def _blob(key: str) -> bytes | None:
    parts = key.split()
    if len(parts) < 2:
        return None
    try:
        return base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return None
