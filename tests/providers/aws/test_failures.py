"""Each failure of botocore becomes the error of its consequence."""

from __future__ import annotations

import pytest
from botocore import exceptions as raised
from botocore.parsers import ResponseParserError

from perimeter.sdk import (
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
from perimeter.sdk.failures import Unreached
from perimeter_aws.failures import failure


def refused(code: str, status: int = 400, message: str = "Said so.") -> raised.ClientError:
    return raised.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r-1"},
        },
        "CreateUser",
    )


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("Throttling", 400, RateLimited),
        ("ThrottlingException", 400, RateLimited),
        ("RequestLimitExceeded", 503, RateLimited),
        ("AccessDenied", 403, Forbidden),
        ("AccessDeniedException", 400, Forbidden),
        ("NoSuchEntity", 404, NotFound),
        ("NoSuchEntityException", 404, NotFound),
        ("EntityAlreadyExists", 409, Conflict),
        ("DeleteConflict", 409, Conflict),
        ("ConcurrentModification", 409, Conflict),
        ("EntityTemporarilyUnmodifiable", 409, Retryable),
        ("LimitExceeded", 409, Unsupported),
        ("UnmodifiableEntity", 400, Unsupported),
        ("MalformedPolicyDocument", 400, Invalid),
        ("ValidationError", 400, Invalid),
        ("InvalidClientTokenId", 403, Unauthenticated),
        ("SignatureDoesNotMatch", 403, Unauthenticated),
        ("ExpiredToken", 403, Unauthenticated),
        ("ServiceFailure", 500, Retryable),
        ("SomethingNew", 500, Retryable),
        ("SomethingNew", 400, Invalid),
        ("403", 403, Forbidden),
        ("SomethingNew", 418, Fatal),
        ("ResourceNotFoundException", 400, NotFound),
        ("ParameterNotFound", 400, NotFound),
        ("ParameterVersionNotFound", 400, NotFound),
        ("ResourceExistsException", 400, Conflict),
        ("ParameterAlreadyExists", 400, Conflict),
        ("TooManyUpdates", 400, Retryable),
        ("ParameterMaxVersionLimitExceeded", 400, Unsupported),
        ("LimitExceededException", 400, Unsupported),
        ("EncryptionFailure", 400, Invalid),
        ("InternalServiceError", 500, Retryable),
        ("UnrecognizedClientException", 400, Unauthenticated),
    ],
)
def test_an_answer_is_read_by_its_consequence(
    code: str, status: int, expected: type[ProviderError]
) -> None:
    found = failure(refused(code, status), "iam:CreateUser", write=True)
    assert type(found) is expected
    assert found.status == status
    assert found.request_id == "r-1"
    assert "Said so." in found.message
    in_doubt = expected is Retryable and status >= 500
    assert found.committed is (None if in_doubt else False)


def test_a_denial_names_the_action_that_would_help() -> None:
    message = "User: arn:aws:iam::1:user/x is not authorized to perform: iam:TagUser on resource: y"
    found = failure(refused("AccessDenied", 403, message), "iam:CreateUser", write=True)
    assert isinstance(found, Forbidden)
    assert found.needs == "iam:TagUser"
    other = failure(refused("AccessDenied", 403, "no"), "iam:ListUsers", write=False)
    assert isinstance(other, Forbidden)
    assert other.needs == "iam:ListUsers"


def test_a_malformed_trust_policy_points_to_its_attribute() -> None:
    found = failure(refused("MalformedPolicyDocument"), "iam:UpdateAssumeRolePolicy", write=True)
    assert isinstance(found, Invalid)
    assert found.path == ("assume_role_policy",)


def test_a_conflict_of_a_delete_says_what_hangs_on_it() -> None:
    found = failure(refused("DeleteConflict", 409), "iam:DeleteUser", write=True)
    assert "access keys" in found.message


@pytest.mark.parametrize(
    ("problem", "expected", "committed"),
    [
        (raised.EndpointConnectionError(endpoint_url="https://x"), Unreached, False),
        (raised.ConnectTimeoutError(endpoint_url="https://x"), Unreached, False),
        (raised.ProxyConnectionError(proxy_url="http://p"), Unreached, False),
        (raised.ReadTimeoutError(endpoint_url="https://x"), Retryable, None),
        (raised.ConnectionClosedError(endpoint_url="https://x"), Retryable, None),
        (raised.HTTPClientError(error=OSError("reset")), Retryable, None),
        (ResponseParserError("Unable to parse response: secret"), Retryable, None),
        (raised.SSLError(endpoint_url="https://x", error="bad"), Fatal, None),
        (raised.NoCredentialsError(), Unauthenticated, False),
        (raised.PartialCredentialsError(provider="env", cred_var="x"), Unauthenticated, False),
        (raised.ProfileNotFound(profile="p"), Unauthenticated, False),
        (raised.UnauthorizedSSOTokenError(), Unauthenticated, False),
        (raised.ParamValidationError(report="bad"), Invalid, False),
    ],
)
def test_a_call_without_an_answer_tells_what_was_surely_not_sent(
    problem: Exception, expected: type[ProviderError], committed: bool | None
) -> None:
    found = failure(problem, "iam:CreateUser", write=True)
    assert type(found) is expected
    assert found.committed is committed
    assert failure(problem, "iam:ListUsers", write=False).committed is False


def test_an_answer_that_cannot_be_read_is_not_quoted() -> None:
    """It may hold a new key's secret."""
    found = failure(ResponseParserError("b'<SecretAccessKey>x'"), "iam:CreateAccessKey", write=True)
    assert "SecretAccessKey" not in found.message
    odd = failure(KeyError("<SecretAccessKey>x"), "iam:CreateAccessKey", write=True)
    assert "SecretAccessKey" not in odd.message
    assert odd.committed is None
