"""Refusals in GitHub's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.sandbox.wire import Response

DOCS = "https://docs.github.com/rest"


class Refused(Exception):
    """A request that GitHub refuses; carries the answer's status, body and further headers."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[dict[str, Any]] | None = None,
        docs: str = DOCS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {
            "message": message,
            **({"errors": errors} if errors else {}),
            "documentation_url": docs,
            "status": str(status),
        }
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        return Response(status=self.status, body=self.body, headers=self.headers)


def not_found() -> Refused:
    """What GitHub answers for what is not there, and often for what the caller may not see."""
    return Refused(404, "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", message: str = "") -> Refused:
    """A value that GitHub refuses."""
    error = {"resource": resource, "field": field, "code": code}
    if message:
        error["message"] = message
    return Refused(422, "Validation Failed", errors=[error])
