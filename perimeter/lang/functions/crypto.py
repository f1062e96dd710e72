"""Digests, passwords, UUIDs, RSA."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable

from perimeter.lang.functions.encoding import decode_base64, encode_base64
from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    integer,
    simple,
    text,
)
from perimeter.lang.text import quote
from perimeter.lang.types import NUMBER, STRING
from perimeter.lang.values import Unknown, Value, unknown

_SPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}


def hex_digest(name: str) -> Callable[[bytes], str]:
    """A digest as hexadecimal text; MD5 and SHA-1 are there because the language has them."""
    return lambda data: hashlib.new(name, data, usedforsecurity=False).hexdigest()


def base64_digest(name: str) -> Callable[[bytes], str]:
    """A digest as base64 text."""
    return lambda data: encode_base64(hashlib.new(name, data, usedforsecurity=False).digest())


def _digest(compute: Callable[[bytes], str]) -> Function:
    return simple([Parameter("str", STRING)], STRING, lambda content: compute(content.encode()))


def _uuid(_values: list[Value], context: Context) -> Value:
    if context.planning:
        return unknown(STRING, Unknown(not_null=True))
    return text(str(uuid.uuid4()))


def _uuidv5(namespace: str, name: str) -> str:
    space = _SPACES.get(namespace)
    if space is None:
        try:
            space = uuid.UUID(namespace)
        except ValueError:
            raise FunctionError(
                f"uuidv5() doesn't support namespace {namespace} (it is no UUID, and none of dns, url, "
                "oid, x500)"
            ) from None
    return str(uuid.uuid5(space, name))


def _bcrypt(values: list[Value], context: Context) -> Value:
    if len(values) > 2:
        raise FunctionError("bcrypt() takes no more than two arguments")
    cost = integer(values[1]) if len(values) > 1 else 10
    if cost > 31:
        raise FunctionError(f"cost {cost} is outside allowed range (4,31)")
    secret = values[0].raw.encode()
    if len(secret) > 72:
        raise FunctionError("the password is longer than 72 bytes")
    if context.planning:
        return unknown(STRING, Unknown(not_null=True))
    import bcrypt

    salt = bcrypt.gensalt(rounds=cost if cost >= 4 else 10, prefix=b"2a")
    return text(bcrypt.hashpw(secret, salt).decode("ascii"))


def _rsadecrypt(ciphertext: str, key: str) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_ssh_private_key,
    )

    data = decode_base64(ciphertext)
    if data is None:
        raise FunctionError(
            f"failed to decode input {quote(ciphertext)}: cipher text must be base64-encoded", 0
        )
    pem = key.encode()
    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in pem else load_pem_private_key
    try:
        private = load(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FunctionError(
            "failed to parse the private key: it must be an RSA key in PEM form", 1
        ) from None
    if not isinstance(private, RSAPrivateKey):
        raise FunctionError("the private key must be an RSA key", 1)
    try:
        return private.decrypt(data, PKCS1v15()).decode()
    except UnicodeDecodeError:
        raise FunctionError("the decrypted text is not valid UTF-8") from None
    except ValueError:
        raise FunctionError("failed to decrypt: the key does not fit the cipher text") from None


_STR = Parameter("str", STRING)

FUNCTIONS: dict[str, Function] = {
    "md5": _digest(hex_digest("md5")),
    "sha1": _digest(hex_digest("sha1")),
    "sha256": _digest(hex_digest("sha256")),
    "sha512": _digest(hex_digest("sha512")),
    "base64sha256": _digest(base64_digest("sha256")),
    "base64sha512": _digest(base64_digest("sha512")),
    "uuid": Function(returns=STRING, call=_uuid),
    "uuidv5": simple([Parameter("namespace", STRING), Parameter("name", STRING)], STRING, _uuidv5),
    "bcrypt": Function(
        parameters=(_STR,), variadic=Parameter("cost", NUMBER), returns=STRING, call=_bcrypt
    ),
    "rsadecrypt": simple(
        [Parameter("ciphertext", STRING), Parameter("privatekey", STRING)], STRING, _rsadecrypt
    ),
}
