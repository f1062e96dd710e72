"""What botocore raises, as one of the errors of ``perimeter.sdk.errors``.

Codes: IAM API Reference, "Common Errors" and each operation's "Errors"; the service models that botocore ships.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from perimeter.sdk import (
    SECRETS,
    Conflict,
    Fatal,
    Forbidden,
    Invalid,
    NotFound,
    ProviderError,
    RateLimited,
    Retryable,
    Unauthenticated,
    Unsupported,
)
from perimeter.sdk.failures import Unreached, lost, vendor_message

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException.Throttling",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
DENIED = frozenset({"403", "AccessDenied", "UnauthorizedAccess", "UnauthorizedOperation"})
"""``403`` is botocore's code for a refusal that it cannot read."""
REFUSED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "InvalidSignature",
        "UnrecognizedClient",
    }
)
BROKEN = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServer",
        "InternalServerError",
        "InternalService",
        "InternalServiceError",
        "ServiceFailure",
        "ServiceUnavailable",
    }
)
CHANGED = frozenset(
    {
        "ConcurrentModification",
        "EntityAlreadyExists",
        "ParameterAlreadyExists",
        "PreconditionNotMet",
        "ResourceExists",
    }
)
GONE = frozenset(
    {
        "InvalidResourceId",
        "NoSuchEntity",
        "ParameterNotFound",
        "ParameterVersionNotFound",
        "ResourceNotFound",
    }
)
BUSY = frozenset({"EntityTemporarilyUnmodifiable", "TooManyUpdates"})
FULL = frozenset(
    {
        "HierarchyLevelLimitExceeded",
        "LimitExceeded",
        "ParameterLimitExceeded",
        "ParameterMaxVersionLimitExceeded",
    }
)
KEYS = frozenset({"DecryptionFailure", "EncryptionFailure", "InvalidKeyId"})
MALFORMED = frozenset(
    {
        "InvalidInput",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "MalformedPolicyDocument",
        "PasswordPolicyViolation",
        "PolicyNotAttachable",
        "ValidationError",
    }
)
PATHS: Mapping[str, Mapping[str, str]] = {
    "MalformedPolicyDocument": {
        "CreateRole": "assume_role_policy",
        "UpdateAssumeRolePolicy": "assume_role_policy",
    },
    "PolicyNotAttachable": {"AttachUserPolicy": "policy_arn", "AttachRolePolicy": "policy_arn"},
}

_NEEDS = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")
_ADVICE = (
    "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with: aws sso login"
)


