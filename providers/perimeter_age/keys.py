"""Recipients and identities of age (https://age-encryption.org/v1), and the encryption between them.

The only module that imports pyrage. Plugins are never run: they are programs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from perimeter.sdk import SECRETS, Fatal, Invalid, MissingExtra, Unsupported

_NATIVE = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_SSH = re.compile(r"(ssh-ed25519|ssh-rsa) ([A-Za-z0-9+/]+={0,2})(?: .*)?")
_SECRET_KEY = re.compile(r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}")
_OPENSSH = "-----BEGIN OPENSSH PRIVATE KEY-----"
_MAGIC = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
_COMMANDS = "Make a pair with age-keygen, and give what follows `# public key:`."


def recipient(text: str) -> str:
    """A recipient in one form: without blanks around it, and without the comment of an SSH key."""
    text = text.strip()
    found = _SSH.fullmatch(text)
    return f"{found[1]} {found[2]}" if found else text


def fault(text: str) -> str:
    """What is wrong with a recipient, as far as its form tells; empty for nothing."""
    if _NATIVE.fullmatch(text) or _SSH.fullmatch(text):
        return ""
    if text.upper().startswith("AGE-SECRET-KEY-"):
        return (
            f"This is a secret key, not a recipient; take it out of the configuration. {_COMMANDS}"
        )
    if text.startswith("age1"):
        return (
            f"This is no recipient, or one of a plugin, which perimeter does not run. {_COMMANDS}"
        )
    return f"Give age1… or an SSH public key. {_COMMANDS}"


def is_age(content: bytes) -> bool:
    """Whether a file's beginning is that of an age file."""
    return content.startswith(_MAGIC)


def encrypt(text: str, recipients: Iterable[str], *, armor: bool) -> bytes:
    """Encrypt to every recipient.

    Raises:
        Invalid: there is no recipient, or one of them is none.
    """
    pyrage = _pyrage()
    parsed = []
    for given in recipients:
        kind = pyrage.ssh if given.startswith("ssh-") else pyrage.x25519
        try:
            parsed.append(kind.Recipient.from_str(given))
        except pyrage.RecipientError:
            raise Invalid(f"{given[:24]}… is no recipient of age.", path=("recipients",)) from None
    if not parsed:
        raise Invalid("There is nobody to encrypt to.", path=("recipients",))
    sealed: bytes = pyrage.encrypt(text.encode(), parsed, armored=armor)
    return sealed


def decrypt(content: bytes, identities: str) -> str:
    """Decrypt by an identity file's content.

    Raises:
        Unsupported: no identity is given, or none of them is a recipient.
        Fatal: the identities cannot be read.
    """
    if not identities.strip():
        raise Unsupported(
            "The file cannot be decrypted here. Set AGE_IDENTITY to a secret key, or AGE_IDENTITY_FILE to a file with one."
        )
    pyrage = _pyrage()
    SECRETS.add(identities)
    keys: list[Any] = []
    try:
        if identities.lstrip().startswith(_OPENSSH):
            keys.append(pyrage.ssh.Identity.from_buffer(identities.strip().encode() + b"\n"))
        for line in _SECRET_KEY.findall(identities):
            SECRETS.add(line)
            keys.append(pyrage.x25519.Identity.from_str(line))
    except pyrage.IdentityError:
        keys = []
    if not keys:
        raise Fatal("AGE_IDENTITY holds no secret key of age and no OpenSSH private key.")
    try:
        opened: bytes = pyrage.decrypt(content, keys)
        return opened.decode()
    except (pyrage.DecryptError, UnicodeDecodeError):
        raise Unsupported(
            "The file cannot be decrypted by the identities given: none of them is a recipient, or the file is damaged."
        ) from None


def _pyrage() -> Any:
    try:
        import pyrage
    except ImportError:
        raise MissingExtra("age", "age") from None
    return pyrage
