"""Where Google's tokens come from: the environment, as Google's own tools read it.

https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perimeter.sdk import (
    SECRETS,
    Auth,
    ConnectRequest,
    Fatal,
    MissingExtra,
    RenewedAuth,
    Retryable,
    Token,
    Unauthenticated,
    bearer,
)

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""The only scope that Secret Manager knows; IAM decides what may be read or written."""


class Account:
    """Who perimeter is to Google.

    Attributes:
        auth: the headers of each request.
        email: the service account, where that is known.
        key_id: the service account's key, where one is used.
        project: the project that the credential names, if it does.
    """

    def __init__(self, auth: Auth, *, email: str = "", key_id: str = "", project: str = "") -> None:
        self.auth = auth
        self.email = email
        self.key_id = key_id
        self.project = project


def account(request: ConnectRequest) -> Account:
    """Find the credential.

    Raises:
        MissingExtra: Google's packages are not installed.
        Fatal: there is no credential, or it cannot be read.
    """
    fixed = _given(
        request, "access_token", "GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"
    )
    if fixed:
        return Account(bearer(fixed))
    text = _given(request, "credentials", "GOOGLE_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS")
    try:
        return _own(_read(request, text), request) if text else _default(request)
    except ImportError:
        raise MissingExtra("google", "google") from None


def _own(info: Mapping[str, Any], request: ConnectRequest) -> Account:
    from google.auth.exceptions import GoogleAuthError

    for name in ("private_key", "refresh_token", "client_secret"):
        SECRETS.add(info.get(name))
    try:
        made = _loaded(dict(info))
    except (GoogleAuthError, ValueError, KeyError, TypeError):
        raise Fatal(
            "Google's credentials cannot be used: they are of no known kind, or incomplete. Give the whole JSON of a service "
            "account's key, of workload identity federation, or of: gcloud auth application-default login"
        ) from None
    return Account(
        _renewed(made, request),
        email=str(info.get("client_email") or ""),
        key_id=str(info.get("private_key_id") or ""),
        project=str(info.get("project_id") or info.get("quota_project_id") or ""),
    )


def _loaded(info: dict[str, Any]) -> Any:
    """Credentials by the kind that the JSON names."""
    made: Any
    kind = info.get("type")
    if kind == "service_account":
        from google.oauth2.service_account import Credentials as ServiceAccount

        made = ServiceAccount
        return made.from_service_account_info(info, scopes=SCOPES)
    if kind == "authorized_user":
        from google.oauth2.credentials import Credentials as User

        made = User
        return made.from_authorized_user_info(info)
    source = info.get("credential_source") or {}
    if kind == "external_account" and str(source.get("environment_id")).startswith("aws"):
        from google.auth.aws import Credentials as FromAws

        made = FromAws
        return made.from_info(info, scopes=SCOPES)
    if kind == "external_account" and "executable" not in source:
        from google.auth.identity_pool import Credentials as Federated

        made = Federated
        return made.from_info(info, scopes=SCOPES)
    raise ValueError(kind)


def _default(request: ConnectRequest) -> Account:
    """What ``gcloud auth application-default login`` left, or the machine's own service account."""
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        made, project = google.auth.default(scopes=SCOPES)
    except GoogleAuthError:
        raise Fatal(
            "No credential for Google. Set GOOGLE_APPLICATION_CREDENTIALS to a file, or GOOGLE_OAUTH_ACCESS_TOKEN, or run: "
            "gcloud auth application-default login"
        ) from None
    email = str(getattr(made, "service_account_email", "") or "")
    return Account(_renewed(made, request), email=email, project=project or "")


def _renewed(credentials: Any, request: ConnectRequest) -> Auth:
    def fetch() -> Token:
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google_auth_httplib2 import Request
        from httplib2 import Http

        connection = Http(timeout=request.timeout)
        try:
            credentials.refresh(Request(connection))
        except TransportError:
            raise Retryable("Google's token service cannot be reached. Try again.") from None
        except GoogleAuthError as refused:
            said = SECRETS.redact(str(refused.args[0] if refused.args else ""))[:300]
            raise Unauthenticated(f"Google gave no token: {said}") from None
        finally:
            connection.close()
        SECRETS.add(credentials.token)
        # google-auth's times are in UTC without saying so.
        until = credentials.expiry
        left = (until.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if until else 3600.0
        return Token(
            headers={"authorization": f"Bearer {credentials.token}"}, lifetime=max(left, 1)
        )

    return RenewedAuth(fetch)


def _read(request: ConnectRequest, text: str) -> Mapping[str, Any]:
    """Credentials' JSON, given as such or as the name of a file."""
    if not text.lstrip().startswith("{"):
        try:
            text = (Path(request.base_dir) / text).read_text(encoding="utf-8")
        except (OSError, ValueError):
            raise Fatal(
                "The file with Google's credentials cannot be read. Check GOOGLE_APPLICATION_CREDENTIALS."
            ) from None
    try:
        info = json.loads(text)
    except ValueError:
        info = None
    if not isinstance(info, dict):
        raise Fatal("Google's credentials are no JSON object. Give the whole file as it is.")
    return info


def _given(request: ConnectRequest, name: str, *variables: str) -> str:
    given = request.config.get(name) or next(
        (request.environment[v] for v in variables if request.environment.get(v)), ""
    )
    return str(given).strip()