def failure(problem: Exception, action: str, *, write: bool) -> ProviderError:
    """The error that a failed call stands for.

    Args:
        problem: what botocore raised.
        action: the call as an IAM action, such as ``iam:CreateUser``.
        write: whether it could have changed something; then ``committed`` is None where nobody can tell.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(problem, ClientError):
        return from_answer(problem.response, action, write=write)
    if isinstance(problem, BotoCoreError):
        return _unanswered(problem, action, write=write)
    # Neither an answer that cannot be read nor anything else unforeseen is quoted: it may hold a new key's secret.
    if type(problem).__name__ == "ResponseParserError":
        return lost(action, "the answer cannot be read", write=write)
    return lost(action, f"the exchange failed ({type(problem).__name__})", write=write)


def from_answer(response: Mapping[str, Any], action: str, *, write: bool) -> ProviderError:
    """The error that an error answer of AWS stands for; ``response`` as botocore parses it."""
    error = response.get("Error") or {}
    about = response.get("ResponseMetadata") or {}
    given = str(error.get("Code") or "")
    code = given.removesuffix("Exception")
    status = about.get("HTTPStatusCode")
    request_id = str(about.get("RequestId") or "")
    said = vendor_message({"message": error.get("Message")})
    text = f"{action}: {given or status} {said}".rstrip()
    text += "" if text.endswith(".") else "."
    more: dict[str, Any] = {"status": status, "request_id": request_id}
    operation = action.partition(":")[2]
    if given in THROTTLED or code in THROTTLED or status == 429:
        return RateLimited(f"{text} Too many calls.", after=0.0, **more)
    if code in DENIED:
        found = _NEEDS.search(said)
        needs = found[1] if found else action
        return Forbidden(f"{text} Allow {needs} in the credential's policy.", needs=needs, **more)
    if code in REFUSED:
        return Unauthenticated(f"{text} The credential was refused. {_hint(code)}", **more)
    if code in GONE:
        return NotFound(text, **more)
    if code in CHANGED:
        return Conflict(f"{text} Somebody else made or changed it; plan again.", **more)
    if code == "DeleteConflict":
        return Conflict(f"{text} {_DEPENDENTS}", **more)
    if code in BUSY:
        return Retryable(f"{text} AWS is still busy with it.", **more)
    if code == "UnmodifiableEntity":
        return Unsupported(f"{text} It belongs to an AWS service, which alone changes it.", **more)
    if code in KEYS:
        return Invalid(f"{text} Check the KMS key and what its policy allows.", **more)
    if code in FULL:
        quota = "Remove what is no longer needed, or raise the quota in Service Quotas."
        return Unsupported(f"{text} {quota}", needs="a higher quota", **more)
    if code in MALFORMED:
        path = PATHS.get(code, {}).get(operation)
        return Invalid(f"{text} Correct the values.", path=(path,) if path else (), **more)
    if code in BROKEN or (status or 0) >= 500:
        more["committed"] = None if write else False
        return Retryable(f"{text} AWS has a problem; try again later.", **more)
    if status == 404:
        return NotFound(text, **more)
    if status == 400:
        return Invalid(f"{text} Correct the values.", **more)
    return Fatal(f"{text} perimeter does not know what to make of it.", **more)


_DEPENDENTS = (
    "AWS removes it only once nothing hangs on it: access keys, attached and inline policies, group memberships, "
    "a console password, MFA devices, certificates, instance profiles. Remove those first; what perimeter manages it "
    "removes in the right order by itself."
)


def _hint(code: str) -> str:
    if code == "ExpiredToken":
        return "Its session has ended. Log in again."
    if code in {"RequestExpired", "SignatureDoesNotMatch", "IncompleteSignature"}:
        return "Check the secret access key, and this machine's clock."
    return "Check that the access key is right, active and not deleted."


def _unanswered(problem: Exception, action: str, *, write: bool) -> ProviderError:
    """The error for a call that got no answer: what was surely never sent is told from what was lost on the way."""
    from botocore import exceptions as raised

    text = " ".join(SECRETS.redact(str(problem)).split())
    text += "" if text.endswith(".") else "."
    if isinstance(problem, raised.NoCredentialsError | raised.PartialCredentialsError):
        return Unauthenticated(f"There are no complete AWS credentials: {text} {_ADVICE}")
    if isinstance(
        problem,
        raised.CredentialRetrievalError
        | raised.ProfileNotFound
        | raised.SSOError
        | raised.TokenRetrievalError
        | raised.UnauthorizedSSOTokenError
        | raised.ConfigNotFound
        | raised.ConfigParseError,
    ):
        return Unauthenticated(f"The AWS credentials cannot be had: {text} {_ADVICE}")
    if isinstance(problem, raised.SSLError):
        return Fatal(
            f"{action}: no trusted TLS connection. Check endpoint_url, the clock, and AWS_CA_BUNDLE. {text}",
            committed=None if write else False,
        )
    if isinstance(
        problem,
        raised.EndpointConnectionError | raised.ConnectTimeoutError | raised.ProxyConnectionError,
    ):
        return Unreached(
            f"{action}: AWS cannot be reached. Check endpoint_url, the network and the proxy. {text}"
        )
    if isinstance(problem, raised.ParamValidationError):
        return Invalid(f"{action}: {text} Correct the values.", status=None)
    if isinstance(problem, raised.ReadTimeoutError):
        return lost(action, "no answer in time", write=write)
    if isinstance(
        problem,
        raised.ConnectionError
        | raised.HTTPClientError
        | raised.ResponseStreamingError
        | raised.IncompleteReadError,
    ):
        return lost(action, "the connection broke before the whole answer had arrived", write=write)
    return Fatal(f"{action}: {text}", committed=None if write else False)
