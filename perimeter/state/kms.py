"""Master keys from AWS Key Management Service.

GenerateDataKey and Decrypt: https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html. The encryption
context names workspace and lineage, so that a key policy can tell them apart and CloudTrail shows them.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perimeter.state.errors import StateError, state_error
from perimeter.state.keys import Context, Facts, Master, unreadable_facts

_NO_ACCESS = frozenset(
    {"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"}
)


def _is_alias(key: str) -> bool:
    return ":alias/" in key or key.startswith("alias/")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKms:
    """Data keys under a KMS key: one per process, workspace and lineage to write with.

    Attributes:
        key_id: id, ARN or alias of the KMS key.
        context: added to the encryption context.
        region: likewise ``profile`` and ``endpoint``: as boto3 takes them; empty for its own choice.
    """

    name: str
    key_id: str
    region: str = ""
    profile: str = ""
    endpoint: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    kind: str = field(default="aws_kms", init=False)
    _made: dict[Context, Master] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _read: dict[tuple[str, Context], bytes] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _clients: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)
    _lock: threading.Lock = field(
        default_factory=threading.Lock, init=False, repr=False, compare=False
    )

    def fresh(self, context: Context) -> Master:
        """Return a data key to write with.

        Raises:
            StateError: KMS gives none.
        """
        with self._lock:
            if context not in self._made:
                answer = self._call(
                    "generate_data_key",
                    KeyId=self.key_id,
                    KeySpec="AES_256",
                    EncryptionContext=self._context(context),
                )
                blob = base64.b64encode(answer["CiphertextBlob"]).decode()
                self._read[blob, context] = answer["Plaintext"]
                facts: Facts = {
                    "provider": self.kind,
                    "name": self.name,
                    "kms_key": answer["KeyId"],
                    "data_key": blob,
                }
                self._made[context] = Master(secret=answer["Plaintext"], facts=facts)
            return self._made[context]

    def found(self, facts: Facts, context: Context) -> Master:
        """Return the data key that a file was written with.

        Raises:
            StateError: KMS refuses, or it is not a data key.
        """
        blob = facts.get("data_key")
        if not isinstance(blob, str):
            raise unreadable_facts(self.kind)
        with self._lock:
            if (blob, context) not in self._read:
                try:
                    raw = base64.b64decode(blob, validate=True)
                except ValueError:
                    raise unreadable_facts(self.kind) from None
                # Named, so that nobody's own key passes for ours: whoever can write a file could make
                # one under a key of theirs that we may use.
                answer = self._call(
                    "decrypt",
                    CiphertextBlob=raw,
                    EncryptionContext=self._context(context),
                    KeyId=self.key_id,
                )
                used = str(answer["KeyId"])
                if (
                    not _is_alias(self.key_id)
                    and used.rpartition("/")[2] != self.key_id.rpartition("/")[2]
                ):
                    raise self._refused("decrypt", {"Code": "IncorrectKeyException"})
                self._read[blob, context] = answer["Plaintext"]
            return Master(secret=self._read[blob, context], facts=facts)

    def writes(self, facts: Facts, context: Context) -> bool:
        """Whether a file's data key is one of the KMS key that is written under now.

        Raises:
            StateError: KMS refuses.
        """
        return self.fresh(context).facts["kms_key"] == facts.get("kms_key")

    def _context(self, context: Context) -> dict[str, str]:
        named = {"perimeter:workspace": context.workspace, "perimeter:lineage": context.lineage}
        return {**self.context, **{key: text for key, text in named.items() if text}}

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise state_error(
                "AWS support is not installed",
                "The aws_kms key provider needs boto3: pip install 'perimeter-as-code[aws]'.",
            ) from None
        try:
            if not self._clients:
                session = boto3.session.Session(
                    profile_name=self.profile or None, region_name=self.region or None
                )
                limits = Config(
                    connect_timeout=5,
                    read_timeout=20,
                    retries={"max_attempts": 4, "mode": "standard"},
                )
                self._clients.append(
                    session.client("kms", endpoint_url=self.endpoint or None, config=limits)
                )
            found: dict[str, Any] = getattr(self._clients[0], operation)(**arguments)
        except ClientError as problem:
            raise self._refused(operation, problem.response.get("Error", {})) from None
        except BotoCoreError as problem:
            raise state_error(
                "AWS KMS cannot be reached",
                f'Key provider "{self.name}": {problem} Without it the files can be neither read nor written; nothing '
                "was changed. Check region, credentials and network, then run again.",
            ) from None
        return found

    def _refused(self, operation: str, problem: Mapping[str, Any]) -> StateError:
        code = str(problem.get("Code", "unknown"))
        said = str(problem.get("Message", "")).rstrip(".")
        needed = "kms:GenerateDataKey" if operation == "generate_data_key" else "kms:Decrypt"
        advice = f"Check kms_key_id ({self.key_id}) and region."
        if code in _NO_ACCESS:
            advice = f"The credentials need {needed} on the key {self.key_id}."
        elif code in ("InvalidCiphertextException", "IncorrectKeyException"):
            advice = (
                "The file was written under another key or another encryption context, or its header was changed: name "
                "the key it was written with in a fallback block, or restore a good copy."
            )
        return state_error(
            "AWS KMS refused",
            f'Key provider "{self.name}": {code}{f" ({said})" if said else ""}. {advice} Nothing was changed.',
        )
