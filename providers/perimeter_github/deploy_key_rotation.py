"""How a deploy key is rotated: the pair is made in memory, GitHub gets the public half, the sinks get the private one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from perimeter.sdk import SECRETS, CredentialType, Issued, IssueRequest
from perimeter_github.client import Client
from perimeter_github.permissions import KEYS_WRITE
from perimeter_github.public_keys import fingerprint


class DeployKeyCredential(CredentialType):
    """A new key pair beside the old one; keys with one title may live side by side.

    GitHub can switch no single deploy key off, documents no limit of keys per repository, and shows for each key when it was
    last used (the REST API's ``last_used``), without saying how soon.
    """

    members = ("private_key", "public_key")
    last_used_at = "last_used"
    use_lags: ClassVar[float] = 86400.0
    """GitHub promises nothing; a day is on the safe side."""
    owner = ("repository",)
    limit: ClassVar[int] = 1000
    """GitHub documents none; this many on one repository would be a mistake anyway."""
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {"issue": (KEYS_WRITE,)}

    def issue(self, writer: Client, request: IssueRequest) -> Issued:
        """``POST /repos/{owner}/{repo}/keys`` with the public half of a new Ed25519 pair."""
        wanted = request.attributes
        private, public = new_pair(str(wanted["title"]))
        body = {
            "title": wanted["title"],
            "key": public,
            "read_only": wanted.get("read_only") is not False,
        }
        with writer.naming(KEYS_WRITE):
            answer = writer.http.post(writer.repository(str(wanted["repository"]), "keys"), body)
        data = answer.data
        print_ = fingerprint(public)
        return Issued(
            id=f"{str(wanted['repository']).lower()}/{print_}",
            secret={"private_key": private, "public_key": public},
            attributes={
                "key": public,
                "fingerprint": print_,
                "key_id": str(data["id"]),
                "created_at": data.get("created_at"),
            },
            request_id=answer.request_id,
        )


def new_pair(comment: str) -> tuple[str, str]:
    """A new Ed25519 pair in OpenSSH's formats: the private half, registered as a secret, and the public one."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    SECRETS.add(private)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    words = "-".join(comment.split())
    return private, f"{public} {words}" if words else public
