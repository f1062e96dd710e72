"""Google's manners: error bodies, names, times."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from perimeter.sandbox.wire import Request, Response

Data = dict[str, Any]


class Refusal(Exception):
    """Ends a call with an error answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def refuse(code: int, status: str, message: str) -> Refusal:
    """An error in Google's form; see https://cloud.google.com/apis/design/errors."""
    body = {"error": {"code": code, "message": message, "status": status}}
    return Refusal(Response(status=code, body=body))


def missing(what: str) -> Refusal:
    """What does not exist."""
    return refuse(404, "NOT_FOUND", f"{what} not found.")


def invalid(message: str) -> Refusal:
    """Values that Google refuses."""
    return refuse(400, "INVALID_ARGUMENT", message)


def body_of(request: Request) -> Data:
    """The request's JSON object."""
    try:
        data = request.json()
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise invalid("Invalid JSON payload received.")
    return data


def moment(seconds: float) -> str:
    """A time as Google prints it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def compact(data: Any) -> bytes:
    """Stable bytes of data, for etags."""
    return json.dumps(data, sort_keys=True).encode()
