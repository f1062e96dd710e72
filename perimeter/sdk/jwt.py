"""Signed JSON web tokens, for credentials that prove a private key (RFC 7515, 7519, 7523)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from perimeter.sdk.errors import Fatal
from perimeter.sdk.redact import SECRETS


def sign_jwt(
    claims: Mapping[str, Any], key_pem: str | bytes, headers: Mapping[str, Any] | None = None
) -> str:
    """Sign claims with a private key: RS256 for RSA keys, ES256 for P-256 keys.

    Args:
        claims: the payload; times are seconds since 1970.
        key_pem: the private key, unencrypted PEM (PKCS #1, PKCS #8 or SEC 1). Newlines may be
            written as a backslash and an ``n``.
        headers: further header fields, such as ``kid``.

    Raises:
        Fatal: the key cannot be read or is of another kind.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    key = _private_key(key_pem)
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = "RS256"
    elif isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        algorithm = "ES256"
    else:
        raise Fatal("The private key is neither an RSA key nor an elliptic curve key on P-256.")
    header = {"alg": algorithm, "typ": "JWT", **(headers or {})}
    signed = f"{_encode(_compact(header))}.{_encode(_compact(claims))}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed.encode("ascii"), padding.PKCS1v15(), SHA256())
    else:
        r, s = utils.decode_dss_signature(key.sign(signed.encode("ascii"), ec.ECDSA(SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    token = f"{signed}.{_encode(signature)}"
    SECRETS.add(token)
    return token


def _private_key(pem: str | bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = pem.decode("utf-8", "replace") if isinstance(pem, bytes) else pem
    if "\n" not in text.strip():
        text = text.replace("\\n", "\n")
    SECRETS.add(text)
    try:
        return load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise Fatal(
            "The private key is encrypted. Give perimeter an unencrypted PEM key."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Fatal(
            "The private key cannot be read. Give the whole PEM text, from -----BEGIN to -----END."
        ) from None


def _compact(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
