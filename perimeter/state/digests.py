"""Digests of secrets: enough to see that one changed, useless to whoever has no key.

HMAC-SHA-256 under a key that lies in the encrypted state (never in a plain one), bound to what the secret belongs to and to
the attribute. The key is made once per state and stays when encryption keys are exchanged, so digests stay comparable. Each
digest names its key: one made with another key says nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

import msgspec

from perimeter.state.model import State

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SecretDigests:
    """Makes and compares digests; pure.

    Attributes:
        key: base64, as ``State.digest_key`` holds it.
    """

    key: str = field(repr=False)

    def of(self, subject: str, attribute: str, text: str) -> str:
        """The digest of a secret.

        Args:
            subject: what it belongs to: an object, or an address where there is no object yet.
            attribute: its name.
            text: its canonical form.
        """
        body = b"".join(
            len(part).to_bytes(8, "big") + part
            for part in (
                item.encode("utf-8", "surrogatepass") for item in (subject, attribute, text)
            )
        )
        return f"{self._id()}:{hmac.digest(self._raw(), body, 'sha256').hex()}"

    def knows(self, digest: str) -> bool:
        """Whether a digest was made with this key, so that it can be compared."""
        return digest.partition(":")[0] == self._id()

    def _raw(self) -> bytes:
        return base64.b64decode(self.key)

    def _id(self) -> str:
        return hashlib.sha256(b"perimeter digest key id\n" + self._raw()).hexdigest()[:8]


def new_digest_key() -> str:
    """A random key, base64."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def keyed(state: State, digests: SecretDigests | None) -> State:
    """The state with the key of its digests, so that later runs can compare them."""
    if digests is None or state.digest_key == digests.key:
        return state
    return msgspec.structs.replace(state, digest_key=digests.key)
