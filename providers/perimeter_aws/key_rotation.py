"""How an access key is rotated: a user has two at most, each can be switched off, and STS tells whether one works.

Sources: IAM User Guide, "Managing access keys for IAM users" and "IAM and AWS STS quotas"; STS API Reference,
"GetCallerIdentity" (which needs no right).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from perimeter.sdk import (
    SECRETS,
    Attributes,
    ConnectRequest,
    CredentialType,
    Invalid,
    Issued,
    IssueRequest,
    Probed,
    ProbeRequest,
    ProviderError,
    SwitchRequest,
    Unauthenticated,
)
from perimeter_aws.attributes import known, time_of
from perimeter_aws.client import AwsReader, AwsWriter, request_id
from perimeter_aws.connect import connect

ID, SECRET = "access_key_id", "secret_access_key"

SETTLES = 60.0
"""Seconds for which a key that is refused may merely be too young; IAM is eventually consistent and states no bound."""

TRIALS = 5
PAUSE = 3.0
"""Trials of a young key and the seconds between two, within one probe."""

TIMEOUT = 10.0
_UNKNOWN = ("InvalidClientTokenId", "UnrecognizedClient", "InvalidAccessKeyId")
_CLOCK = ("Signature expired", "Signature not yet current")

LAG = 4 * 3600.0
"""AWS states no bound for a key's last use. It records one use per 15 minutes (IAM User Guide, "Generate credential
reports"), and shows what it records as last accessed mostly within four hours ("Refine permissions using last accessed
information"): the longer one is taken."""


class AccessKeyCredential(CredentialType):
    """An access key as a credential."""

    members = (ID, SECRET)
    last_used_at = "last_used_at"
    use_lags = LAG
    owner = ("user",)
    limit = 2
    switchable = True
    probeable = True
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "issue": ("iam:CreateAccessKey",),
        "switch": ("iam:UpdateAccessKey",),
        "probe": (),
    }

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def issue(self, writer: AwsWriter, request: IssueRequest) -> Issued:
        """Make a key; AWS makes every key active, and takes no token: a lost answer leaves a key that nobody can use."""
        if request.attributes.get("status") == "Inactive":
            raise Invalid(
                "A rotated key is in use, so that it cannot be declared Inactive. Leave status out.",
                path=("status",),
            )
        user = str(request.attributes["user"])
        answer = writer.write("iam:CreateAccessKey", UserName=user)
        made: dict[str, Any] = answer["AccessKey"]
        secret = str(made.pop("SecretAccessKey"))
        SECRETS.add(secret)
        key = str(made["AccessKeyId"])
        return Issued(
            id=key,
            secret={ID: key, SECRET: secret},
            attributes={
                "id": key,
                "user": user,
                "status": str(made.get("Status") or "Active"),
                "created_at": time_of(made.get("CreateDate")),
            },
            request_id=request_id(answer),
        )

    def switch_off(self, writer: AwsWriter, request: SwitchRequest) -> str:
        """Make it Inactive: calls signed with it are refused from then on."""
        return _switch(writer, request, "Inactive")

    def switch_on(self, writer: AwsWriter, request: SwitchRequest) -> str:
        """Make it Active."""
        return _switch(writer, request, "Active")

    def is_on(self, attributes: Attributes) -> bool:
        """Whether it is Active."""
        return bool(known(attributes, "status") != "Inactive")

    def probe(self, request: ProbeRequest) -> Probed:
        """Ask STS whose key it is, signed with the key itself.

        A key that was just made may be refused for a while, as IAM is eventually consistent, so that a young one is tried
        again; what stays refused does not work.
        """
        key, secret = request.secret.get(ID), request.secret.get(SECRET)
        if not key or not secret:
            return Probed(works=None, detail="what is stored is no access key")
        if key != request.id:
            return Probed(works=None, detail="what is stored is another key")
        SECRETS.add(secret)
        for trial in range(1, TRIALS + 1):
            found, at = _asked(request, key, secret)
            if found.works is not False or trial == TRIALS or not _young(request.attributes, at):
                return found
            self._sleep(PAUSE)
        raise AssertionError("the last trial returns")

    def federate(self, attributes: Attributes) -> str:
        """A role that GitHub Actions assumes by OIDC, in place of a key among its secrets."""
        user = str(known(attributes, "user") or "ci")
        name = json.dumps(user)
        return f"""\
# If it is GitHub Actions that uses this key, it needs none: let the workflow assume a role.
module "github_actions_{_label(user)}" {{
  source = "./modules/github-actions-aws-oidc"

  role_name = {name}
  subjects  = ["repo:ORGANIZATION/REPOSITORY:environment:production"]
}}
"""


def _switch(writer: AwsWriter, request: SwitchRequest, status: str) -> str:
    answer = writer.write(
        "iam:UpdateAccessKey",
        UserName=request.attributes["user"],
        AccessKeyId=request.id,
        Status=status,
    )
    return request_id(answer)


def _asked(request: ProbeRequest, key: str, secret: str) -> tuple[Probed, datetime | None]:
    """One trial, and what time it was by AWS's clock."""
    # Where AWS is, from provider block and environment; who asks, from neither.
    config = {
        name: request.config[name]
        for name in ("region", "endpoint_url")
        if request.config.get(name) is not None
    }
    kept = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE")
    environment = {
        name: value for name, value in request.environment.items() if name.startswith(kept)
    }
    environment |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    asking = ConnectRequest(
        config=config, environment=environment, capacity_share=1.0, timeout=TIMEOUT
    )
    try:
        client = AwsReader(*connect(asking), asking)
    except ProviderError as problem:
        return _failed(problem), None
    try:
        found = client.call("sts:GetCallerIdentity")
    except ProviderError as problem:
        return _failed(problem), client.date
    finally:
        client.close()
    return _whose(request, found), client.date


def _failed(problem: ProviderError) -> Probed:
    """A key that AWS does not know is told from a trial that went wrong, such as by a clock that is off."""
    said = problem.message
    wrong = "SignatureDoesNotMatch" in said and not any(word in said for word in _CLOCK)
    if isinstance(problem, Unauthenticated) and (wrong or any(code in said for code in _UNKNOWN)):
        return Probed(works=False, detail="AWS refuses the key")
    return Probed(works=None, detail=f"it could not be tried: {SECRETS.redact(said)}")


def _whose(request: ProbeRequest, found: Mapping[str, Any]) -> Probed:
    """Whether it is the user's own, and so the one that is meant."""
    arn, user = str(found["Arn"]), known(request.attributes, "user")
    if str(found["Account"]) != request.tenant.id:
        return Probed(works=False, detail=f"it belongs to account {found['Account']}")
    if user and arn.rpartition("/")[2] != user:
        return Probed(works=False, detail=f"it belongs to {arn}")
    return Probed(works=True, detail=f"AWS knows it as {arn}")


def _young(attributes: Attributes, at: datetime | None) -> bool:
    """Whether a key may merely not have arrived everywhere yet; unknown counts as young."""
    made = known(attributes, "created_at")
    if not isinstance(made, str):
        return True
    now = at or datetime.now(UTC)
    return (now - datetime.fromisoformat(made)).total_seconds() < SETTLES


def _label(user: str) -> str:
    """The user's name as part of a block's label."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in user)
