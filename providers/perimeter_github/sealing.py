"""Sealed boxes, in which GitHub takes secrets: only the holder of the private key can open one."""

from __future__ import annotations

import base64
import binascii

from perimeter.sdk import Retryable

LARGEST = 48 * 1024
"""Bytes of a secret at most; GitHub documentation, "Using secrets in GitHub Actions"."""


def sealed(text: str, public_key: str) -> str:
    """The text in an anonymous box for a public key, both Base64 (libsodium's ``crypto_box_seal``).

    Raises:
        Retryable: the key that GitHub gave is none.
    """
    from nacl.exceptions import CryptoError
    from nacl.public import PublicKey, SealedBox

    try:
        key = PublicKey(base64.b64decode(public_key, validate=True))
    except (binascii.Error, ValueError, TypeError, CryptoError):
        raise Retryable("GitHub gave a public key that is none; nothing was sent.") from None
    return base64.b64encode(SealedBox(key).encrypt(text.encode())).decode()
