"""What Okta's error codes mean for the engine.

Source: https://developer.okta.com/docs/reference/error-codes/ and recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.sdk import Answer, Conflict, Invalid, ProviderError, Retryable, Unsupported

_NOT_NOW = {
    "E0000032": "unlocking is not allowed for this user",
    "E0000038": "the user's present status does not allow it",
    "E0000056": "an application must be deactivated before it is deleted",
}


def vendor_error(answer: Answer) -> ProviderError | None:
    """The error an answer stands for, where its status alone would tell the wrong story."""
    body = answer.data
    code = body.get("errorCode") if isinstance(body, Mapping) else None
    if not isinstance(code, str) or answer.status < 400:
        return None
    said = _said(body)
    if answer.status == 400 and ("already exists" in said or "already in use" in said):
        return Conflict(f"Okta: {code} {said} Import it, or choose another name.")
    if answer.status == 403 and code in _NOT_NOW:
        return Invalid(f"Okta refuses: {_NOT_NOW[code]} ({code}).")
    if answer.status == 401 and code == "E0000015":
        return Unsupported(
            f"Okta: {code} this org does not have the feature.", needs="a feature of Okta"
        )
    if code == "E0000239":
        return Retryable("Okta is reconciling policy priorities; try again shortly.", status=423)
    return None


def _said(body: Mapping[str, Any]) -> str:
    causes = body.get("errorCauses")
    words = [body.get("errorSummary")]
    words += [
        cause.get("errorSummary")
        for cause in (causes if isinstance(causes, list) else ())
        if isinstance(cause, Mapping)
    ]
    said = "; ".join(word for word in words if isinstance(word, str))
    return said if said.endswith(".") else f"{said}."
